# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O1: one act on many grants, as a job that administrators watch, stop and go on with."""

import base64
import concurrent.futures
import json
import os
import re
import signal
import time
import uuid

import pytest

from support.database import Database
from support.place import Place
from support.site import MOUNTS, administered

ADMIN = administered("/admin", require="valid-user") + """
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
"""
SETTINGS = """GraphTokBackground on
GraphTokRefreshRate 1000
GraphTokAudit {folder}/audit.log
"""
USERS = [f"user{n:02}" for n in range(12)]
ONE_ENGINE = {"test_bad_requests", "test_watching", "test_two_administrators_stop_and_go_on",
              "test_a_node_that_is_killed"}
NOBODYS = str(uuid.UUID(int=7))


def pytest_generate_tests(metafunc):
    """What does not depend on the engine runs on one of them."""
    if "place" in metafunc.fixturenames:
        is_one = metafunc.function.__name__ in ONE_ENGINE
        metafunc.parametrize("place", ["pgsql"] if is_one else ["sqlite3", "pgsql"], indirect=True,
                             scope="module")


@pytest.fixture(scope="module")
def place(ground, sandbox_server, request):
    """A server whose grants a test writes, with administrators ada and bob."""
    postgres = request.getfixturevalue("postgres") if request.param == "pgsql" else None
    folder = ground / f"bulk-{request.param}"
    folder.mkdir()
    made = Place(folder, sandbox_server, "event", request.param,
                 Database(request.param, folder, postgres), mounts=MOUNTS + ADMIN)
    made.configure(settings=SETTINGS.format(folder=made.folder))
    made.start()
    yield made
    made.end()


@pytest.fixture
def ask(place, browser):
    """Ask as an administrator."""
    def send(method, path, body=None, user="ada", **fields):
        word = base64.b64encode(f"{user}:{user}".encode()).decode()
        return browser.send(method, place.url + "/admin" + path, body, {
            "Accept": "application/json", "Authorization": "Basic " + word, **fields})
    return send


def halt_turns(place, seconds):
    """No refresh begins for so long: the turns of all nodes are taken."""
    place.database.sql("DELETE FROM user_tokens_jobs WHERE name = 'turns'")
    if seconds:
        place.database.sql("INSERT INTO user_tokens_jobs (name, part, due_at) "
                           f"VALUES ('turns', 0, {int((time.time() + seconds) * 1000)})")


@pytest.fixture
def ids(place, sandbox):
    """Grants made anew: {user: id}."""
    sandbox.process.forget_calls()
    place.database.sql("DELETE FROM user_tokens")
    place.database.sql("DELETE FROM user_tokens_bulk")
    place.database.sql("DELETE FROM user_tokens_bulk_items")
    halt_turns(place, 0)
    place.add(USERS, ends=3000)
    return {row[0]: row[1] for row in place.database.sql("SELECT user_id, id FROM user_tokens")}


@pytest.fixture
def run(place, ask):
    """Ask for a job and wait until it is done; all of its results."""
    def wait(body, user="ada"):
        made = ask("POST", "/bulk", body, user)
        assert made.status == 202, made.text
        path = "/bulk/" + made.json["job"]
        assert made.headers["Location"] == "/admin" + path
        place.wait(lambda: ask("GET", path).json["state"] == "done", 30)
        return ask("GET", path + "?limit=500").json
    return wait


def users(job):
    """The users of a job's results."""
    return {one["user"] for one in job["results"]}


def test_each_act(place, sandbox, browser, ids, run):
    acts = {"refresh": "until ", "validate": "works", "deactivate": "until the user signs in",
            "activate": "its token is renewed", "revoke": "it is gone"}
    jobs = {}
    for act, detail in acts.items():
        job = jobs[act] = run({"act": act, "ids": list(ids.values())}, "bob")
        assert [job[name] for name in ("act", "total", "done", "succeeded", "failed")] == \
            [act, 12, 12, 12, 0]
        assert job["administrator"] == "bob" and job["ended_at"] >= job["created_at"]
        assert users(job) == set(USERS) and job["next"] is None
        for one in job["results"]:
            assert one["outcome"] == "succeeded" and one["tag"] is None and one["at"], one
            assert one["detail"].startswith(detail) and one["id"] in ids.values(), one
    assert place.database.sql("SELECT count(*) FROM user_tokens") == [["0"]]
    assert sandbox.calls("token") == 12
    records = [json.loads(line) for line in (place.folder / "audit.log").read_text().splitlines()]
    for act, job in jobs.items():
        mine = [one for one in records if one.get("job") == job["job"] and one["event"] == act]
        assert {one["user"] for one in mine} == set(USERS) and len(mine) == 12, act
        assert {(one["administrator"], one["route"]) for one in mine} == {("bob", "bulk")}
    assert re.search(r'graphtok_bulk_results_total\{result="ok"\} [1-9]',
                     browser.get(place.url + "/metrics").text)


