# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Sign-out: a session ends on every node, the grant and all other sessions stay."""

import contextlib
import json
import re
import sqlite3
import threading
import time

import pytest

from support.browser import Browser

SETTINGS = """
GraphTokSessionRealm nodes
GraphTokSessionIdle 1h
"""
PLACES = """
<Location "/auth">
    SetHandler graphtok-auth
    GraphTokLogoutReturnTo https://app.example/bye
</Location>
<Location "/plain/auth">
    SetHandler graphtok-auth
    GraphTokSessionRealm plain
</Location>
<Location "/tom/auth">
    SetHandler graphtok-auth
    GraphTokUser static tom
</Location>
GraphTokLimit off
"""
FORM = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}


def session_of(answer):
    """The session cookie that an answer sets, as a browser sends it."""
    session = re.compile(r"graphtok-[0-9a-f]{8}=[^;]+")
    return next(found[0] for field in answer.cookies if (found := session.match(field)))


def ask(url, cookie, path="/auth/token", method="GET", **headers):
    return Browser().send(method, url + path, headers={"Cookie": cookie, **headers})


def is_good(node, cookie):
    return ask(node.url, cookie).status == 200


def sign_in(node, sandbox, hint="ada@sandbox.example", agent="curl/8.5"):
    """The cookie of a new browser's session."""
    browser = Browser(sandbox.ca)
    back = browser.leave_for_sign_in(node.url + "/auth/login", hint)
    return session_of(browser.get(back, headers={"User-Agent": agent}))


@pytest.fixture(scope="module", name="nodes", params=["sqlite3", "pgsql"])
def nodes_fixture(request, make_site):
    """Two servers on one database, whose sessions are the same."""
    one = make_site(engine=request.param, settings=SETTINGS, mounts=PLACES)
    two = make_site(engine=request.param, settings=SETTINGS, mounts=PLACES, database=one.database,
                    migrate=False, keyring=(one.secrets / "keyring").read_text())
    for node in (one, two):
        node.start()
    yield one, two
    for node in (two, one):
        node.end()


def over_within_a_second(node, cookie):
    """How long a session went on after its end, as long as it does for a second and the slack of a busy machine."""
    begun = time.monotonic()
    node.httpd.wait_until(lambda: not is_good(node, cookie), 10)
    return time.monotonic() - begun


def test_X1_one_browser_is_signed_out_everywhere(nodes, sandbox):
    one, two = nodes
    gone, stays = sign_in(one, sandbox), sign_in(two, sandbox)
    assert all(is_good(node, cookie) for node in nodes for cookie in (gone, stays))
    answer = ask(one.url, gone, "/auth/logout", "POST")
    assert answer.status == 200 and answer.json == {"status": "signed_out"}
    assert any("Max-Age=0" in field for field in answer.cookies)
    assert not is_good(one, gone)
    assert over_within_a_second(two, gone) < 3
    # The grant stays, and so does every other session on it.
    assert all(is_good(node, stays) for node in nodes)
    assert ask(two.url, gone, "/auth/logout", "POST").json == {"status": "none"}
    assert "signed out: store main, user" in one.httpd.log()
    assert ask(one.url, "", "/auth/logout", "POST").json == {"status": "none"}
    assert ask(one.url, "", "/tom/auth/logout", "POST").json == {"status": "none"}


def test_X1_no_other_site_signs_anybody_out(nodes, sandbox):
    cookie = sign_in(nodes[0], sandbox)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Origin": "null"}):
        assert ask(nodes[0].url, cookie, "/auth/logout", "POST", **headers).status == 403
    assert ask(nodes[0].url, cookie, "/auth/logout").status == 405
    assert is_good(nodes[0], cookie)


@pytest.mark.parametrize("path, status, where", [
    ("/auth/logout", 303, "https://app.example/bye"),
    ("/auth/logout?return_to=/start%3Fx=1", 303, "{own}/start?x=1"),
    ("/plain/auth/logout", 200, None),
    ("/auth/logout?return_to=//evil.example", 400, None),
    ("/auth/logout?return_to=https://app.example/bye", 400, None)])
