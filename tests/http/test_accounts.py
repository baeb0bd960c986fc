# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Accounts of the server itself: a password is sent once where it must be, and a refused one not again."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import time

import pytest

from support import httpd as servers
from support.browser import Browser
from support.site import MOUNTS

ADA = "ada@sandbox.example"
SCOPE = "openid profile offline_access User.Read Calendars.ReadWrite"
ACCOUNTS = """
<GraphTokAccount events>
    GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword file:{folder}/secrets/password
    GraphTokAccountScope openid profile offline_access User.Read Calendars.ReadWrite
</GraphTokAccount>
<GraphTokAccount typed>
    GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword a-password-to-be-masked
</GraphTokAccount>
<GraphTokAccount printed>
    GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword "exec:/bin/echo a-password-to-be-masked"
</GraphTokAccount>
<Location "/events">
    SetHandler graphtok-calendar
    GraphTokUseAccount events
    Require ip 127.0.0.1
</Location>
<Location "/staff/events">
    SetHandler graphtok-calendar
    GraphTokUseAccount events
</Location>
<Location "/thief">
    SetHandler graphtok-calendar
    GraphTokUser "expr=account:events"
</Location>
"""
ROBOT = """
<GraphTokAccount robot>
</GraphTokAccount>
<Location "/robot">
    SetHandler graphtok-calendar
    GraphTokUseAccount robot
    GraphTokSharedMailboxes *
    Require ip 127.0.0.1
</Location>
"""
# Two applications, each with the token of an account of its own.
TOLD = """
<Directory "{folder}/htdocs">
    Options +Includes +ExecCGI
    AddOutputFilter INCLUDES .shtml
    AddHandler cgi-script .cgi
</Directory>
ScriptSock {folder}/cgid
<Location "/told">
    GraphTokPassToken env
    Require ip 127.0.0.1
</Location>
<Location "/told/robot">
    GraphTokUseAccount robot
</Location>
<Location "/told/events">
    GraphTokUseAccount events
</Location>
"""
TOKEN = "token:password"


def login(sandbox, **body):
    """How the sandbox answers the account's password."""
    return sandbox.process.control("POST", "login",
                                   {"person": ADA, "consent": SCOPE, **body})["password"]


BOTH = pytest.mark.parametrize("nodes", ["sqlite3", "pgsql"], indirect=True)
ONE = pytest.mark.parametrize("nodes", ["sqlite3"], indirect=True)


@pytest.fixture(scope="module")
def nodes(make_site, request):
    """Two servers at one database."""
    one = make_site(engine=request.param, mounts=MOUNTS + ACCOUNTS + ROBOT + TOLD,
                    modules=("include", "cgid"))
    two = make_site(engine=request.param, mounts=MOUNTS + ACCOUNTS + ROBOT, database=one.database,
                    migrate=False, keyring=(one.secrets / "keyring").read_text())
    for node in (one, two):
        node.write_secret("password", "a-password-to-be-set")
        node.start()
    yield one, two
    two.end()
    one.end()


@pytest.fixture
def first(nodes, sandbox):
    """The first one, with an account that has no grant, and the right password."""
    one, _ = nodes
    one.ctl("revoke", "account:events", check=False)
    for node in nodes:
        node.write_secret("password", login(sandbox) + "\n")
        node.seen = len(node.httpd.log())
    return one


def ask(first, path="/events/events", **headers):
    return Browser().get(first.url + path, headers=headers)


def row(first, *columns):
    answer = first.database.sql(f"SELECT {', '.join(columns)} FROM user_tokens "
                                 "WHERE user_id = 'account:events'")
    return answer[0] if answer else None


def refused(first, answer):
    """An answer that says no more than a tag; the log says what to do about it."""
    assert answer.status == 502 and "login_url" not in answer.json, answer
    assert ADA not in answer.text and "GraphTok" not in answer.text
    return first.httpd.log()[first.seen:]


