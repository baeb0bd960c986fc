# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O2: pages for administrators, as a client without script sees them."""

import base64
import html
import html.parser
import json
import pathlib
import re
import sqlite3
import time
import urllib.parse

import pytest

from support.sealed import seal
from support.site import MOUNTS, administered

ROWS = pathlib.Path(__file__).resolve().parents[1] / "sandbox" / "made_up_grants.sql"
ADMIN = administered("/deep/down/admin", "graphtok-admin", "user ada bob") + """
<Location "/own">
    SetHandler graphtok-admin
    AuthType GraphTok
    Require user 11111111-0000-4000-8000-000000000001@none
</Location>
"""
EVIL = "<b>x</b>\u202e\"'><script>alert(1)</script>"


class Reader(html.parser.HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def administered(make_site):
    made = make_site(mounts=MOUNTS + ADMIN,
                     settings="GraphTokBackground on\nGraphTokRefreshUsedWithin 1min\nGraphTokRefreshRate 1\n")
    with sqlite3.connect(made.database.params) as rows:
        rows.execute(ROWS.read_text(encoding="utf-8"), {"n": 120})
        rows.execute("UPDATE user_tokens SET user_id = ?, email = ?, error_message = ?, error_count = 1 "
                     "WHERE user_id = 'amelie.adler0'", (EVIL, EVIL, EVIL))
    made.database.hand_over()
    made.start()
    yield made
    made.end()


@pytest.fixture
def ask(administered, browser):
    """Ask as an administrator, or as another."""
    def send(method, path, user="ada", body=None, place="/deep/down/admin", **fields):
        headers = {"Accept": "text/html", **fields}
        if user:
            word = base64.b64encode(f"{user}:{user}".encode()).decode()
            headers["Authorization"] = "Basic " + word
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = path if path.startswith("http") else administered.url + place + path
        return browser.send(method, url, body=body, headers=headers)
    return send


def token_of(page):
    return next(one["content"] for one in Reader(page.text).all("meta")
                if one.get("name") == "csrf-token")


def grant_of(ask, user):
    """The path of a user's grant, as the table links to it."""
    page = Reader(ask("GET", "/grants?q=" + urllib.parse.quote(user)).text)
    links = [one["href"] for one in page.all("a")
             if re.search(r"/grants/[0-9a-f]{32}$", one["href"])]
    assert len(links) == 1
    return links[0].removeprefix("/deep/down/admin")


@pytest.mark.parametrize("path", ["", "/", "/grants", "/grants?status=needs-user&q=&provider=&days="])
def test_pages_hold_nothing_foreign(ask, path):
    answer = ask("GET", path)
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    page = Reader(answer.text)
    assert not page.all("style") and not any("style" in a or "onclick" in a for _, a in page.elements)
    assert [s for s in page.all("script") if "src" not in s] == []
    ours = [a[name] for _, a in page.elements for name in ("href", "src", "action") if name in a]
    assert ours and all(one.startswith(("/deep/down/admin/", "#")) for one in ours), ours


def test_foreign_text_stays_text(ask):
    for path in ("/grants", grant_of(ask, EVIL)):
        answer = ask("GET", path)
        page = Reader(answer.text)
        assert "\u202e" not in answer.text and "<b>x</b>" not in answer.text
        assert not [s for s in page.all("script") if "src" not in s]
        assert EVIL.replace("\u202e", "\ufffd") in page.text


@pytest.mark.parametrize("accept,tag,word", [
    ("de-AT,en;q=0.5", "de", "Freigaben"), ("fr", "en", "Grants"), (None, "en", "Grants")])
def test_languages(ask, accept, tag, word):
    answer = ask("GET", "/grants", **({"Accept-Language": accept} if accept else {}))
    assert Reader(answer.text).all("html") == [{"lang": tag}]
    assert answer.headers["Content-Language"] == tag and f"<h1>{word}</h1>" in answer.text


def test_pictures_and_the_same_as_tables(ask, administered):
    """What servers counted two hours ago: a bar in each span, and its figures in a table."""
    hour = int(time.time()) // 3600 - 2
    names = ", ".join(["run", "number", "hour", "refreshed", "failed", "failed_calls",
                       *(f"calls{i}" for i in range(13))])
    calls = ", ".join("100" if i in (3, 5) else "0" for i in range(13))
    administered.database.sql(f"INSERT INTO user_tokens_hours ({names}) "
                              f"VALUES ('aa', 1, {hour}, 57, 3, 2, {calls})")
    for span, slots in (("day", 24), ("week", 28), ("month", 30), ("nonsense", 28)):
        text = ask("GET", "/?span=" + span).text
        tables = re.findall(r"<figure.*?</figure>", text, re.S)
        assert len(tables) == 4 and all(text.count(f'id="{one}-title"') == 1
                                        for one in ("shares", "refreshes", "latency", "expiries"))
        assert tables[1].count("<g>") == slots and tables[1].count("<tr>") == slots + 1
        assert '<td class="number">57</td><td class="number">3</td>' in tables[1]
        assert tables[1].count('class="bad"') == 1 and tables[1].count("polyline") == 0
        assert '<td class="number">100</td><td class="number">475</td>' in tables[2]
        assert tables[2].count("<polyline") == 2 and tables[3].count("<tr>") == 31
        for svg in re.findall("<svg[^>]*>", text):
            assert 'role="img"' in svg and "aria-labelledby=" in svg


def test_a_list_is_read_to_its_end(ask):
    """In pages as long as were asked for."""
    seen, path = [], "/grants?limit=45"
    while path:
        page = Reader(ask("GET", path).text)
        rows = [a["value"] for a in page.all("input") if re.fullmatch("[0-9a-f]{32}", a.get("value", ""))]
        assert len(rows) <= 45
        seen += rows
        after = [a["href"] for a in page.all("a") if a.get("rel") == "next"]
        path = after[0].removeprefix("/deep/down/admin") if after else None
    assert len(seen) == 120 and len(set(seen)) == 120


def test_why_a_grant_fails(ask):
    failing = Reader(ask("GET", "/grants?status=needs-user").text)
    links = [a["href"] for a in failing.all("a") if re.search("/grants/[0-9a-f]{32}$", a["href"])]
    page = ask("GET", links[0].removeprefix("/deep/down/admin"))
    assert page.status == 200 and re.search("(a second factor is wanted|consent is missing).*"
                                             "AADSTS(50076|65001)", page.text, re.S)
    assert ask("GET", "/grants/" + "0" * 32).status == 404


def test_what_the_script_needs_is_kept_by_browsers(ask):
    page = Reader(ask("GET", "/").text)
    for path in [page.all("script")[0]["src"]] + [a["href"] for a in page.all("link")]:
        path = path.removeprefix("/deep/down/admin")
        answer = ask("GET", path)
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
        again = ask("GET", path, **{"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304 and not again.body
        other = ask("GET", re.sub("-[0-9a-f]{16}", "-" + "0" * 16, path))
        assert other.body == answer.body and other.headers["Cache-Control"] == "no-cache"
        assert ask("GET", path, user=None).status == 401
    assert ask("GET", "/assets/admin-0123456789abcdef.c").status == 404


def test_an_act_by_a_form(ask):
    path = grant_of(ask, "ben.braun0")
    page = ask("GET", path)
    form = {"csrf_token": token_of(page)}
    assert f'value="{html.escape(form["csrf_token"])}"' in page.text
    answer = ask("POST", path + "/deactivate", body=form)
    assert answer.status == 303 and answer.location.endswith(path + "?done=deactivated")
    after = ask("GET", path + "?done=deactivated").text
    assert "The grant is deactivated." in after and "deactivated by an administrator" in after
    refused = ask("POST", path + "/refresh", body=form)  # a token that cannot be opened
    assert refused.status == 503 or refused.status == 500
    assert refused.headers["Content-Type"].startswith("text/html")
    gone = ask("POST", path + "/revoke", body=form)
    assert gone.status == 303 and gone.location == "/deep/down/admin/grants?done=revoked"
    assert "The grant was revoked." in ask("GET", "/grants?done=revoked").text
    assert ask("GET", path).status == 404
    cleaned = ask("POST", "/cleanup", body=form)
    assert cleaned.status == 303 and "Cleaned up" in ask("GET", cleaned.location.removeprefix(
        "/deep/down/admin")).text


def begin_job(ask, act, users):
    """The path of the page of a job that was begun as the page's script does it."""
    ids = [grant_of(ask, user).removeprefix("/grants/") for user in users]
    answer = ask("POST", "/api/bulk", body=json.dumps({"act": act, "ids": ids}).encode(),
                 **{"Content-Type": "application/json", "X-CSRF-Token": token_of(ask("GET", "/"))})
    assert answer.status == 202 and answer.headers["Location"].endswith("/api/bulk/" + answer.json["job"])
    return "/bulk/" + answer.json["job"]


def wait_for_job(ask, path, state):
    job = {"state": "waiting", "done": 0}
    while job["state"] != state:
        job = ask("GET", f"/api{path}?known={job['done']}&state={job['state']}&wait=5").json
    return job


def test_a_job_without_script(ask):
    """Its page tells how far it is, and each grant's result; forms stop it and go on with it."""
    path = begin_job(ask, "deactivate", ["finn.fischer0", "greta.gross0"])
    assert wait_for_job(ask, path, "done")["succeeded"] == 2
    page = ask("GET", path)
    assert "2 of 2 done" in page.text and "finn.fischer0" in page.text and 'data-state="done"' in page.text
    assert "finn.fischer0" not in ask("GET", path + "?outcome=failed").text
    assert path in ask("GET", "/bulk").text
    path = begin_job(ask, "refresh", ["ida.ivanov0", "jonas.jung0", "lena.adler0"])  # one a second
    form = {"csrf_token": token_of(page)}
    assert ask("POST", path + "/stop", body={"a": "b"}).status == 403
    stopped = ask("POST", path + "/stop", body=form)
    assert stopped.status == 303 and stopped.location == "/deep/down/admin" + path
    assert wait_for_job(ask, path, "stopped")["done"] < 3
    assert "Stopped" in ask("GET", path).text
    assert ask("POST", path + "/continue", body=form).status == 303
    job = wait_for_job(ask, path, "done")
    assert job["failed"] == 3 and "GT0210" in ask("GET", path + "?outcome=failed").text


def test_each_change_shows_the_token_of_a_page(ask, administered):
    path = grant_of(ask, "clara.cetin0")
    token = token_of(ask("GET", path))
    others = token_of(ask("GET", path, user="bob"))
    broken = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    asks = [("POST", path + "/deactivate", "form"), ("POST", "/api" + path + "/deactivate", "field"),
            ("DELETE", "/api" + path, "field"), ("POST", "/api/cleanup_tokens/", "field")]
    for method, where, way in asks:
        for shown, tag in ((None, "GT1250"), ("x", "GT1251"), (broken, "GT1251"), (others, "GT1251"),
                           (token * 9, "GT1251")):
            fields = {"X-CSRF-Token": shown} if shown and way == "field" else {}
            body = {"csrf_token": shown} if shown and way == "form" else {"a": "b"} if way == "form" else b""
            answer = ask(method, where, body=body, **{"Accept": "application/json", **fields})
            assert answer.status == 403 and answer.json["tag"] == tag, (where, shown)
        for fields in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            body = {"csrf_token": token} if way == "form" else b""
            answer = ask(method, where, body=body, **{"X-CSRF-Token": token, **fields})
            assert answer.status == 403 and "GT0814" in answer.text
    assert ask("GET", "/api" + path).json["status"] == "active"
    answer = ask("POST", "/api" + path + "/deactivate", body=b"", **{"X-CSRF-Token": token})
    assert answer.json["status"] == "deactivated"
    assert ask("GET", "/api/grants?limit=1").json["next"]


@pytest.mark.parametrize("age,place,tag", [
    (0, {}, None), (11, {}, None), (13, {}, "GT1252"), (-1, {}, "GT1251"), (0, {"user": "bob"}, "GT1251"),
    (0, {"store": "beta"}, "GT1251"), (0, {"realm": "http://other.example"}, "GT1251")])
def test_a_token_is_for_one_administrator_place_and_half_a_day(ask, administered, age, place, tag):
    keyring = (administered.secrets / "keyring").read_text()
    token = seal(keyring, str(int(time.time()) - age * 3600), "token of a page",
                 place.get("realm", administered.url), place.get("store", "main"), place.get("user", "ada"))
    answer = ask("POST", "/api/cleanup_tokens/", body=b"", **{"X-CSRF-Token": token})
    assert answer.status == (403 if tag else 200), answer.text
    assert tag is None or answer.json["tag"] == tag


@pytest.mark.parametrize("user,status", [(None, 401), ("bob", 200)])
def test_other_people(ask, user, status):
    for path in ("/", "/grants", "/api/grants"):
        assert ask("GET", path, user=user).status == status


def test_below_authtype_graphtok(administered, browser):
    """A session that is no administrator's gets a page; none at all is sent to sign in."""
    answer = browser.get(administered.url + "/own", headers={"Accept": "text/html"})
    assert answer.status == 302 and "/auth/login" in answer.location
    assert browser.sign_in(administered.url + "/auth/login").status == 200
    answer = browser.get(administered.url + "/own", headers={"Accept": "text/html"})
    assert answer.status in (401, 403) and "grants" not in answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