def test_what_is_not_there_and_what_fails(sandbox, ids, run):
    sql = "' OR 1=1; DROP TABLE user_tokens; --"
    first = ids["user00"]
    other = first.replace("-", "") if "-" in first else str(uuid.UUID(first))
    sandbox.revoke("ada@sandbox.example")
    job = run({"act": "refresh", "ids": [first, other.upper(), NOBODYS, sql, "é", first]})
    assert (job["total"], job["succeeded"], job["failed"]) == (4, 0, 4)
    found = {one["id"]: one for one in job["results"]}
    assert found[first]["tag"] == "GT0520" and "the grant was revoked" in found[first]["detail"]
    for name in (NOBODYS, sql, "é"):
        assert (found[name]["detail"], found[name]["tag"], found[name]["user"]) == \
            ("no such grant", "GT0493", None)
    nothing = run({"act": "refresh", "ids": [NOBODYS]})
    assert (nothing["state"], nothing["failed"]) == ("done", 1)


def test_results_by_page(ask, ids, run):
    names = [ids[user] for user in USERS[:5]] + [NOBODYS]
    job = run({"act": "deactivate", "ids": names})
    path = "/bulk/" + job["job"]
    for limit in (1, 4, 6):
        found, cursor = [], ""
        while cursor is not None:
            page = ask("GET", f"{path}?limit={limit}&cursor={cursor}").json
            assert len(page["results"]) <= limit
            found += [one["id"] for one in page["results"]]
            cursor = page["next"]
        assert found == names
    assert [one["id"] for one in ask("GET", path + "?outcome=failed").json["results"]] == [NOBODYS]
    assert len(ask("GET", path + "?outcome=succeeded").json["results"]) == 5
    assert ask("GET", path + "?limit=0").json["results"] == []
    cursor = ask("GET", path + "?limit=1").json["next"]
    other = run({"act": "activate", "ids": names})["job"]
    for wrong in (f"/bulk/{other}?cursor={cursor}", path + "?cursor=nonsense"):
        assert (ask("GET", wrong).status, ask("GET", wrong).json["tag"]) == (400, "GT0986")
    assert [one["job"] for one in ask("GET", "/bulk").json["jobs"]] == [other, job["job"]]


def test_filters(place, ids, run):
    place.database.sql("UPDATE user_tokens SET status = 0 WHERE user_id IN ('user01', 'user02')")
    place.database.sql("UPDATE user_tokens SET error_count = 2 WHERE user_id = 'user03'")
    place.database.sql(f"UPDATE user_tokens SET expires_at = {place.moment(3 * 86400)} "
                       "WHERE user_id > 'user09'")
    place.database.sql("UPDATE user_tokens SET email = 'ada@example.org' WHERE user_id < 'user02'")
    meant = [({"status": "inactive"}, {"user01", "user02"}), ({"status": "failing"}, {"user03"}),
             ({"days": 1, "status": "active"}, set(USERS[3:10]) | {"user00"}),
             ({"q": "user05"}, {"user05"}), ({"q": ids["user06"]}, {"user06"}),
             ({"q": "ada@example.org", "status": "active"}, {"user00"}), ({"q": "nobody' --"}, set()),
             ({"provider": "microsoft"}, set(USERS)), ({}, set(USERS))]
    # This act leaves rows as they are, so that all may be under way at once.
    with concurrent.futures.ThreadPoolExecutor(len(meant)) as pool:
        jobs = list(pool.map(lambda one: run({"act": "validate", "filter": one[0]}), meant))
    for (filter_, found), job in zip(meant, jobs):
        assert users(job) == found and job["total"] == len(found), filter_
        assert (job["complete"], job["detail"]) == (True, None)


