# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O1: one act on many grants, as a job that an administrator watches, stops and goes on with."""

import base64
import json
import uuid

import pytest

from support.place import KEYRING, Place
from support.site import MOUNTS

ADMIN = """
<Location "/admin">
    SetHandler graphtok-tokens
    AuthType Basic
    AuthName administration
    AuthBasicProvider file
    AuthUserFile {folder}/users
    Require valid-user
</Location>
"""
SETTINGS = """GraphTokBackground on
GraphTokRefreshRate 1000
GraphTokRefreshUsedWithin 1min
GraphTokAudit {folder}/audit.log
"""
USERS = [f"user{n:02}" for n in range(12)]


@pytest.fixture(scope="module", params=["sqlite3", "pgsql"])
def place(ground, sandbox_server, request):
    """A server whose grants a test writes, with administrators ada and bob."""
    from support.database import Database
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


@pytest.fixture
def ids(place, sandbox):
    """Grants made anew: {user: id}."""
    place.database.sql("DELETE FROM user_tokens")
    place.add(USERS, ends=3000)
    return {row[0]: str(row[1]) for row in place.database.sql("SELECT user_id, id FROM user_tokens")}


@pytest.fixture
def run(place, ask):
    """Ask for a job and wait until it is done; all of its results."""
    def wait(body, user="ada"):
        made = ask("POST", "/bulk", body, user)
        assert made.status == 202, made.text
        path = "/bulk/" + made.json["job"]
        assert made.headers["Location"].endswith("/admin" + path)
        place.wait(lambda: ask("GET", path).json["state"] == "done", 30)
        return ask("GET", path + "?limit=500").json
    return wait


def test_each_act(place, sandbox, ids, run):
    for act, done in [("refresh", 12), ("validate", 12), ("deactivate", 12), ("activate", 12), ("revoke", 12)]:
        job = run({"act": act, "ids": list(ids.values())})
        assert (job["act"], job["total"], job["done"], job["succeeded"]) == (act, 12, done, 12), job
        print(json.dumps(job)[:600])