@BOTH
def test_T11_its_tokens_come_when_they_are_first_needed(first, nodes, sandbox):
    assert sandbox.calls(TOKEN) == 0
    assert ask(first).status == 200
    assert ask(nodes[1]).status == 200
    assert sandbox.calls(TOKEN) == 1
    assert row(first, "token_type", "status", "email") == ["ropc", "1", ADA]
    assert first.ctl("token", "account:events").stdout.strip()
    assert ask(first, "/staff/events/events", Authorization="Basic Ym9iOmJvYg==").status == 200
    assert ask(first, "/staff/events/events").status == 401
    assert sandbox.calls(TOKEN) == 1
    log = first.httpd.log()
    assert "GraphTokAccountGrant password shows the account's password" in log


@ONE
def test_T11_they_are_refreshed_and_got_anew_when_that_is_refused(first, sandbox):
    assert ask(first).status == 200
    sandbox.expire_access(ADA)
    assert ask(first).status == 200
    assert (sandbox.calls(TOKEN), sandbox.calls("token:refresh_token")) == (1, 1)
    sandbox.revoke(ADA)
    sandbox.expire_access(ADA)
    assert ask(first).status == 200
    assert sandbox.calls(TOKEN) == 2


@BOTH
def test_T11_two_nodes_at_once_send_it_once(first, nodes, sandbox):
    sandbox.fault(where="token", kind="delay", seconds=0.5, times=1)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = [pool.submit(ask, nodes[i % 2]) for i in range(24)]
    assert {answer.result().status for answer in answers} == {200}
    assert sandbox.calls(TOKEN) == 1


@BOTH
def test_T11_a_wrong_one_is_sent_once_by_all_nodes(first, nodes, sandbox):
    for node in nodes:
        node.write_secret("password", "another-password-0\n")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(ask, nodes[i % 2]) for i in range(200)]
    assert {answer.result().status for answer in answers} == {502}
    log = refused(first, ask(first))
    assert sandbox.calls(TOKEN) == 1
    assert "GT0623" in log and "graphtokctl acquire --force events" in log
    assert row(first, "status", "error_count") == ["0", "1"]
    first.httpd.graceful()
    refused(first, ask(first))
    done = first.ctl("token", "account:events", check=False)
    assert done.returncode != 0 and "GT0623" in done.stderr
    assert sandbox.calls(TOKEN) == 1
    # The right one is tried at once, on the node that has it; the other one uses its token.
    first.write_secret("password", login(sandbox) + "\n")
    assert ask(first).status == 200
    assert ask(nodes[1]).status == 200
    assert sandbox.calls(TOKEN) == 2


@ONE
def test_T11_no_more_than_a_few_different_ones_are_sent(first, sandbox):
    for i in range(8):
        first.write_secret("password", f"another-password-{i % 7}\n")
        refused(first, ask(first))
    assert sandbox.calls(TOKEN) == 5


@ONE
def test_T11_a_provider_in_trouble_has_refused_nothing(first, sandbox):
    sandbox.fault(where="token", kind="status", status=503, times=1)
    assert ask(first).status in (502, 503)
    assert row(first, "status", "refused_until") == ["1", "0"]
    sandbox.fault("token", "none")
    def is_back():
        return ask(first).status == 200
    first.httpd.wait_until(is_back, 45)
    assert row(first, "status", "error_count") == ["1", "0"]


@ONE
def test_T11_a_refusal_says_what_to_do(first, sandbox):
    login(sandbox, code=50076)
    log = refused(first, ask(first))
    assert "a password alone cannot give a second factor" in log
    assert row(first, "error_message") == ["refused GT0622 AADSTS50076"]
    refused(first, ask(first))
    assert sandbox.calls(TOKEN) == 1


@ONE
def test_T11_an_account_that_is_the_application_itself(first, sandbox):
    assert ask(first, "/robot/users/grace@sandbox.example/events").status == 200
    assert ask(first, "/robot/users/ada@sandbox.example/events").status == 200
    assert ask(first, "/robot/events").status == 400
    assert sandbox.calls("token:client_credentials") == 1
    assert json.loads(first.ctl("list", "--json").stdout)["grants"] == []


