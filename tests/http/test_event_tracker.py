# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The document of an event tracker (S1) from top to bottom, on conf/examples/s1.conf: each command,
route, rule of a token's life and trouble that it lists."""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import time
import uuid

import pytest
from groups import BOARD, CLUB

from support import httpd as servers
from support.browser import Browser
from test_examples import EXAMPLES, Example, placed

ADA = "ada@sandbox.example"
HERE = pathlib.Path(__file__).resolve()
# All on one server, and what depends on the database or the MPM on another one, too.
SERVERS = [("event", "sqlite3"), ("prefork", "pgsql")]
TABLE, TOKEN = "microsoft_graph_tokens", "token:password"
TOKENS, CALENDAR, ADMIN = "/api/graph-tokens", "/api/calendar", "/admin"
EVENTS = f"{CALENDAR}/groups/{CLUB}/events"
EVENT = {"subject": "Open day", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}

# Section, what it says, and where that is shown: a test of this file, or of another one.
DOCUMENT = [
    ("Features", "tokens by ROPC, acquired when they are needed", "test_acquired_when_first_needed"),
    ("Features", "stored sealed", "test_stored_sealed_with_its_end"),
    ("Features", "refreshed before expiration", "test_refreshed_five_minutes_before_its_end"),
    ("Features", "error tracking and recovery", "test_three_errors_deactivate_and_it_recovers"),
    ("Features", "caching", "test_cached_for_five_minutes"),
    ("Features", "admin interface", "test_the_administrators_page"),
    ("Features", "API endpoints", "test_status"),
    ("Features", "management commands", "test_commands_as_they_are_typed"),
    ("Configuration", "each variable is demanded", "test_a_missing_variable_is_named"),
    ("Configuration", "a public client", "test_acquired_when_first_needed"),
    ("Configuration", "admin consent for delegated permissions", "test_failed_to_acquire"),
    ("Usage", "automatic acquisition", "test_acquired_when_first_needed"),
    ("Usage", "get_graph_access_token", "test_a_script_gets_the_token"),
    ("Usage", "acquire, refresh, cleanup, status, validate", "test_commands_as_they_are_typed"),
    ("Usage", "acquire --force", "test_commands_as_they_are_typed"),
    ("Usage", "admin interface with bulk actions", "test_the_administrators_page"),
    ("Usage", "GET status/", "test_status"),
    ("Usage", "POST acquire_token/", "test_acquire_token"),
    ("Usage", "POST validate_tokens/", "test_validate_tokens"),
    ("Usage", "POST cleanup_tokens/", "test_expired_deactivated_and_old_removed"),
    ("Integration", "create_outlook_event", "test_an_event_is_created_once"),
    ("Lifecycle", "a valid token is used again", "test_acquired_when_first_needed"),
    ("Lifecycle", "stored with its expiration", "test_stored_sealed_with_its_end"),
    ("Lifecycle", "five minutes in memory", "test_cached_for_five_minutes"),
    ("Lifecycle", "usage is tracked", "test_usage_is_tracked_and_success_ends_errors"),
    ("Lifecycle", "success resets the errors", "test_usage_is_tracked_and_success_ends_errors"),
    ("Lifecycle", "refresh 5 minutes before", "test_refreshed_five_minutes_before_its_end"),
    ("Lifecycle", "failed refreshes are tracked", "test_a_failed_refresh_is_tracked"),
    ("Lifecycle", "3+ errors deactivate", "test_three_errors_deactivate_and_it_recovers"),
    ("Lifecycle", "expired are deactivated", "test_expired_deactivated_and_old_removed"),
    ("Lifecycle", "removed after 30 days", "test_expired_deactivated_and_old_removed"),
    ("Errors", "messages are stored", "test_three_errors_deactivate_and_it_recovers"),
    ("Errors", "retried with a new acquisition", "test_a_refused_refresh_acquires_anew"),
    ("Errors", "timeout, connection, rate limit", "test_network_trouble"),
    ("Errors", "expired token", "test_refreshed_five_minutes_before_its_end"),
    ("Errors", "invalid scopes", "test_failed_to_acquire"),
    ("Errors", "revoked", "test_a_refused_refresh_acquires_anew"),
    ("Security", "sealed columns", "test_stored_sealed_with_its_end"),
    ("Security", "administrators only", "test_administrators_only"),
    ("Security", "operations in the audit", "test_operations_are_logged"),
    ("Security", "a second factor", "test_failed_to_acquire"),
    ("Monitoring", "regular validation, daily cleanup", "test_regular_work_is_configured"),
    ("Monitoring", "metrics", "http/test_metrics.py::test_O9_refreshes_and_why_they_failed"),
    ("Monitoring", "errors are logged", "test_operations_are_logged"),
    ("Troubleshooting", "Failed to acquire token", "test_failed_to_acquire"),
    ("Troubleshooting", "ErrorAccessDenied", "test_access_is_denied"),
    ("Troubleshooting", "ErrorAccessDenied: application permissions",
     "http/test_group_events.py::test_C5_an_application_opens_no_groups"),
    ("Troubleshooting", "Token validation failed", "test_validation_failed"),
    ("Troubleshooting", "Too many errors", "test_three_errors_deactivate_and_it_recovers"),
    ("Troubleshooting", "status, acquire --force, validate", "test_commands_as_they_are_typed"),
    ("Troubleshooting", "grep -i graph|token", "test_operations_are_logged"),
    ("API reference", "get_access_token(force_refresh)", "test_a_script_gets_the_token"),
    ("API reference", "refresh_token(token_obj)", "test_one_token_is_refreshed"),
    ("API reference", "handle_token_error", "test_three_errors_deactivate_and_it_recovers"),
    ("API reference", "cleanup_old_tokens", "test_expired_deactivated_and_old_removed"),
    ("API reference", "get_token_status", "test_status"),
    ("API reference", "validate_token", "test_validation_failed"),
    ("Migration", "the table is made", "test_the_table_is_made"),
]


