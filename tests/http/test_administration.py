# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O1: administrators read and act on a store's grants, other people do not."""

import base64
import hashlib
import json
import uuid

import pytest

from support.site import MOUNTS, administered

ADMIN = administered("/admin") + """
<GraphTokStore beta>
    GraphTokTable beta_tokens
</GraphTokStore>
<GraphTokAccount robot>
    GraphTokAccountStore beta
</GraphTokAccount>
<Location "/admin/grants">
    GraphTokUseAccount robot
</Location>
"""
RUNS = [("event", "sqlite3"), ("event", "pgsql")]


@pytest.fixture(scope="module", params=RUNS, ids="-".join)
def administered(make_site, request):
    made = make_site(*request.param, mounts=MOUNTS + ADMIN)
    made.configure(settings=f"GraphTokAudit {made.folder}/audit.log\n")
    made.start()
    yield made
    made.end()


@pytest.fixture
def ask(administered, browser):
    """Ask as an administrator, or as another."""
    def send(method, path, user="ada", body=None, **fields):
        headers = {"Accept": "application/json", **fields}
        if user:
            word = base64.b64encode(f"{user}:{user}".encode()).decode()
            headers["Authorization"] = "Basic " + word
        return browser.send(method, administered.url + "/admin" + path, body, headers)
    return send


@pytest.fixture
def grant(administered, browser, ask):
    """A grant of the session's user, made anew."""
    assert browser.sign_in(administered.url + "/auth/login").status == 200
    user = browser.get(administered.url + "/auth/token").json["user"]
    found = ask("GET", "/grants?q=" + user).json["grants"]
    assert [one["user"] for one in found] == [user]
    return found[0]


def row_of(ask, grant):
    """The grant as it stands now."""
    answer = ask("GET", "/grants/" + grant["id"])
    assert answer.status == 200
    return answer.json


def test_sums(ask, grant):
    sums = ask("GET", "/status/").json
    assert sums["store"] == "main" and sums["total"] >= 0
    assert {"active", "inactive", "needs_user", "expired", "expiring_soon", "refresh_failures",
            "complete", "last_check"} <= set(sums)
    assert grant["status"] == "active"


@pytest.mark.parametrize("user,status", [(None, 401), ("bob", 401)])
def test_other_people_get_nothing(ask, grant, user, status):
    routes = [("GET", "/status"), ("POST", "/cleanup_tokens"), ("GET", "/grants"),
              ("GET", "/grants/" + grant["id"]), ("DELETE", "/grants/" + grant["id"]),
              ("POST", f"/grants/{grant['id']}/revoke")]
    for method, path in routes:
        answer = ask(method, path, user)
        assert answer.status == status and grant["id"] not in answer.text, path
    assert row_of(ask, grant)["status"] == "active"


def test_another_sites_page_cannot_act(ask, grant):
    for fields in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ask("DELETE", "/grants/" + grant["id"], **fields).status == 403
    assert row_of(ask, grant)["status"] == "active"


def test_deactivate_and_activate(administered, browser, ask, grant):
    token = administered.url + "/auth/token"
    act = f"/grants/{grant['id']}/"
    assert browser.get(token).status == 200
    assert ask("POST", act + "deactivate").json["status"] == "deactivated"
    assert browser.get(token).status == 401
    row = row_of(ask, grant)
    assert row["status"] == "inactive" and row["error_message"] == "deactivated by an administrator"
    assert ask("POST", act + "activate").json["status"] == "activated"
    row = row_of(ask, grant)
    assert row["status"] == "active" and row["error_count"] == 0 and not row["error_message"]
    assert browser.get(token).status == 200
    assert ask("POST", act + "activate").json["detail"] == "it was active"


def test_history(administered, browser, ask, grant):
    """What changed a grant, and who did it; ordinary use leaves nothing."""
    def told():
        return [(one["event"], one["outcome"], one["administrator"])
                for one in row_of(ask, grant)["history"]]

    act = f"/grants/{grant['id']}/"
    before = told()
    assert before[-1] == ("sign_in", "succeeded", None)
    assert browser.get(administered.url + "/auth/token").status == 200
    assert told() == before
    for name in ("deactivate", "activate", "refresh", "validate"):
        assert ask("POST", act + name).status == 200
    mine = [(name, "succeeded", "ada") for name in ("validate", "refresh", "activate", "deactivate")]
    assert told() == mine + before
    newest = row_of(ask, grant)["history"][0]
    assert set(newest) == {"at", "event", "outcome", "detail", "tag", "administrator", "address"}
    assert newest["address"] == "127.0.0.1" and newest["tag"] is None
    administered.database.sql("DELETE FROM user_tokens")
    assert administered.database.sql("SELECT 1 FROM user_tokens_history") == []