def test_bad_requests(ask, ids):
    one = {"act": "refresh", "ids": [ids["user00"]]}
    for body, fields in [
            ({}, {"act", "ids"}), ({"act": "eat", "ids": [NOBODYS]}, {"act"}),
            ({"act": 7, "ids": []}, {"act", "ids"}), ({**one, "ids": "x"}, {"ids"}),
            ({**one, "ids": [NOBODYS] * 10001}, {"ids"}), ({**one, "filter": {}}, {"ids"}),
            ({**one, "ids": [NOBODYS, 7, "", None, "x" * 65]}, {"ids[1]", "ids[2]", "ids[3]", "ids[4]"}),
            ({**one, "sql": 1}, {"(another)"}), ({"act": "refresh", "filter": []}, {"filter"}),
            ({"act": "revoke", "filter": {}}, {"filter"}), ({"act": "deactivate", "filter": {"q": ""}}, {"filter"}),
            ({"act": "refresh", "filter": {"status": "asleep", "days": -1, "q": 7, "x": 1}},
             {"filter.status", "filter.days", "filter.q", "filter"}),
            ({"act": "refresh", "filter": {"days": 36501, "status": 1}}, {"filter.days", "filter.status"})]:
        answer = ask("POST", "/bulk", body)
        assert (answer.status, answer.json["tag"]) == (400, "GT1211"), answer.text
        assert {error["field"] for error in answer.json["errors"]} == fields, answer.text
    many = ask("POST", "/bulk", {**one, "ids": [7] * 10000})
    assert len(many.json["errors"]) == 10
    for text, status, tag in [(b'{"act": "refresh", "ids": ["a\\u0000b"]}', 400, None),
                              (b'{"act": "refresh", "act": "revoke", "ids": ["x"]}', 400, None),
                              (b'["refresh"]', 400, "GT0820"), (b"{", 400, None),
                              (b'{"act": "refresh", "filter": {"provider": "nothing"}}', 404, "GT0943"),
                              (b'{"act": "' + b"x" * 1100000 + b'"}', 413, "GT0817")]:
        answer = ask("POST", "/bulk", text, **{"Content-Type": "application/json"})
        assert answer.status == status and tag in (None, answer.json["tag"]), answer.text
    for path in ("/bulk/nothing", "/bulk/x%27%20OR%20%271%27%3D%271", "/bulk/%C3%A9?known=1&wait=1"):
        assert (ask("GET", path).status, ask("GET", path).json["tag"]) == (404, "GT1210")
    for path in ("/bulk/nothing/stop", "/bulk/nothing/continue"):
        assert ask("POST", path).json["tag"] == "GT1210"
    for query in ("known=x", "wait=31", "wait=-1", "limit=501", "outcome=lost", "sql=1"):
        assert ask("GET", "/bulk/nothing?" + query).json["tag"] == "GT1213", query
    assert ask("GET", "/bulk").json["jobs"] == []
    assert ask("GET", "/bulk", user="eve").status == 401
    assert ask("POST", "/bulk", one, **{"Origin": "https://evil.example"}).status == 403


def test_two_administrators_stop_and_go_on(place, sandbox, ask, ids):
    sandbox.fault("token", "delay", seconds=0.3, times=0)
    path = "/bulk/" + ask("POST", "/bulk", {"act": "refresh", "ids": list(ids.values())}).json["job"]
    sandbox.wait_for_calls("token", 1)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        words = ["stop", "continue"] * 8 + ["stop"] * 4
        answers = list(pool.map(lambda n: ask("POST", f"{path}/{words[n]}", user=["ada", "bob"][n % 2]),
                                range(len(words))))
    assert {answer.status for answer in answers} == {200}
    assert ask("POST", path + "/stop").json["state"] in ("stopping", "stopped", "done")
    place.wait(lambda: ask("GET", path).json["state"] in ("stopped", "done"), 20)
    ask("POST", path + "/continue")
    place.wait(lambda: ask("GET", path).json["state"] == "done", 20)
    job = ask("POST", path + "/stop").json
    assert (job["state"], job["succeeded"], sandbox.calls("token")) == ("done", 12, 12)


def test_what_had_not_begun_stays_waiting(place, sandbox, ask, ids):
    place.database.sql("UPDATE user_tokens_jobs SET due_at = due_at + 60 WHERE name = 'bulk'")
    path = "/bulk/" + ask("POST", "/bulk", {"act": "refresh", "ids": list(ids.values())}).json["job"]
    ask("POST", path + "/stop")
    place.wait(lambda: ask("GET", path).json["state"] in ("stopped", "done"))
    before = ask("GET", path + "?outcome=waiting").json
    for _ in range(2):  # looked at by the background, and nothing begun
        place.database.sql("UPDATE user_tokens_jobs SET due_at = 0, worker = NULL WHERE name = 'bulk'")
        place.wait(lambda: place.database.sql("SELECT count(*) FROM user_tokens_jobs WHERE "
                                              "name = 'bulk' AND worker IS NULL") == [["0"]])
    after = ask("GET", path + "?outcome=waiting").json
    assert after["results"] == before["results"] and after["done"] == before["done"]
    assert sandbox.calls("token") == after["done"]
    assert ask("POST", path + "/continue").json["state"] in ("waiting", "running", "done")
    place.wait(lambda: ask("GET", path).json["state"] == "done")
    assert sandbox.calls("token") == 12


