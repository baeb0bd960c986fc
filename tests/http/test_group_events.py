# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Events of groups: with the signed-in user's token, and with an account's (mission C5)."""

import pytest
from groups import BOARD, CLUB, LOCKERS

from support.browser import Browser
from support.site import NOON, WINDOW

ADA, GRACE = "ada@sandbox.example", "grace@sandbox.example"
UNKNOWN = "00000000-1111-2222-3333-444444444444"
SCOPES = ("GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite "
          "Group.ReadWrite.All")
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/reading">
    SetHandler graphtok-calendar
    GraphTokRoutes events event group-events group-event
</Location>
""" + "".join(f"""
<GraphTokAccount {name}>
    {lines}
</GraphTokAccount>
<Location "/{name}">
    SetHandler graphtok-calendar
    GraphTokUseAccount {name}
    Require ip 127.0.0.1
</Location>
""" for name, lines in (
    ("events", f"""GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword file:{{folder}}/secrets/password
    GraphTokAccountGroups {UNKNOWN} {CLUB.upper()}"""),
    ("groupless", """GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword file:{folder}/secrets/password"""),
    ("scopeless", f"""GraphTokAccountGrant password
    GraphTokAccountUser ada@sandbox.example
    GraphTokAccountPassword file:{{folder}}/secrets/password
    GraphTokAccountScope openid offline_access User.Read
    GraphTokAccountGroups {CLUB}"""),
    ("robot", f"GraphTokAccountGroups {CLUB}"))) + "GraphTokLimit off\n"
EVENT = {"subject": "Rehearsal", **NOON}


@pytest.fixture(scope="module")
def server(make_site):
    """Places for the signed-in user, and for accounts with and without groups."""
    made = make_site(mounts=MOUNTS, provider=SCOPES)
    made.write_secret("password", "a-password-to-be-set")
    made.start()
    made.register("/auth")
    yield made
    made.end()


@pytest.fixture
def ada(server, sandbox, browser):
    """A browser in which ada is signed in, with an administrator's consent."""
    server.register("/auth")
    sandbox.process.settings(admin_consented=True)
    assert browser.sign_in(server.url + "/auth/login").status == 200
    return browser


@pytest.fixture
def account(server, sandbox):
    """A client of no user, where accounts have their password."""
    sandbox.process.settings(admin_consented=True)
    password = sandbox.process.control("POST", "login", {"person": ADA})["password"]
    server.write_secret("password", password + "\n")
    for name in ("events", "groupless", "scopeless"):
        server.ctl("revoke", "account:" + name, check=False)
    return Browser()


def in_path(given):
    return given.replace("/", "-").replace("+", "_")


def group_of(sandbox, group=CLUB, **change):
    """The subjects of its events."""
    return sandbox.process.control("POST", "group", {"group": group, **change})["events"]


def life_of_an_event(browser, base, sandbox):
    """Every route of a group."""
    made = browser.post(base, EVENT)
    assert made.status == 201 and made.headers["ETag"], made
    url = base + "/" + in_path(made.json["id"])
    assert browser.get(url + "?select=subject,organizer").json["organizer"]["emailAddress"]["address"]
    assert browser.get(url, headers={"If-None-Match": made.headers["ETag"]}).status == 304
    assert browser.send("PATCH", url, {"subject": "Concert"}).json["subject"] == "Concert"
    assert browser.send("PUT", url, EVENT).json["subject"] == "Rehearsal"
    assert browser.send("PATCH", url, {"subject": "x"},
                        {"If-Match": made.headers["ETag"]}).status == 412
    for listing in (base, f"{base}?{WINDOW}&order=-start&top=5&timezone=Europe/Berlin"):
        assert [one["id"] for one in browser.get(listing).json["value"]] == [made.json["id"]]
    assert group_of(sandbox) == ["Rehearsal"]
    assert browser.send("DELETE", url).status == 204
    assert browser.get(url).json["code"] == "ErrorItemNotFound"
    assert group_of(sandbox) == []


def test_C5_the_signed_in_users_token(server, sandbox, ada):
    life_of_an_event(ada, f"{server.url}/calendar/groups/{CLUB}/events", sandbox)
    life_of_an_event(ada, f"{server.url}/calendar/groups/{CLUB.upper()}/events", sandbox)
    assert ada.get(server.url + "/calendar/events").json["value"] == []


def test_C5_an_accounts_token(server, sandbox, account):
    life_of_an_event(account, f"{server.url}/events/groups/{CLUB}/events", sandbox)
    assert sandbox.calls("token:password") == 1


def test_C5_a_repeated_post_makes_one_event(server, sandbox, account):
    url = f"{server.url}/events/groups/{CLUB}/events"
    sent = {**EVENT, "transactionId": "5c1e3d5e-2f0b-4f0e-9d55-1f1b1c1d1e1f"}
    first, again = account.post(url, sent), account.post(url, sent)
    assert (first.status, again.status) == (201, 201) and first.json["id"] == again.json["id"]
    assert group_of(sandbox) == ["Rehearsal"]
    other = account.post(url, {**sent, "subject": "Concert"})
    assert other.status == 400 and other.json["code"] == "ErrorDuplicateTransactionId"
    # An answer that is lost: the problem has the id that makes the repeat harmless.
    sandbox.fault(where="graph", kind="status", status=503, when="after", times=1)
    lost = account.post(url, {**EVENT, "subject": "Once"})
    assert lost.json["may_be_done"] is True, lost
    assert account.post(url, {**EVENT, "subject": "Once",
                              "transactionId": lost.json["transaction_id"]}).status == 201
    assert sorted(group_of(sandbox)) == ["Once", "Rehearsal"]


