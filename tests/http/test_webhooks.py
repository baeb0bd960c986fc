# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Changes that Microsoft Graph tells of: subscriptions that are made and kept, and what they bring."""

import json
import uuid

import pytest

from support.site import MOUNTS

WHERE = [("event", "sqlite3"), ("event", "pgsql")]
HOOKS = """
GraphTokAudit {folder}/audit.log
<GraphTokStore main>
    GraphTokSubscribe calendar mail
    GraphTokNotificationURL http://localhost:{port}/hooks
</GraphTokStore>
<Location "/hooks">
    SetHandler graphtok-webhook
</Location>
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
"""
SCOPE = "GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite Mail.Read"
NOON = {"start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}, "subject": "Lunch"}


@pytest.fixture(scope="module")
def site(request, make_site):
    """A site that subscribes to all there is."""
    mpm, engine = request.param
    made = make_site(mpm, engine, mounts=MOUNTS + HOOKS, provider=SCOPE,
                     settings="GraphTokBackground on")
    made.start()
    yield made
    made.end()


class Hooks:
    """The subscriptions of one user, Tom."""

    def __init__(self, site, sandbox, browser):
        self.site, self.box, self.browser = site, sandbox.process, browser

    def post(self, body, query="", kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.browser.send("POST", f"{self.site.url}/hooks{query}", body, {"Content-Type": kind})

    def rows(self, columns, table="graph_notifications", more="ORDER BY id"):
        return self.site.database.sql(f"SELECT {columns} FROM {table} {more}")

    def hurry(self):
        """The next look of the job is now."""
        self.site.database.sql("UPDATE user_tokens_jobs SET due_at = 0 WHERE name = 'subscriptions'")

    def made(self, count=2, but=()):
        """Until Graph has so many subscriptions, and their rows know it."""
        def holds():
            found = [one for one in self.box.subscriptions() if one["id"] not in but]
            known = {row[0] for row in self.rows("subscription_id", "graph_subscriptions")}
            return len(found) == count and {one["id"] for one in found} <= known
        self.site.httpd.wait_until(holds, 30)
        return {one["resource"]: one for one in self.box.subscriptions()}

    def notice(self, sub, name, change="updated", etag="1", **more):
        return {"subscriptionId": sub["id"], "clientState": sub["clientState"], "changeType": change,
                "resource": f"Users/u/Events/{name}",
                "resourceData": {"id": name, "@odata.etag": etag}, **more}


@pytest.fixture
def hooks(site, sandbox, browser):
    """Tom has signed in, and is subscribed."""
    site.register()
    site.database.sql("DELETE FROM graph_subscriptions")
    site.database.sql("DELETE FROM graph_notifications")
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    made = Hooks(site, sandbox, browser)
    made.hurry()
    made.made()
    return made


def test_subscriptions_are_made_renewed_and_restored(hooks, site):
    subs = hooks.made()
    assert set(subs) == {"/me/events", "/me/messages"}
    for sub in subs.values():
        assert sub["changeType"] == "created,updated,deleted"
        assert sub["lifecycleNotificationUrl"] == sub["notificationUrl"] == site.url + "/hooks"
    # Their secrets stand nowhere in the database, and a third of their life is left when they are due.
    assert subs["/me/events"]["clientState"].encode() not in site.database.dump()
    (left, due), *_ = hooks.rows("expires_at - created_at, due_at - created_at", "graph_subscriptions")
    assert int(left) * 2 // 3 - 70 < int(due) < int(left) * 2 // 3 + 70
    # Due: renewed. One that Graph has forgotten: made anew, and the application told.
    first = subs["/me/events"]
    site.database.sql("UPDATE graph_subscriptions SET due_at = 0, expires_at = 1 "
                      "WHERE resource = 'calendar'")
    hooks.hurry()
    site.httpd.wait_until(lambda: hooks.box.calls("graph:PATCH /subscriptions/{id}")["done"] > 0, 30)
    site.httpd.wait_until(lambda: hooks.rows("expires_at", "graph_subscriptions",
                                             "WHERE resource = 'calendar'") != [["1"]], 30)
    assert hooks.made()["/me/events"]["id"] == first["id"]
    for life, told in (("reauthorizationRequired", 0), ("subscriptionRemoved", 1), ("missed", 2)):
        sub = hooks.made()["/me/events"]
        patched = hooks.box.count("graph:PATCH /subscriptions/{id}")
        hooks.box.notify(id=sub["id"], life=life)
        if life == "reauthorizationRequired":
            def renewed():
                hooks.hurry()
                return hooks.box.count("graph:PATCH /subscriptions/{id}") > patched
            site.httpd.wait_until(renewed, 30)
        site.httpd.wait_until(lambda: len(hooks.rows("1")) == told, 30)
        if life == "subscriptionRemoved":
            hooks.hurry()
            assert hooks.made(2, but=(sub["id"],))["/me/events"]["id"] != sub["id"]
    assert hooks.rows("change_type, kind, state") == [
        ["subscriptionRemoved", "calendar", "pending"], ["missed", "calendar", "pending"]]


def test_a_change_is_told_of(hooks, site):
    """From the route that makes an event to the row."""
    done = hooks.browser.send("POST", site.url + "/tom/calendar/events", json.dumps(NOON).encode(),
                              {"Content-Type": "application/json"})
    assert done.status == 201
    site.httpd.wait_until(lambda: hooks.rows("1"), 30)
    ((user, provider, kind, change, body),) = hooks.rows("user_id, provider, kind, change_type, body")
    assert (user, provider, kind, change) == ("tom", "microsoft", "calendar", "created")
    assert json.loads(body)["resourceData"]["id"] == done.json["id"] and "clientState" not in body


def test_the_handshake(hooks):
    """Graph's token comes back as text, decoded, and nothing else of what a stranger sends does."""
    shown = hooks.post(b"", "?validationToken=a%20%3Cscript%3E%2Bb", "text/plain; charset=utf-8")
    assert (shown.status, shown.body) == (200, b"a <script>+b")
    assert shown.headers["Content-Type"].startswith("text/plain")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert hooks.post(b"", "?validationToken=" + "a" * 2049).status == 400
    assert hooks.post(b"", "?validationToken=a%0d%0ab").status == 400
    assert hooks.post(b"{}").json["tag"] == "GT1720"
    assert hooks.post({"value": {}}).json["tag"] == "GT1720"
    assert hooks.post({"value": [{}] * 2001}).json["tag"] == "GT1108"
    assert hooks.browser.get(hooks.site.url + "/hooks").status == 405


def test_only_ours_are_stored(hooks, site):
    """Unknown, forged, of another tenant, malformed: all answered with 202, none stored; repeats once."""
    sub = hooks.made()["/me/events"]
    good = hooks.notice(sub, "e1")
    bad = [{**good, "clientState": "x"}, {**good, "clientState": None},
           {**good, "subscriptionId": str(uuid.uuid4())}, {**good, "tenantId": str(uuid.uuid4())},
           {**good, "changeType": "other"}, {**good, "resource": "x" * 3000}, [], "x", None]
    assert hooks.post({"value": bad}).status == 202
    assert not hooks.rows("1")
    assert hooks.post({"value": [good, *bad, good]}).status == 202
    assert hooks.post({"value": [good]}).status == 202
    assert hooks.post({"value": [{**good, "resourceData": {"@odata.etag": "2"}}]}).status == 202
    # Without an etag a repeat cannot be told from news.
    bare = {**good, "resourceData": {"id": "e1"}}
    assert hooks.post({"value": [bare, bare]}).status == 202
    assert len(hooks.rows("1")) == 4
    site.httpd.log_has("GT1110")
    figures = hooks.browser.get(site.url + "/metrics").body.decode()
    for result, count in (("stored", 4), ("repeated", 2), ("unknown", 2), ("refused", 6),
                          ("malformed", 10)):
        (found,) = [line for line in figures.split("\n")
                    if line.startswith(f'graphtok_notifications_total{{result="{result}"}}')]
        assert int(found.split()[-1]) >= count, found
    assert "forged_notification" in (site.folder / "audit.log").read_text()


def test_the_database_is_away(hooks, site):
    """What cannot be stored is not taken: Graph repeats it."""
    sub = hooks.made()["/me/events"]
    site.database.sql("ALTER TABLE graph_notifications RENAME TO away")
    try:
        assert hooks.post({"value": [hooks.notice(sub, "e9")]}).status >= 500
    finally:
        site.database.sql("ALTER TABLE away RENAME TO graph_notifications")
    assert hooks.post({"value": [hooks.notice(sub, "e9")]}).status == 202
    assert len(hooks.rows("1")) == 1
    site.httpd.log_has("GT04")


def test_another_address(hooks, site):
    """Subscriptions move to it when they are renewed, and the application is told to read again."""
    first = ", ".join(f"'{one['id']}'" for one in hooks.made().values())
    site.configure(mounts=(MOUNTS + HOOKS).replace("/hooks", "/moved"))

    def moved():
        site.database.sql("UPDATE graph_subscriptions SET due_at = 0 "
                          f"WHERE claimed_by IS NULL AND subscription_id IN ({first})")
        hooks.hurry()
        return [one["notificationUrl"] for one in hooks.box.subscriptions()] == [site.url + "/moved"] * 2
    try:
        site.httpd.graceful()
        site.httpd.wait_until(moved, 60)
        hooks.made()
        assert {("missed", "calendar"), ("missed", "mail")} == {
            tuple(row) for row in hooks.rows("change_type, kind")}
    finally:
        site.configure(mounts=MOUNTS + HOOKS)
        site.httpd.graceful()


def test_an_answer_that_is_lost_leaves_none_behind(hooks, site):
    """Graph has made one, and we do not know its id: it is ended before another one is made."""
    first = hooks.made()["/me/events"]
    hooks.box.fault("graph", "die_after", method="POST", times=1)
    hooks.box.notify(id=first["id"], life="subscriptionRemoved")

    def lost():
        hooks.hurry()
        return hooks.rows("1", "graph_subscriptions", "WHERE resource = 'calendar' AND failures = 1")
    site.httpd.wait_until(lost, 30)
    (stray,) = [one for one in hooks.box.subscriptions() if one["resource"] == "/me/events"]
    assert stray["id"] != first["id"]
    site.database.sql("UPDATE graph_subscriptions SET due_at = 0 WHERE resource = 'calendar'")
    hooks.hurry()
    assert hooks.made(2, but=(stray["id"],))["/me/events"]["id"] != stray["id"]
    assert len(hooks.box.subscriptions()) == 2


def test_the_end_of_a_grant(hooks, site):
    """A revoke ends its subscriptions at Graph; a directive that is taken away ends them, too."""
    done = hooks.browser.send("POST", site.url + "/tom/auth/revoke", b"",
                              {"Origin": site.url})
    assert done.status == 200
    assert not hooks.box.subscriptions() and not hooks.rows("1", "graph_subscriptions")
    assert hooks.browser.sign_in(site.url + "/tom/auth/login").status == 200
    hooks.hurry()
    hooks.made()
    site.configure(mounts=(MOUNTS + HOOKS).replace("Subscribe calendar mail", "Subscribe mail"))
    try:
        site.httpd.graceful()
        hooks.hurry()
        assert set(hooks.made(1)) == {"/me/messages"}
    finally:
        site.configure(mounts=MOUNTS + HOOKS)
        site.httpd.graceful()