def test_a_node_that_is_killed(place, ground, sandbox, ask, ids):
    """Its claims end; what it had not begun is done by the others, each grant once."""
    halt_turns(place, 60)
    folder = ground / f"second-{place.database.engine}"
    folder.mkdir()
    second = Place(folder, sandbox, "event", place.database.engine, place.database, migrate=False,
                   mounts=MOUNTS + ADMIN)
    second.configure(settings=SETTINGS.format(folder=second.folder))
    second.start()
    path = "/bulk/" + ask("POST", "/bulk", {"act": "refresh", "ids": list(ids.values())}).json["job"]
    place.wait(lambda: place.database.sql("SELECT count(*) FROM user_tokens_bulk_items "
                                          "WHERE claim IS NULL") == [["0"]])
    [[worker]] = place.database.sql("SELECT worker FROM user_tokens_jobs WHERE name = 'bulk' AND part = 2")
    [victim] = [one for one in (place, second)
                if {str(pid) for pid in one.httpd.children()} & set(worker.split("/"))]
    for pid in [victim.httpd.process.pid, *victim.httpd.children()]:
        os.kill(pid, signal.SIGKILL)
    victim.httpd.process.wait(20)
    assert sandbox.calls("token") == 0
    halt_turns(place, 0)
    # As if the time of its claims were over.
    place.database.sql("UPDATE user_tokens_bulk_items SET claimed_until = 0")
    place.database.sql("UPDATE user_tokens_jobs SET due_at = 0 WHERE name = 'bulk'")
    state = f"SELECT ended_at > 0, succeeded FROM user_tokens_bulk WHERE id = '{path[6:]}'"
    place.wait(lambda: place.database.sql(state)[0] in (["1", "12"], ["t", "12"]), 40)
    assert sandbox.calls("token") == 12
    assert {row[0] for row in place.rows("generation").values()} == {"2"}
    second.httpd.stop()
    if victim is place:
        place.start()


def test_a_graceful_restart_in_the_midst(place, sandbox, ask, ids):
    sandbox.fault("token", "delay", seconds=0.3, times=0)
    path = "/bulk/" + ask("POST", "/bulk", {"act": "refresh", "ids": list(ids.values())}).json["job"]
    sandbox.wait_for_calls("token", 1)
    place.httpd.graceful()
    place.wait(lambda: ask("GET", path).json["state"] == "done", 40)
    job = ask("GET", path).json
    assert (job["succeeded"], job["failed"], sandbox.calls("token")) == (12, 0, 12)


def test_watching(place, browser, ask, ids):
    halt_turns(place, 120)
    made = ask("POST", "/bulk", {"act": "refresh", "ids": list(ids.values())}).json
    path = "/bulk/" + made["job"]
    place.wait(lambda: ask("GET", path).json["state"] == "running")
    quick = ask("GET", path + "?known=7&wait=30").json  # another number: at once
    assert (quick["done"], quick["results"], quick["next"]) == (0, [], None)
    assert ask("GET", path + "?known=0&state=waiting&wait=30").json["state"] == "running"
    begun = time.monotonic()
    idle = ask("GET", path + "?known=0&wait=1&limit=3").json
    assert time.monotonic() - begun >= 1 and idle["done"] == 0 and len(idle["results"]) == 3
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        watching = [pool.submit(ask, "GET", path + "?known=0&wait=30") for _ in range(10)]
        place.wait(lambda: re.search("graphtok_parked_requests 10\n", browser.get(place.url + "/metrics").text))
        assert ask("POST", path + "/stop").json["state"] == "stopping"
        assert {one.result().json["state"] for one in watching} == {"stopping"}
    # A child that ends gives back at once what waits for its turn.
    place.httpd.graceful()
    place.wait(lambda: ask("GET", path).json["state"] == "stopped")
    assert ask("GET", path).json["done"] == 0