@ONE
def test_T11_no_caller_can_be_an_account(first):
    answer = ask(first, "/thief/events")
    assert answer.status == 403 and answer.json["detail"], answer
    assert "GT0871" in first.httpd.log()[first.seen:]


@ONE
def test_T11_a_graceful_restart_meanwhile(first, sandbox):
    sandbox.fault(where="token", kind="delay", seconds=2, times=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, first)
        sandbox.wait_for_calls(TOKEN, 1)
        first.httpd.graceful()
        assert answer.result().status == 200
    assert ask(first).status == 200
    assert sandbox.calls(TOKEN) == 1


@ONE
def test_T11_one_that_was_deactivated_stays_so(first, sandbox):
    assert ask(first).status == 200
    first.ctl("deactivate", "account:events")
    first.httpd.wait_until(lambda: ask(first).status == 403, 10)
    assert re.search("GT0634", first.httpd.log()[first.seen:])
    done = first.ctl("validate", "account:events", check=False)
    assert done.returncode == os.EX_NOPERM and "GT0634" in done.stderr, done
    assert sandbox.calls(TOKEN) == 1


@ONE
def test_O3_acquire(first, sandbox):
    def acquire(*options):
        done = first.ctl("acquire", *options, check=False)
        return done.returncode, done.stdout, done.stderr
    code, out, _ = acquire("events")
    assert code == 0 and out.startswith("events: a token until ")
    assert acquire("--token-type", "ropc", "events", "robot")[0] == 0
    assert sandbox.calls(TOKEN) == 1 and sandbox.calls("token:client_credentials") == 0
    assert acquire("--force", "events")[0] == 0 and sandbox.calls(TOKEN) == 2
    answer = json.loads(acquire("--json", "events", "robot")[1])["accounts"]
    assert [(one["account"], one["token_type"], one["ok"]) for one in answer] == [
        ("events", "ropc", True), ("robot", "client_credentials", True)]
    first.write_secret("password", "another-password-0\n")
    code, _, err = acquire("--force", "events")
    assert code != 0 and "AADSTS50126" not in err and "correct GraphTokAccountUser" in err
    assert acquire("events")[0] != 0 and sandbox.calls(TOKEN) == 3
    assert acquire("--force", "events")[0] != 0 and sandbox.calls(TOKEN) == 4
    assert acquire("nobody")[0] == 66 or "GT0920" in acquire("nobody")[2]
    assert acquire("--token-type", "other")[0] == 64


@ONE
@pytest.mark.parametrize("name", ["typed", "printed"])
def test_O3_a_masked_password_is_never_sent(first, sandbox, name):
    """httpd's dump shows it masked, and a mask that is sent is a wrong password."""
    user = f"account:{name}"
    for verb in (("token", user), ("acquire", "--force", name), ("refresh", user)):
        done = first.ctl(*verb, check=False)
        assert done.returncode != 0 and "GT0638" in done.stderr, (verb, done.stderr)
    first.ctl("validate", user, check=False)
    assert sandbox.calls("token") == 0
    first.ctl("revoke", user)


def begin_login(site, *options):
    """graphtokctl login, when it has shown its code; the code."""
    asks = re.compile(r"To sign in, open \S+/devicelogin and enter the code (\w{9}) within 15min$")
    program = subprocess.Popen(
        [servers.build_folder() / "graphtokctl", "--httpd", " ".join(site.httpd.command()),
         "login", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **site.httpd.environment})
    found = next(filter(None, map(asks.match, program.stderr)))
    return program, found[1]


def end_login(program):
    try:
        out, err = program.communicate(timeout=60)
    finally:
        program.kill()
    return program.returncode, out, err


@pytest.fixture
def decide(sandbox):
    """A person's decision about a code; devices may ask each second."""
    sandbox.process.control("POST", "settings", {"device_interval": 1})
    def send(code, choice):
        return sandbox.process.control("POST", "device", {"user_code": code, "choice": choice})["done"]
    return send