def test_X1_a_form_goes_on(nodes, sandbox, path, status, where):
    cookie = sign_in(nodes[0], sandbox)
    answer = ask(nodes[0].url, cookie, path, "POST", **FORM)
    assert answer.status == status
    assert answer.location == (where and where.replace("{own}", nodes[0].url))
    if status == 200:
        assert "Signed out" in answer.text and "/plain/auth/login" in answer.text
    # A refusal ends nothing.
    assert is_good(nodes[0], cookie) == (status == 400 or path.startswith("/plain"))


def test_X1_a_planted_session_is_not_inherited(nodes, sandbox):
    """Session fixation: a cookie that was planted before a sign-in is worth nothing after it."""
    planted = sign_in(nodes[0], sandbox, "alan@sandbox.example")
    browser = Browser(sandbox.ca)
    back = browser.leave_for_sign_in(nodes[0].url + "/auth/login")
    fresh = session_of(browser.get(back, headers={"Cookie": planted + "; " + "; ".join(
        f"{c.name}={c.value}" for c in browser.jar if c.name.startswith("graphtok"))}))
    assert fresh != planted
    assert ask(nodes[0].url, fresh).json["user"] != ask(nodes[0].url, planted).json["user"]


def test_X1_a_sign_out_overtakes_a_call(nodes, sandbox):
    """The answer of a call that was under way brings no session back."""
    one = nodes[0]
    one.configure(settings=SETTINGS.replace("1h", "2s"))
    one.httpd.graceful()
    cookie = sign_in(one, sandbox)
    # A tenth of the span is over: the call will set the cookie anew.
    one.httpd.wait_until(lambda: ask(one.url, cookie).cookies, 5)
    sandbox.fault(where="graph", kind="hang", times=1, seconds=2)
    answers = []
    call = threading.Thread(target=lambda: answers.append(ask(one.url, cookie, "/auth/user")))
    before = sandbox.calls("graph")
    call.start()
    sandbox.wait_for_calls("graph", before + 1)
    assert ask(one.url, cookie, "/auth/logout", "POST").json["status"] == "signed_out"
    call.join()
    for field in answers[0].cookies:
        assert not is_good(one, field.split(";")[0])
    one.configure(settings=SETTINGS)
    one.httpd.graceful()


def test_X1_sessions_are_listed_and_ended(nodes, sandbox):
    one, two = nodes
    one.ctl("sessions", "end", "--all")
    cookies = [sign_in(one, sandbox, agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
               sign_in(two, sandbox), sign_in(two, sandbox, "alan@sandbox.example")]

    def listed(*whose):
        return json.loads(one.ctl("sessions", "list", "--json", *whose).stdout)["sessions"]
    assert len(listed()) == 3 and len(listed("ada@sandbox.example")) == 2
    assert len(listed("--limit", "1")) == 1
    first = next(row for row in listed("ada@sandbox.example") if row["agent"] == "Firefox, Linux")
    assert first["network"] in ("127.0.0.0/24", "::/48")
    assert first["provider"] == "microsoft" and first["ends_at"] > first["began_at"]
    for secret in cookies:
        assert secret.split("=", 1)[1] not in one.database.dump().decode("latin-1")
    done = one.ctl("sessions", "end", first["id"])
    assert done.stdout == "ended 1 listed sessions\n"
    for node in nodes:
        over_within_a_second(node, cookies[0])
        assert is_good(node, cookies[1]) and is_good(node, cookies[2])
    assert one.ctl("sessions", "end", first["id"], check=False).returncode != 0
    assert "ended 1 listed sessions, and all others of 1 user" in one.ctl(
        "sessions", "end", "ada@sandbox.example").stdout
    for node in nodes:
        over_within_a_second(node, cookies[1])
        assert is_good(node, cookies[2])
    fresh = sign_in(two, sandbox)
    assert all(is_good(node, fresh) for node in nodes)
    assert json.loads(two.ctl("sessions", "end", "--all", "--json").stdout)["ended"] == 2
    for node in nodes:
        over_within_a_second(node, fresh)
        over_within_a_second(node, cookies[2])
    assert listed() == []
    for words in (["end"], ["end", "x", "--all"], ["stop"], [], ["list", "a", "b"]):
        assert one.ctl("sessions", *words, check=False).returncode == 64, words


def test_X1_sessions_go_with_their_grant(nodes, sandbox):
    cookie = sign_in(nodes[0], sandbox)
    assert ask(nodes[0].url, cookie, "/auth/revoke", "POST").status == 200
    assert json.loads(nodes[0].ctl("sessions", "list", "ada@sandbox.example", "--json",
                                   check=False).stdout or '{"sessions": []}')["sessions"] == []


def test_X1_many_ended_sessions_of_one_user(nodes, sandbox):
    """More than memory keeps of one user: each request asks for its own."""
    one, two = nodes
    sign_in(one, sandbox)
    stays = sign_in(one, sandbox)
    gone = sign_in(two, sandbox)
    user = ask(one.url, stays).json["user"]
    one.database.sql(
        "INSERT INTO user_tokens_sessions (user_id, provider, id, began_at, used_at, ends_at, "
        "ended_at, revision) " + (
            "SELECT '{0}', 'microsoft', 'e' || n, 1, 1, 9999999999, 1, 0 "
            "FROM generate_series(1, 10000) AS n" if one.database.engine == "pgsql" else
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10000) "
            "SELECT '{0}', 'microsoft', 'e' || n, 1, 1, 9999999999, 1, 0 FROM s").format(user))
    assert ask(two.url, gone, "/auth/logout", "POST").json["status"] == "signed_out"
    for node in nodes:
        over_within_a_second(node, gone)
        assert is_good(node, stays)


