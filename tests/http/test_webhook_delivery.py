# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Notifications on their way to the application: signed, at least once, in order for a resource."""

import concurrent.futures
import http.client
import json
import os
import signal

import pytest

from support.receiver import SECRET, Receiver
from support.site import MOUNTS

BURST = int(os.environ.get("GRAPHTOK_BURST", "400"))
RESOURCES = 40
HOOKS = """
<Location "/hooks">
    SetHandler graphtok-webhook
</Location>
<GraphTokStore main>
    GraphTokSubscribe calendar
    GraphTokNotificationURL http://localhost:{port}/hooks
    GraphTokDeliver http://127.0.0.1:%d/in
    GraphTokDeliverSecret file:{folder}/secrets/webhook
    GraphTokDeliverRetry 1s 1s
</GraphTokStore>
"""


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def node(make_site, receiver):
    """Make nodes of one database: the first one's."""
    made = []

    def make():
        first = made[0] if made else None
        more = {"database": first.database, "migrate": False,
                "keyring": (first.secrets / "keyring").read_text()} if first else {}
        site = make_site("event", "pgsql", mounts=MOUNTS + HOOKS % receiver.port,
                         settings="GraphTokBackground on", **more)
        site.write_secret("webhook", SECRET + "\n")
        site.start()
        made.append(site)
        return site
    yield make
    for site in made[::-1]:
        site.end()


@pytest.fixture(scope="module")
def site(node):
    return node()


@pytest.fixture
def sub(site, sandbox, browser, receiver):
    """Tom's subscription to his calendar; nothing has come yet."""
    receiver.answers = lambda message: 200
    site.register()
    site.database.sql("DELETE FROM graph_subscriptions")
    site.database.sql("DELETE FROM graph_notifications")
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    site.database.sql("UPDATE user_tokens_jobs SET due_at = 0 WHERE name = 'subscriptions'")
    site.httpd.wait_until(lambda: site.database.sql(
        "SELECT 1 FROM graph_subscriptions WHERE subscription_id IS NOT NULL"), 30)
    receiver.messages.clear()
    (found,) = sandbox.process.subscriptions()
    return found


def notice(sub, name, etag):
    return {"subscriptionId": sub["id"], "clientState": sub["clientState"], "changeType": "updated",
            "resource": f"Users/u/Events/{name}",
            "resourceData": {"id": name, "@odata.etag": str(etag)}}


def post(site, value):
    """As Graph does: again until it is taken. @return the status of the last answer"""
    connection = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=30)
    try:
        connection.request("POST", "/hooks", json.dumps({"value": value}),
                           {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def states(site):
    return dict(site.database.sql("SELECT state, count(*) FROM graph_notifications GROUP BY state"))


def test_a_notification_is_delivered(site, sub, receiver):
    assert post(site, [notice(sub, "a", 1), notice(sub, "b", 1), notice(sub, "a", 2)]) == 202
    receiver.wait(lambda: len(receiver.messages) == 3)
    assert all(message["is_signed"] for message in receiver.messages)
    assert receiver.taken() == {"Users/u/Events/a": ["1", "2"], "Users/u/Events/b": ["1"]}
    assert len({message["id"] for message in receiver.messages}) == 3
    body = receiver.messages[0]["body"]
    assert body["type"] == "calendar.updated" and body["data"]["user"] == "tom"
    assert "clientState" not in json.dumps(body)
    site.httpd.wait_until(lambda: states(site) == {"delivered": "3"}, 30)


def test_tries_and_their_end(site, sub, receiver):
    """A failure is tried again by the same id, and its resource waits; after the last wait, and after
    410, it is dead, and the next one goes on. Redirects lead nowhere."""
    def answers(message):
        one = message["body"]["data"]["notification"]
        name, etag = one["resourceData"]["id"], one["resourceData"]["@odata.etag"]
        return {"gone": 410, "away": (302, {"Location": "/elsewhere"}), "down": 500}.get(name, 200) \
            if etag == "1" else 200
    receiver.answers = answers
    assert post(site, [notice(sub, name, etag) for etag in (1, 2)
                       for name in ("gone", "away", "down")]) == 202
    site.httpd.wait_until(lambda: states(site) == {"delivered": "3", "dead": "3"}, 60)
    tries = [message["id"] for message in receiver.messages if message["status"] >= 300]
    assert sorted(tries.count(one) for one in set(tries)) == [1, 3, 3]
    assert receiver.taken() == {f"Users/u/Events/{name}": ["2"] for name in ("gone", "away", "down")}
    site.httpd.log_has("GT1116")


def test_a_claim_that_was_lost_has_no_say(site, sub, receiver):
    """A process whose call fails after its claim went to another one neither counts the try nor puts
    off the lane."""
    def answers(message):
        if len(receiver.messages) > 0:
            return 200
        site.database.sql("UPDATE graph_notifications SET claimed_by = 'other' "
                          "WHERE claimed_by IS NOT NULL")
        return 503, {"Retry-After": "3600"}
    receiver.answers = answers
    assert post(site, [notice(sub, "a", 1), notice(sub, "a", 2)]) == 202
    site.httpd.log_has("after its claim had ended", 30)
    assert site.database.sql(
        "SELECT attempts, claimed_by, due_at <= received_at FROM graph_notifications ORDER BY id"
    ) == [["0", "other", "t"], ["0", "", "t"]]
    site.database.sql("UPDATE graph_notifications SET claimed_by = NULL, claimed_until = 0")
    receiver.wait(lambda: len(receiver.messages) == 3)
    assert receiver.taken() == {"Users/u/Events/a": ["1", "2"]}


def test_many_wait_behind_one(site, sub, receiver):
    """What is behind a lane's first notification is not walked through, which would take longer than
    a statement may."""
    (row,) = site.database.sql("SELECT id, user_id, provider FROM graph_subscriptions")
    site.database.sql(
        "INSERT INTO graph_notifications (subscription, user_id, provider, kind, change_type, "
        f"resource, lane, body, received_at) SELECT {row[0]}, '{row[1]}', '{row[2]}', 'calendar', "
        "'updated', 'r', 'deep', '{\"resourceData\": {\"@odata.etag\": \"1\"}}', 1 "
        "FROM generate_series(1, 400000)")
    try:
        receiver.wait(lambda: len(receiver.messages) > 0)
    finally:
        site.database.sql("TRUNCATE graph_notifications")


def test_a_burst_while_nodes_restart_and_one_is_killed(node, site, sub, receiver):
    """None is lost, none is out of order, each is delivered."""
    other, per = node(), BURST // RESOURCES
    turns = [0]

    def send(name):
        for etag in range(per):
            value = [notice(sub, name, etag)]
            while post((site, other)[(etag + len(name)) % 2], value) != 202:
                pass
            turns[0] += 1
    with concurrent.futures.ThreadPoolExecutor(RESOURCES) as pool:
        sent = [pool.submit(send, f"r{n}") for n in range(RESOURCES)]
        site.httpd.wait_until(lambda: turns[0] > BURST // 4, 120)
        site.httpd.graceful()
        other.httpd.graceful()
        site.httpd.wait_until(lambda: turns[0] > BURST // 2, 120)
        for child in other.httpd.children():
            os.kill(child, signal.SIGKILL)
        for one in sent:
            one.result()
    wanted = {f"Users/u/Events/r{n}": [str(etag) for etag in range(per)] for n in range(RESOURCES)}
    site.httpd.wait_until(lambda: states(site) == {"delivered": str(per * RESOURCES)}, 600)
    firsts = {name: list(dict.fromkeys(etags)) for name, etags in receiver.taken().items()}
    assert firsts == wanted