@ONE
def test_O3_a_login_is_stored_as_any_sign_in(first, sandbox, decide):
    sandbox.fault(where="token", kind="entra_error", code=70016, error="slow_down", times=1)
    slow, code = begin_login(first, "--json", "tablet")
    sandbox.wait_for_calls("token", 1)
    since = time.monotonic()
    assert decide(code, ADA)
    quick, its_code = begin_login(first, "--account", "events")
    sandbox.wait_for_calls("token", 2)  # authorization_pending
    assert decide(its_code, ADA)
    status, out, err = end_login(quick)
    assert status == 0 and "GT0924" not in err, err
    assert out == f"signed in as {ADA}: user account:events at microsoft in store main\n"
    assert ask(first).status == 200 and sandbox.calls(TOKEN) == 0
    status, out, err = end_login(slow)
    assert status == 0, err
    shown, done = map(json.loads, out.splitlines())
    assert shown["verification_uri"].endswith("/devicelogin")
    assert (shown["user_code"], shown["expires_in"]) == (code, 900)
    assert done == {"user": "tablet", "provider": "microsoft", "store": "main", "email": ADA}
    assert time.monotonic() - since > 3  # five seconds more than the second that was said
    assert first.ctl("token", "tablet").stdout.strip()
    first.ctl("revoke", "tablet")


@ONE
@pytest.mark.parametrize("choice, says", [
    ("decline", "the user has declined"), ("expire", "GT0637"), (None, "GT0923"),
    ("grace@sandbox.example", "GT0924")])
def test_O3_a_login_that_is_not_as_it_was_meant(first, sandbox, decide, choice, says):
    program, code = begin_login(first, "--account", "events")
    if choice is None:
        sandbox.wait_for_calls("token", 1)
        program.send_signal(signal.SIGINT)
    else:
        assert decide(code, choice)
    status, out, err = end_login(program)
    assert says in err, err
    assert (status == 0, out != "", row(first, "email") is not None) == (3 * (says == "GT0924",))


CODES = {"device_code": "d", "user_code": "ABCD-EFGH", "expires_in": 900,
         "verification_uri": "https://login.example/device"}


@ONE
@pytest.mark.parametrize("changes", [
    {"device_code": None}, {"user_code": ""}, {"user_code": "\x1b[2JABCD"}, {"user_code": "A" * 65},
    {"verification_uri": "http://login.example/device"}, {"expires_in": 0},
    {"verification_uri": "https://login.example/\n"}], ids=str)
def test_O3_an_answer_to_a_device_is_not_shown_as_it_is(first, sandbox, changes):
    sandbox.fault(where=f"/{sandbox.tenant}/oauth2/v2.0/devicecode", kind="answer",
                  body=json.dumps({**CODES, **changes}))
    done = first.ctl("login", check=False)
    assert done.returncode == 75 and "GT0527" in done.stderr and "enter" not in done.stderr, done
    assert sandbox.calls("token") == 0


@ONE
def test_O3_a_public_client_shows_no_secret(first, sandbox):
    confidential = first.text["credential"]
    first.configure(credential="GraphTokClientAuth none", mounts=MOUNTS + ACCOUNTS)
    try:
        done = first.ctl("acquire", "events", check=False)
        assert done.returncode != 0 and "allow public client flows" in done.stderr, done.stderr
        sandbox.process.settings(public_flows=True)
        first.ctl("acquire", "events")
        first.ctl("refresh", "account:events")
    finally:
        first.configure(credential=confidential, mounts=MOUNTS + ACCOUNTS + ROBOT)
    assert (sandbox.calls(TOKEN), sandbox.calls("token:refresh_token")) == (2, 1)


@ONE
def test_a_part_of_a_page_has_no_other_accounts_token(first):
    """A sub-request inherits what its main request was given, at places of the same account alone."""
    pages = first.folder / "htdocs/told"
    for name in ("robot", "events"):
        (pages / name).mkdir(parents=True)
        part = pages / name / "part.cgi"
        part.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' \"$GRAPHTOK_TOKEN_USER\"\n")
        part.chmod(0o755)
    (pages / "robot/page.shtml").write_text("".join(
        f'<!--#include virtual="/told/{name}/part.cgi" -->|' for name in ("robot", "events")))
    assert ask(first, "/told/robot/page.shtml").text == "account:robot||"