def test_X1_an_idle_session_ends(nodes, sandbox):
    one = nodes[0]
    one.configure(settings=SETTINGS.replace("1h", "2s"))
    one.httpd.graceful()
    idle = sign_in(one, sandbox)
    used = [idle]

    def use():
        answer = ask(one.url, used[0])
        assert answer.status == 200
        used[0] = session_of(answer) if answer.cookies else used[0]
        return not is_good(one, idle)
    one.httpd.wait_until(use, 20)
    assert used[0] != idle and is_good(one, used[0])
    one.configure(settings=SETTINGS)
    one.httpd.graceful()


def test_X1_a_graceful_restart_forgets_no_end(nodes, sandbox):
    one, _ = nodes
    cookie, stays = sign_in(one, sandbox), sign_in(one, sandbox)
    assert ask(one.url, cookie, "/auth/logout", "POST").json["status"] == "signed_out"
    one.httpd.graceful()
    assert not is_good(one, cookie) and is_good(one, stays)


def test_X1_a_store_that_is_not_migrated(nodes, sandbox):
    """Sessions are good as before; an end is refused, and says why."""
    one, two = nodes
    one.ctl("migrate", "--to", "11", "--yes", "--store", "main")
    try:
        for node in nodes:  # each has the ids of before for a minute
            node.httpd.stop()
            node.start()
        cookie = sign_in(two, sandbox)
        assert is_good(one, cookie)
        refused = ask(one.url, cookie, "/auth/logout", "POST")
        assert refused.status == 500 and refused.json["tag"] == "GT0443" and not refused.cookies
        assert is_good(two, cookie)
        for verb in (["list"], ["end", "--all"]):
            done = one.ctl("sessions", *verb, check=False)
            assert done.returncode != 0 and "GT0443" in done.stderr
    finally:
        one.migrate()
    assert ask(one.url, cookie, "/auth/logout", "POST").json["status"] == "signed_out"


@contextlib.contextmanager
def away(database):
    """A database that takes no statement."""
    if database.engine == "pgsql":
        database.postgres.stop()
        try:
            yield
        finally:
            database.postgres.start()
        return
    holder = sqlite3.connect(database.params, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def test_X1_the_database_is_away(nodes, sandbox):
    one, _ = nodes
    cookie = sign_in(one, sandbox)
    assert is_good(one, cookie)
    with away(one.database):
        refused = ask(one.url, cookie, "/auth/logout", "POST")
        assert refused.status == 503 and refused.headers["Retry-After"]
        assert not [field for field in refused.cookies if "Max-Age=0" in field]
    one.httpd.wait_until(
        lambda: ask(one.url, cookie, "/auth/logout", "POST").status == 200, 20)
    assert not is_good(one, cookie)