def on(*rows):
    return pytest.mark.parametrize("server", rows, indirect=True, scope="module",
                                   ids=["-".join(row) for row in rows])


BOTH, ONE = on(*SERVERS), on(SERVERS[0])


class Tracker(Example):
    """An httpd with the example, and its one account."""

    def __init__(self, folder, mpm, engine, postgres, sandbox):
        self.administrators = folder / "administrators"
        self.audit = folder / "audit.log"
        super().__init__(folder, "s1", mpm, engine, postgres, sandbox, {
            "GRAPH_CLIENT_ID": sandbox.client_id, "GRAPH_TENANT": sandbox.tenant,
            "GRAPH_GROUP_ID": CLUB, "GRAPH_USERNAME": ADA,
            "GRAPH_PASSWORD": sandbox.process.control("POST", "login", {"person": ADA})["password"],
            "GRAPH_TOKEN_KEY": subprocess.run([servers.build_folder() / "graphtokctl", "genkey"],
                                              capture_output=True, text=True, check=True).stdout})
        digest = base64.b64encode(hashlib.sha1(b"root").digest()).decode()
        self.administrators.write_text("root:{SHA}" + digest + "\n")
        # A row that a test has written must not be refreshed before the test looks at it.
        self.httpd.write(placed("s1", self.database, sandbox)
                         .replace("/etc/graphtok/administrators", str(self.administrators))
                         .replace("/var/log/apache2/graphtok-audit.log", str(self.audit))
                         + "GraphTokBackground off\n")
        self.migrate()
        self.httpd.start()
        code, out, err = self.httpd.check("-D", "DUMP_GRAPHTOK")
        assert code == 0, err
        self.dump = self.httpd.folder / "dump.json"
        self.dump.write_text(out[out.index("{"):])
        self.warned = err

    def ctl(self, *words, code=0):
        """What a command prints on both streams. The configuration is asked for once only."""
        done = subprocess.run(
            [servers.build_folder() / "graphtokctl", "--config", self.dump, *words],
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, **self.httpd.environment})
        assert done.returncode == code, (words, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def ask(self, method, path, body=None, user="root"):
        """As the tracker's program, and where it is the administrator's place, as one."""
        headers = {}
        if path.startswith((TOKENS, ADMIN)) and user:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{user}".encode()).decode()
        return Browser().send(method, self.url + path, body, headers)

    def row(self, *columns):
        found = self.database.sql(f"SELECT {', '.join(columns)} FROM {TABLE}")
        return [str(value) for value in found[0]] if found else None

    def change(self, text):
        self.database.sql(f"UPDATE {TABLE} SET {text}")

    def moment(self, seconds):
        """SQL for a time so many seconds from now."""
        if self.database.engine == "pgsql":
            return f"now() + interval '{seconds} seconds'"
        return f"datetime('now', '{seconds} seconds') || '.000000'"


@pytest.fixture(scope="module")
def server(request, ground, sandbox_server):
    mpm, engine = request.param
    postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
    made = Tracker(ground / f"tracker-{uuid.uuid4().hex[:8]}", mpm, engine, postgres, sandbox_server)
    yield made
    made.httpd.remove()


@pytest.fixture
def tracker(server, sandbox):
    """The server without a token, its registration as the document wants it."""
    sandbox.process.settings(public_flows=True, admin_consented=True)
    sandbox.process.control("POST", "login", {"person": ADA, "password": server.httpd.environment[
        "GRAPH_PASSWORD"]})
    if server.row("id"):
        assert server.ask("DELETE", f"{TOKENS}/grants/{server.row('id')[0]}").status == 200
    server.seen = len(server.httpd.log())
    return server


def test_each_row_of_the_document_has_its_test():
    for section, says, where in DOCUMENT:
        place, _, name = where.rpartition("::")
        text = (HERE if not place else HERE.parents[1] / place).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\b", text, re.M), (section, says, where)


# ---- acquisition and use ----

@BOTH
def test_acquired_when_first_needed(tracker, sandbox):
    """By the password alone: the client is public and shows no secret."""
    assert sandbox.calls("token") == 0 and tracker.row("id") is None
    for _ in range(3):
        assert tracker.ask("GET", EVENTS).status == 200
    assert (sandbox.calls("token"), sandbox.calls(TOKEN)) == (1, 1)


@BOTH
def test_an_event_is_created_once(tracker, sandbox):
    sent = {**EVENT, "transactionId": "event-4711"}
    made = [tracker.ask("POST", EVENTS, sent) for _ in range(2)]
    assert [answer.status for answer in made] == [201, 201]
    assert made[0].json["id"] == made[1].json["id"]
    assert sandbox.process.control("POST", "group", {"group": CLUB})["events"] == ["Open day"]
    # No other route of a calendar is the account's to open, nor another group.
    assert tracker.ask("GET", CALENDAR + "/events").status == 404
    assert tracker.ask("POST", EVENTS.replace(CLUB, BOARD), EVENT).json["tag"] == "GT1270"


@BOTH
def test_stored_sealed_with_its_end(tracker):
    assert tracker.ask("GET", EVENTS).status == 200
    user, access, refresh, status, kind = tracker.row(
        "user_id", "encrypted_access_token", "encrypted_refresh_token", "status", "token_type")
    assert (user, status, kind) == ("account:events", "1", "ropc")
    assert access.startswith("gt2.") and refresh.startswith("gt2.")
    [grant] = json.loads(tracker.ctl("--json", "list"))["grants"]
    assert grant["expires_at"].endswith("Z") and grant["email"] == ADA


@ONE
def test_cached_for_five_minutes(tracker, sandbox):
    """The row says nothing any more, and the token is served all the same."""
    assert tracker.ask("GET", EVENTS).status == 200
    tracker.change("encrypted_access_token = 'gt2.lost'")
    assert tracker.ask("GET", EVENTS).status == 200
    assert json.loads(tracker.dump.read_text())["config"]["cache_time"] == "5min"
    assert sandbox.calls("token") == 1


@BOTH
def test_usage_is_tracked_and_success_ends_errors(tracker):
    assert tracker.ask("GET", EVENTS).status == 200
    tracker.change(f"error_count = 2, updated_at = {tracker.moment(-60)}")
    assert tracker.ask("GET", EVENTS).status == 200
    tracker.httpd.stop()  # counts are written at the end of a child, too
    tracker.httpd.start()
    uses, errors, status = tracker.row("use_count", "error_count", "status")
    assert int(uses) >= 2 and (errors, status) == ("0", "1")
    tracker.change(f"error_count = 2, updated_at = {tracker.moment(-60)}")
    tracker.ctl("validate")
    assert tracker.row("error_count", "use_count") == ["0", uses]
    assert time.time() - int(tracker.row("last_used_at")[0]) < 60


@ONE
def test_a_script_gets_the_token(tracker, sandbox):
    first = tracker.ctl("token", "account:events")
    assert first == tracker.ctl("token", "account:events") and sandbox.calls("token") == 1
    tracker.ctl("acquire", "--force")
    assert tracker.ctl("token", "account:events") != first and sandbox.calls("token") == 2


# ---- refresh, errors, the end ----

@ONE
def test_refreshed_five_minutes_before_its_end(tracker, sandbox):
    tracker.ctl("acquire")
    for left, calls in ((320, 0), (280, 1), (-5, 1)):
        sandbox.process.forget_calls()
        tracker.change(f"expires_at = {tracker.moment(left)}, updated_at = {tracker.moment(-3000)}")
        assert tracker.ctl("token", "account:events").strip()
        assert sandbox.calls("token:refresh_token") == calls, left
    assert sandbox.calls(TOKEN) == 0


@ONE
def test_one_token_is_refreshed(tracker, sandbox):
    tracker.ctl("acquire")
    answer = tracker.ask("POST", f"{TOKENS}/grants/{tracker.row('id')[0]}/refresh")
    assert answer.status == 200 and answer.json["status"] == "refreshed", answer
    assert sandbox.calls("token:refresh_token") == 1


@ONE
def test_a_refused_refresh_acquires_anew(tracker, sandbox):
    tracker.ctl("acquire")
    sandbox.revoke(ADA)
    assert "refreshed 1, failed 0" in tracker.ctl("refresh", "--token-type", "ropc")
    assert sandbox.calls(TOKEN) == 2
    assert tracker.row("status", "error_count") == ["1", "0"]


@ONE
def test_a_failed_refresh_is_tracked(tracker, sandbox):
    tracker.ctl("acquire")
    sandbox.revoke(ADA)
    sandbox.process.control("POST", "login", {"person": ADA, "code": 50055})
    tracker.change(f"expires_at = {tracker.moment(-5)}")
    told = tracker.ctl("token", "account:events", code=78)
    assert "GT0622" in told and "password" in told, told
    assert tracker.row("status", "error_count", "error_message") == [
        "0", "1", "refused GT0622 AADSTS50055"]
    # Not again before an hour is over, which would lock the account, but when it is said.
    sandbox.process.control("POST", "login", {"person": ADA})
    assert "graphtokctl acquire --force events" in tracker.ctl("token", "account:events", code=78)
    tracker.ctl("acquire", "--force")
    assert tracker.row("status", "error_count") == ["1", "0"]


@BOTH
def test_three_errors_deactivate_and_it_recovers(tracker, sandbox):
    tracker.ctl("acquire")
    for count, status in (("1", "1"), ("2", "1"), ("3", "0")):
        sandbox.fault("graph", "graph_error", status=401, code="InvalidAuthenticationToken", times=2)
        assert "failed 1" in tracker.ctl("validate", code=77)
        assert tracker.row("error_count", "status") == [count, status]
    assert "InvalidAuthenticationToken" in tracker.row("error_message")[0]
    shown = json.loads(tracker.ctl("--json", "status"))["stores"][0]["counts"]
    assert shown["inactive"] == 1 and shown["refresh_failures"] == 1
    assert tracker.ask("GET", EVENTS).status == 200
    assert tracker.row("error_count", "status") == ["0", "1"]


@BOTH
def test_expired_deactivated_and_old_removed(tracker):
    """A token that nothing can renew is deactivated when it ends, another one after 90 days."""
    tracker.ctl("acquire")
    day = 86400
    tracker.change(f"expires_at = {tracker.moment(-60)}")
    assert tracker.ask("POST", TOKENS + "/cleanup_tokens/").json["deactivated"] == 0
    tracker.change(f"expires_at = {tracker.moment(-91 * day)}, "
                   f"last_used_at = {int(time.time()) - 91 * day}")
    assert tracker.ask("POST", TOKENS + "/cleanup_tokens/").json["deactivated"] == 1
    assert tracker.row("status") == ["0"]
    for days, removed in ((29, 0), (31, 1)):
        tracker.change(f"updated_at = {tracker.moment(-days * day)}, "
                       f"last_used_at = {int(time.time()) - days * day}")
        assert f"removed {removed}" in tracker.ctl("cleanup")
    assert tracker.row("id") is None
    tracker.ctl("acquire")
    tracker.change(f"encrypted_refresh_token = '', expires_at = {tracker.moment(-60)}")
    assert "deactivated 1" in tracker.ctl("cleanup")


# ---- administration ----

@BOTH
def test_status(tracker):
    tracker.ctl("acquire")
    for path in ("/status/", "/status"):
        answer = tracker.ask("GET", TOKENS + path)
        assert answer.status == 200 and answer.json["store"] == "main", answer
        assert {"total", "active", "inactive", "expired", "expiring_soon"} <= set(answer.json)


@ONE
def test_acquire_token(tracker, sandbox):
    """With the document's body: a token that is there is left, unless it says otherwise."""
    path = TOKENS + "/acquire_token/"
    for forced, calls in ((False, 1), (False, 1), (True, 2)):
        answer = tracker.ask("POST", path, {"token_type": "ropc", "force_refresh": forced})
        assert answer.status == 200 and answer.json["account"] == "events", answer
        assert sandbox.calls(TOKEN) == calls and "eyJ" not in answer.text
    assert tracker.ask("POST", path, {"token_type": "password"}).status == 400


@ONE
def test_validate_tokens(tracker, sandbox):
    tracker.ctl("acquire")
    answer = tracker.ask("POST", TOKENS + "/validate_tokens/")
    assert (answer.status, answer.json["valid"], answer.json["invalid"]) == (200, 1, 0), answer
    sandbox.fault("graph", "graph_error", status=401, code="InvalidAuthenticationToken", times=2)
    answer = tracker.ask("POST", TOKENS + "/validate_tokens/")
    assert (answer.status, answer.json["valid"], answer.json["invalid"]) == (200, 0, 1), answer
    # What names tables and keys is for the log, here as everywhere.
    tracker.ctl("acquire", "--force")
    tracker.change("encrypted_access_token = 'no sealed value', "
                   f"expires_at = {tracker.moment(-5)}")
    tracker.httpd.stop()  # a new server has no cached token
    tracker.httpd.start()
    [result] = tracker.ask("POST", TOKENS + "/validate_tokens/").json["results"]
    assert result["valid"] is False and result["tag"].startswith("GT02")
    assert result["detail"] == f"the reason stands in the server's log, with the tag {result['tag']}"


@ONE
def test_the_administrators_page(tracker, sandbox):
    """Its pages have test_admin_page.py; here they show the account, and act on it."""
    tracker.ctl("acquire")
    for path in ("/admin", "/admin/grants?q=account:events"):
        page = tracker.ask("GET", path)
        assert page.status == 200 and page.headers["Content-Type"].startswith("text/html"), page
    assert "account:events" in page.text and tracker.row("id")[0] in page.text
    asked = tracker.ask("POST", TOKENS + "/bulk", {"act": "refresh", "ids": tracker.row("id")})
    assert asked.status == 202, asked
    job = asked.headers["Location"].rpartition("/")[2]
    done = tracker.ask("GET", f"{TOKENS}/bulk/{job}")
    assert done.status == 200 and done.json["total"] == 1


@ONE
def test_administrators_only(tracker):
    for method, path in (("GET", "/status/"), ("POST", "/cleanup_tokens/"), ("GET", "/grants"),
                         ("POST", "/acquire_token/"), ("POST", "/validate_tokens/")):
        for user in (None, "bob"):
            assert tracker.ask(method, TOKENS + path, user=user).status == 401, path
    assert [tracker.ask("GET", ADMIN, user=user).status for user in (None, "bob")] == [401, 401]


@ONE
def test_commands_as_they_are_typed(tracker, sandbox):
    told = tracker.ctl("acquire", "--token-type", "ropc")
    assert "events: a token until" in told and sandbox.calls(TOKEN) == 1
    assert "refreshed 1, failed 0" in tracker.ctl("refresh", "--token-type", "ropc")
    assert sandbox.calls("token:refresh_token") == 1
    assert "deactivated 0" in tracker.ctl("cleanup")
    assert "active" in tracker.ctl("status") and "database" in tracker.ctl("status")
    assert "valid 1, failed 0" in tracker.ctl("validate")
    assert sandbox.calls("graph") == 1
    tracker.ctl("acquire", "--force")
    assert sandbox.calls(TOKEN) == 2


@ONE
def test_validation_failed(tracker, sandbox):
    """The token is over, its permissions have changed, the network is away: each says which."""
    tracker.ctl("acquire")
    sandbox.process.revoke(ADA, access=True)
    assert "valid 1" in tracker.ctl("validate")  # acquired anew
    sandbox.fault("graph", "graph_error", status=401, code="InvalidAuthenticationToken", times=2)
    assert "InvalidAuthenticationToken" in tracker.ctl("validate", code=77)
    sandbox.fault("graph", "status", status=503, times=0)
    assert "Graph answered 503" in tracker.ctl("validate", code=75)


@BOTH
def test_the_table_is_made(tracker):
    assert TABLE in tracker.ctl("migrate", "--dry-run", "--to", "0")
    assert tracker.ctl("migrate", "--yes").strip()


@ONE
def test_regular_work_is_configured(tracker):
    config = json.loads(tracker.dump.read_text())["config"]
    assert config["validate_every"] == "7d"
    assert "GraphTokBackground" not in (EXAMPLES / "s1.conf").read_text(encoding="utf-8")
    assert (config["cleanup_after"], config["refresh_margin"]) == ("30d", "5min")
    # A password's owner is told at each start what it is; nothing else is warned of.
    warned = [line for line in tracker.warned.splitlines() if "GT0852" in line]
    assert len(warned) == 1 and "RFC 9700" in warned[0], tracker.warned


# ---- troubles ----

@ONE
@pytest.mark.parametrize("name, says", [
    ("GRAPH_CLIENT_ID", "GraphTokClientID"), ("GRAPH_TENANT", "GraphTokTenant"),
    ("GRAPH_GROUP_ID", "GraphTokAccountGroups"), ("GRAPH_USERNAME", "GraphTokAccountUser"),
    ("GRAPH_PASSWORD", None), ("GRAPH_TOKEN_KEY", None)])
def test_a_missing_variable_is_named(tracker, name, says):
    """A secret may come later: it stops no start, and is asked for again."""
    value = tracker.httpd.environment.pop(name)
    try:
        code, _, err = tracker.httpd.check()
        assert (code != 0) == (says is not None) and (says or f"env:{name} is not set") in err, err
    finally:
        tracker.httpd.environment[name] = value


@ONE
@pytest.mark.parametrize("change, code, says", [
    ({"code": 50076}, 78, "a password alone cannot give a second factor"),
    ({"code": 53003}, 78, "Conditional Access"),
    ({"code": 50057}, 78, "disabled"),
    ({"password": "another-password-of-ada"}, 78, "wrong user name or password"),
    ({"settings": {"admin_consented": False}}, 78, "consent"),
    ({"settings": {"public_flows": False}}, 78, "allow public client flows")])
def test_failed_to_acquire(tracker, sandbox, change, code, says):
    settings = change.get("settings")
    if settings:
        sandbox.process.settings(**settings)
    else:
        sandbox.process.control("POST", "login", {"person": ADA, **change})
    told = tracker.ctl("acquire", code=code)
    assert says in told, told
    answer = tracker.ask("GET", EVENTS)
    assert answer.status == 502 and answer.json["tag"] and says not in answer.text, answer


@ONE
def test_access_is_denied(tracker, sandbox):
    sandbox.process.control("POST", "group", {"group": CLUB, "remove": ADA})
    answer = tracker.ask("POST", EVENTS, EVENT)
    assert (answer.status, answer.json["code"]) == (403, "ErrorAccessDenied")
    for says in ("try again; the user", CLUB, "member", "admin consent", "Group.ReadWrite.All", "second factor"):
        assert says in answer.json["detail"], answer.json["detail"]


@ONE
@pytest.mark.parametrize("fault, status", [
    ({"kind": "status", "status": 503}, 503), ({"kind": "die"}, 502),
    ({"kind": "graph_error", "status": 429, "code": "TooManyRequests", "retry_after": 1}, 429)])
def test_network_trouble(tracker, sandbox, fault, status):
    tracker.ctl("acquire")
    sandbox.fault(where="graph", times=0, **fault)
    answer = tracker.ask("GET", EVENTS)
    sandbox.fault("graph", "none")
    assert answer.status == status and answer.json["tag"], answer
    assert status != 429 or answer.headers["Retry-After"] == "1"
    assert tracker.httpd.wait_until(lambda: tracker.ask("GET", EVENTS).status == 200, 10) is None


@ONE
def test_operations_are_logged(tracker, sandbox):
    """In the error log as the document greps it, and in the audit by who did it."""
    assert tracker.ask("GET", EVENTS).status == 200
    tracker.ask("POST", f"{TOKENS}/grants/{tracker.row('id')[0]}/validate")
    sandbox.fault(where="graph", kind="status", status=503, times=1)
    tracker.ask("GET", EVENTS)
    failed = [line for line in tracker.httpd.log()[tracker.seen:].splitlines() if "GT0708" in line]
    assert failed and all(re.search("graph|token", line, re.I) for line in failed)
    records = [json.loads(line) for line in tracker.audit.read_text().splitlines()]
    mine = [one for one in records if one.get("user") == "account:events"]
    assert {one.get("administrator") for one in mine if one["event"] == "validate"} >= {"root"}
    assert {"refresh", "validate"} <= {one["event"] for one in mine}


@ONE
def test_nobody_signs_in_for_an_account_without_its_columns(tracker, sandbox):
    tracker.ctl("migrate", "--to", "13", "--yes")
    try:
        assert "GT0430" in tracker.ctl("login", "--account", "events", code=70)
        assert sandbox.calls("devicecode") == 0 and tracker.row("id") is None
    finally:
        tracker.ctl("migrate", "--yes")