def test_refresh_validate_revoke(administered, sandbox, browser, ask, grant):
    act = f"/grants/{grant['id']}/"
    before = sandbox.calls("token")
    refreshed = ask("POST", act + "refresh").json
    assert refreshed["status"] == "refreshed" and refreshed["detail"].startswith("until ")
    assert sandbox.calls("token") == before + 1
    assert ask("POST", act + "validate").json["status"] == "valid"
    assert ask("POST", act + "revoke").json == {"id": grant["id"], "status": "revoked",
                                                "detail": "it is gone"}
    assert ask("GET", "/grants/" + grant["id"]).status == 404
    assert browser.get(administered.url + "/auth/token").status == 401
    records = [json.loads(line) for line in
               (administered.folder / "audit.log").read_text().splitlines()]
    mine = [one for one in records if one.get("user") == grant["user"]
            and one.get("administrator") == "ada"]
    # The token of a refresh stays here: no record says that an application has it.
    assert {"refresh", "validate", "revoke"} <= {one["event"] for one in mine}
    assert "token_passed" not in {one["event"] for one in mine}
    assert all(one["route"] == "act" for one in mine)


def test_an_act_that_fails_stands_in_history_and_audit(administered, ask, grant):
    """Also where no refresh begins, since the user has to sign in."""
    act = f"/grants/{grant['id']}/"
    assert ask("POST", act + "deactivate").status == 200
    assert ask("POST", act + "refresh").json["tag"] == "GT0602"
    newest = row_of(ask, grant)["history"][0]
    assert [newest[name] for name in ("event", "outcome", "tag", "administrator")] == [
        "refresh", "failed", "GT0602", "ada"]
    record = json.loads((administered.folder / "audit.log").read_text().splitlines()[-1])
    assert [record[name] for name in ("event", "tag", "user", "administrator")] == [
        "refused", "GT0602", grant["user"], "ada"]


@pytest.mark.parametrize("method,path", [
    ("POST", "/cleanup_tokens/"), ("POST", "/validate_tokens/"), ("POST", "/grants/{}/revoke"),
    ("DELETE", "/grants/{}"), ("POST", "/bulk/none/stop"), ("POST", "/bulk/none/continue")])
def test_no_act_is_done_past_what_was_said(ask, grant, method, path):
    """A member or parameter that an act does not have is refused, and nothing is done."""
    path = path.format(grant["id"])
    assert ask(method, path, body={"dry_run": True}).json["tag"] == "GT1206"
    assert ask(method, path + "?dry_run=1").json["tag"] == "GT1206"
    assert row_of(ask, grant)["status"] == "active"
    assert ask(method, path, body={}).status == (404 if "none" in path else 200)


@pytest.mark.parametrize("method,path,status,tag", [
    ("GET", "/grants/" + str(uuid.UUID(int=7)), 404, "GT1202"),
    ("GET", "/grants/1%27%20OR%20%271%27%3D%271", 404, "GT1202"),
    ("DELETE", "/grants/%C3%A9", 404, "GT1202"),
    ("POST", f"/grants/{uuid.UUID(int=7)}/refresh", 404, "GT1202"),
    ("POST", f"/grants/{uuid.UUID(int=7)}/eat", 404, "GT1203"),
    ("GET", "/grants?limit=0", 400, "GT1201"),
    ("GET", "/grants?limit=501", 400, "GT1201"),
    ("GET", "/grants?status=asleep&days=-1&sql=1", 400, "GT1201"),
    ("GET", "/grants?cursor=nonsense", 404, "GT0955"),
    ("GET", "/grants?provider=nothing", 404, "GT0943"),
    ("GET", "/grants?limit=1&limit=2", 400, None),
    ("GET", "/grants?sort=name", 400, "GT1201"),
    ("POST", "/grants", 405, None),
])
def test_bad_requests(ask, grant, method, path, status, tag):
    answer = ask(method, path)
    assert answer.status == status, answer.text
    assert tag is None or answer.json["tag"] == tag
    assert row_of(ask, grant)["status"] == "active"


