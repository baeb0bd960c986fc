# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O1: the four routes of the program that had one account, and the store at a glance."""

import base64
import json
import time
import uuid

import pytest

from support.site import MOUNTS, administered

ADA = "ada@sandbox.example"
SCOPE = "openid profile offline_access User.Read Calendars.ReadWrite"
PLACES = """
<GraphTokAccount events>
    GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword file:{folder}/secrets/password
    GraphTokAccountScope openid profile offline_access User.Read Calendars.ReadWrite
</GraphTokAccount>
<GraphTokAccount robot>
</GraphTokAccount>
""" + administered("/api/graph-tokens")


@pytest.fixture(scope="module", params=["sqlite3", "pgsql"])
def place(make_site, request):
    made = make_site(engine=request.param, mounts=MOUNTS + PLACES)
    made.write_secret("password", "a-password-to-be-set")
    made.start()
    yield made
    made.end()


@pytest.fixture
def ask(place, sandbox, browser):
    """A request as that program's scripts send it."""
    login = {"person": ADA, "consent": SCOPE}
    place.write_secret("password", sandbox.process.control("POST", "login", login)["password"] + "\n")

    def send(method, path, body=None, user="ada"):
        word = base64.b64encode(f"{user}:{user}".encode()).decode()
        headers = {"Authorization": "Basic " + word, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return browser.send(method, place.url + "/api/graph-tokens" + path, headers=headers,
                            body=None if body is None else json.dumps(body).encode())
    return send


def acquire(ask, slash="/", **body):
    return ask("POST", "/acquire_token" + slash, body)


@pytest.mark.parametrize("slash", ["", "/"])
def test_acquire(ask, sandbox, slash):
    """A token that lasts is left; force_refresh has the provider asked. No answer holds one."""
    answer = acquire(ask, slash, token_type="ropc", force_refresh=False)
    assert answer.status == 200, answer.text
    assert {"account": "events", "token_type": "ropc", "status": "acquired"}.items() <= answer.json.items()
    assert set(answer.json) == {"store", "account", "token_type", "status", "expires_at"}
    before = sandbox.calls("token:password")
    assert acquire(ask, slash, token_type="ropc", force_refresh=False).status == 200
    assert sandbox.calls("token:password") == before
    assert acquire(ask, slash, token_type="ropc", force_refresh=True).status == 200
    assert sandbox.calls("token:password") == before + 1
    answer = acquire(ask, slash, token_type="client_credentials")
    assert answer.status == 200 and answer.json["account"] == "robot"


@pytest.mark.parametrize("body,status,tag", [
    ({}, 409, "GT1233"),
    (None, 409, "GT1233"),
    ({"account": "nothing"}, 404, "GT1232"),
    ({"account": "robot", "token_type": "ropc"}, 404, "GT1232"),
    ({"account": "'; DROP TABLE user_tokens; --\u0000"}, None, None),
    ({"account": "x" * 10240}, 404, "GT1232"),
    ({"account": 7}, 400, "GT1230"),
    ({"token_type": "password"}, 400, "GT1230"),
    ({"token_type": None}, 400, "GT1230"),
    ({"force_refresh": "yes"}, 400, "GT1230"),
    ({"sql": 1}, 400, "GT1230"),
    ([], 400, None),
])
def test_acquire_badly(ask, body, status, tag):
    answer = ask("POST", "/acquire_token/", body)
    assert answer.status == status or status is None and answer.status in (400, 404), answer.text
    assert tag is None or answer.json["tag"] == tag
    assert tag not in ("GT1232", "GT1233") or \
        answer.json["detail"].endswith("events (ropc), robot (client_credentials)")


def test_status_and_cleanup(ask):
    for path in ("/status", "/status/"):
        assert {"total", "active", "expired", "refresh_failures"} <= set(ask("GET", path).json)
    for path in ("/cleanup_tokens", "/cleanup_tokens/"):
        assert ask("POST", path).json == {"store": "main", "deactivated": 0, "removed": 0}
    for method, path in (("GET", "/cleanup_tokens/"), ("POST", "/status/"), ("GET", "/acquire_token/")):
        assert ask(method, path).status == 405
    for path in ("/validate_tokens/", "/acquire_token/", "/overview"):
        method = "GET" if path == "/overview" else "POST"
        assert ask(method, path, {} if method == "POST" else None, user="bob").status == 401


def test_validate(place, ask):
    """A few at once, each with its result; of many a bulk job."""
    assert acquire(ask, token_type="ropc").status == 200
    for path in ("/validate_tokens", "/validate_tokens/"):
        answer = ask("POST", path)
        assert answer.status == 200 and answer.json["status"] == "done"
        assert (answer.json["valid"], answer.json["invalid"]) == (1, 0)
        [result] = answer.json["results"]
        assert result["user"] == "account:events" and result["valid"] and result["tag"] is None
    columns = "id, user_id, encrypted_access_token, encrypted_refresh_token, expires_at"
    rows = ", ".join(f"('{uuid.uuid4().hex}', 'zz{i}', '', '', '2040-01-01 00:00:00')" for i in range(10))
    place.database.sql(f"INSERT INTO user_tokens ({columns}) VALUES {rows}")
    answer = ask("POST", "/validate_tokens/")
    assert answer.status == 202 and answer.json["status"] == "started"
    job = ask("GET", "/bulk/" + answer.json["job"]).json
    assert job["act"] == "validate" and job["administrator"] == "ada"
    place.database.sql("DELETE FROM user_tokens WHERE user_id LIKE 'zz%'")


def test_overview(place, ask):
    """Sums, ends by days, and what the servers have counted by hours."""
    place.database.sql("DELETE FROM user_tokens_hours")
    now = int(time.time()) // 3600
    names = ", ".join(["run", "number", "hour", "refreshed", "failed", "failed_calls",
                       *(f"calls{i}" for i in range(13))])
    calls = ", ".join("100" if i in (3, 5) else "0" for i in range(13))
    for run, number, hour in (("aa", 1, now - 2), ("aa", 2, now - 1), ("bb", 1, now - 1), ("aa", 0, now - 721)):
        place.database.sql(f"INSERT INTO user_tokens_hours ({names}) "
                          f"VALUES ('{run}', {number}, {hour}, 5, 1, 2, {calls})")
    assert acquire(ask, token_type="ropc").status == 200
    seen = ask("GET", "/overview").json
    assert {"store", "counted_at", "complete", "total", "active", "inactive", "needs_user", "expired",
            "expiring_soon", "refresh_failures", "failing", "expiries", "hours"} == set(seen)
    days = [one["day"] for one in seen["expiries"]]
    assert len(days) == 30 and days == sorted(set(days)) and days[0] == seen["counted_at"][:10]
    hours = {one["at"]: one for one in seen["hours"]}
    two, one = (time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime((now - n) * 3600)) for n in (2, 1))
    assert hours[two] == {"at": two, "refreshed": 5, "failed": 1, "calls": 200, "failed_calls": 2,
                          "call_p50_ms": 100, "call_p95_ms": 475}
    assert hours[one] == {**hours[two], "at": one, "refreshed": 10, "failed": 2, "calls": 400,
                          "failed_calls": 4}
    assert [one["at"] for one in seen["hours"]] == sorted(hours)


def test_a_refused_password_says_what_to_do(ask, sandbox):
    """To the administrator that asked; a user's page has the tag alone."""
    changed = {"person": ADA, "consent": SCOPE, "password": "another one"}
    sandbox.process.control("POST", "login", changed)
    answer = acquire(ask, token_type="ropc", force_refresh=True)
    assert answer.status == 502 and answer.json["tag"] == "GT0622" and answer.json["code"] == "AADSTS50126"
    assert "password" in answer.json["detail"] and "the server's log" not in answer.json["detail"]
    answer = acquire(ask, token_type="ropc")
    assert answer.json["tag"] == "GT0623" and "not sent again" in answer.json["detail"]