def refused(answer, tag, says):
    assert (answer.status, answer.json["tag"]) == (403, tag), answer
    assert says in answer.json["detail"], answer.json["detail"]


def test_C5_a_user_may_what_membership_allows(server, sandbox, ada):
    base = f"{server.url}/calendar/groups/{{}}/events"
    for send in (lambda url: ada.get(url), lambda url: ada.post(url, EVENT)):
        answer = send(base.format(BOARD))
        refused(answer, "GT0773", f"must be a member of group {BOARD}")
        assert answer.json["code"] == "ErrorAccessDenied" and answer.json["request_id"]
    group_of(sandbox, BOARD, add=ADA)
    assert ada.post(base.format(BOARD), EVENT).status == 201
    for group in (UNKNOWN, LOCKERS):
        answer = ada.get(base.format(group))
        assert (answer.status, answer.json["code"]) == (404, "ErrorInvalidGroup")


def test_C5_a_token_without_the_permission_says_so(server, sandbox, account):
    url = f"{server.url}/scopeless/groups/{CLUB}/events"
    for answer in (account.get(url), account.post(url, EVENT)):
        refused(answer, "GT0772", "grant admin consent")
        assert answer.json["code"] == "ErrorAccessDenied" and "GraphTokAccountScope" in answer.text


def test_C5_an_account_opens_the_groups_that_it_names(server, sandbox, account):
    before = sandbox.calls("graph"), sandbox.calls("token")
    for place, group in (("events", BOARD), ("groupless", CLUB)):
        for method, tail in (("GET", ""), ("POST", ""), ("DELETE", "/AAMk"), ("GET", "?page=x")):
            answer = account.send(method, f"{server.url}/{place}/groups/{group}/events{tail}",
                                  EVENT if method == "POST" else None)
            refused(answer, "GT1270", f"write GraphTokAccountGroups {group} in its "
                                              f"<GraphTokAccount {place}>")
    assert (sandbox.calls("graph"), sandbox.calls("token")) == before


def test_C5_an_application_opens_no_groups(server, sandbox, account):
    answer = account.post(f"{server.url}/robot/groups/{CLUB}/events", EVENT)
    refused(answer, "GT0771", "GraphTokAccountGrant password")
    assert group_of(sandbox) == []


def test_C5_a_page_is_its_groups(server, sandbox, account):
    base = f"{server.url}/events/groups/{CLUB}/events"
    for i in range(3):
        assert account.post(base, {**EVENT, "subject": str(i)}).status == 201
    seen, link = [], base + "?top=2"
    while link:
        answer = account.get(link)
        assert answer.status == 200, answer
        seen += [one["subject"] for one in answer.json["value"]]
        page, link = link, answer.json.get("@odata.nextLink")
    assert sorted(seen) == ["0", "1", "2"] and page.startswith(base + "?page=")
    for other in (page.replace(CLUB, UNKNOWN), page.replace(f"/groups/{CLUB}", "")):
        answer = account.get(other)
        assert (answer.status, answer.json["tag"]) == (400, "GT0836"), answer


@pytest.mark.parametrize("group, tail, status", [
    ("club", "events", 400), (CLUB[:-1], "events", 400), (CLUB + "%2Fevents", "events", 400),
    ("%252e%252e", "events", 400), (CLUB + "%3F", "events", 400), (CLUB + "'", "events", 400),
    ("me%2500", "events", 400), (CLUB, "events/..%2Fx", 400), (CLUB, "calendars", 404),
    (CLUB, "", 404), (CLUB, "events/AAMk/instances", 404), (CLUB, "events?select=members", 400)])
def test_C5_a_path_reaches_nothing_else(server, sandbox, ada, group, tail, status):
    before = sandbox.calls("graph")
    for place in ("calendar", "events"):
        answer = ada.get(f"{server.url}/{place}/groups/{group}/{tail}")
        assert answer.status == status, answer
    assert sandbox.calls("graph") == before


def test_C5_no_mailbox_and_no_calendar_stands_before_a_group(server, sandbox, ada):
    for before in (f"users/{GRACE}", "calendars/AAMk", f"users/{GRACE}/calendars/AAMk"):
        answer = ada.get(f"{server.url}/calendar/{before}/groups/{CLUB}/events")
        assert answer.status == 404, answer


def test_C5_only_some_routes(server, sandbox, ada):
    url = f"{server.url}/reading/groups/{CLUB}/events"
    assert ada.get(url).status == 200
    answer = ada.post(url, EVENT)
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD", answer


def test_C5_a_body_obeys_the_rules_of_events(server, sandbox, ada):
    before = sandbox.calls("graph")
    answer = ada.post(f"{server.url}/calendar/groups/{CLUB}/events", {"subject": "x"})
    assert answer.status == 400
    assert [error["field"] for error in answer.json["errors"]] == ["start", "end"]
    assert sandbox.calls("graph") == before


def test_C5_all_who_open_a_group_share_its_places(server, sandbox, ada, account):
    sandbox.fault(where="graph", kind="graph_error", status=429, code="ApplicationThrottled",
                  retry_after=30, times=1)
    assert account.get(f"{server.url}/events/groups/{CLUB}/events").status == 429
    before = sandbox.calls("graph")
    assert ada.get(f"{server.url}/calendar/groups/{CLUB.upper()}/events").status == 429
    assert sandbox.calls("graph") == before
    assert ada.get(server.url + "/calendar/events").status == 200