@pytest.fixture
def seven(administered):
    """Grants of users "zz0" to "zz6": ends from 2 to 8 January, changes the other way round, with
    errors for every third."""
    database = administered.database
    columns = "encrypted_access_token, encrypted_refresh_token, expires_at, updated_at, error_count"
    for i in range(7):
        database.sql(f"INSERT INTO user_tokens (id, user_id, {columns}) VALUES ('{uuid.uuid4()}', "
                     f"'zz{i}', 'x', 'x', '2040-01-0{i + 2} 00:00:00', '2010-01-0{8 - i} 00:00:00', "
                     f"{int(i % 3 == 0)})")
    yield [f"zz{i}" for i in range(7)]
    database.sql("DELETE FROM user_tokens WHERE user_id LIKE 'zz%'")


def all_pages(ask, query, limit):
    """The users of all pages, in their order."""
    found, cursor = [], ""
    while cursor is not None:
        page = ask("GET", f"/grants?limit={limit}&cursor={cursor}&{query}").json
        assert len(page["grants"]) <= limit
        found += [one["user"] for one in page["grants"]]
        cursor = page["next"]
    return found


@pytest.mark.parametrize("sort,turned", [("user", 0), ("expires", 0), ("-expires", 1), ("updated", 1),
                                         ("-updated", 0)])
def test_pages(ask, grant, seven, sort, turned):
    """Each grant once, in its order, in pages of any size."""
    whole = [one["user"] for one in ask("GET", f"/grants?limit=500&sort={sort}").json["grants"]]
    assert len(whole) >= 8 and len(set(whole)) == len(whole) and grant["user"] in whole
    assert [one for one in whole if one in seven] == (seven[::-1] if turned else seven)
    for limit in (1, 3, len(whole)):
        assert all_pages(ask, f"sort={sort}", limit) == whole


def test_failing(ask, seven):
    assert all_pages(ask, "status=failing", 2) == ["zz0", "zz3", "zz6"]
    assert all_pages(ask, "status=failing&sort=-expires", 2) == ["zz6", "zz3", "zz0"]
    assert all_pages(ask, "status=failing&q=zz1", 2) == []
    assert all_pages(ask, "q=zz3", 2) == ["zz3"]


def test_cursor_of_another_list(ask, seven):
    """A cursor serves for its own list alone; damage in it is no failure of ours."""
    cursor = ask("GET", "/grants?limit=2&sort=expires").json["next"]
    for query in ("sort=-expires", "sort=user", "limit=2", "sort=expires&status=failing",
                  "sort=expires&days=3", "sort=expires&provider=microsoft"):
        answer = ask("GET", f"/grants?cursor={cursor}&{query}")
        assert answer.status == 400 and answer.json["tag"] == "GT0990", query
    lines = base64.urlsafe_b64decode(cursor + "==").split(b"\n")[1:]
    for time in (b"", b"soon", b"9" * 18, b"2040-99-99 00:00:00", b"'; DROP TABLE user_tokens; --", b"x" * 90):
        forged = b"\n".join([lines[0], time, *lines[2:]])
        forged = hashlib.sha256(forged).hexdigest()[:8].encode() + b"\n" + forged
        text = base64.urlsafe_b64encode(forged).decode().rstrip("=")
        assert ask("GET", f"/grants?sort=expires&cursor={text}").status in (200, 404), time
    for text in ("A" * 4096, cursor[:-3], "%00", "%FF", cursor + "%0A"):
        assert ask("GET", f"/grants?sort=expires&cursor={text}").status in (400, 404), text


@pytest.mark.parametrize("field", ["q", "status", "provider", "days", "sort", "limit", "cursor"])
def test_hostile_filters(ask, grant, field):
    """In every field: a clear problem or an empty list."""
    for value in ("%27%20OR%20%271%27=%271", "%22;DROP%20TABLE%20user_tokens;--", "%00", "a%00b",
                  "%C3%28", "%FF%FE", "A" * 7000, "%F0%9F%98%80" * 60, "-1", "9" * 40, "*"):
        answer = ask("GET", f"/grants?{field}={value}")
        assert answer.status in (200, 400, 404, 414), (value, answer.text)
        if answer.status == 200:
            assert answer.json["grants"] == [] and answer.json["next"] is None, value
        else:
            assert answer.status == 414 or answer.json["detail"]


def test_cleanup(ask, grant):
    assert ask("POST", "/cleanup_tokens/").json == {"store": "main", "deactivated": 0, "removed": 0}
    assert row_of(ask, grant)["status"] == "active"
