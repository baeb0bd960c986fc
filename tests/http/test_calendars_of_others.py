# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Other calendars of the caller's, and the mailboxes of others."""

import pytest

from support.site import NOON, WINDOW

SCOPES = ("GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite "
          "Calendars.ReadWrite.Shared")
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
    GraphTokSharedMailboxes Grace@Sandbox.example *@rooms.example
</Location>
<Location "/open">
    SetHandler graphtok-calendar
    GraphTokSharedMailboxes *
</Location>
<Location "/closed">
    SetHandler graphtok-calendar
</Location>
GraphTokLimit off
"""
ADA, GRACE, ALAN = (f"{name}@sandbox.example" for name in ("ada", "grace", "alan"))
LUNCH = {"subject": "Lunch", **NOON}


@pytest.fixture(scope="module")
def others(make_site):
    """A site whose callers may open mailboxes of others."""
    made = make_site(mounts=MOUNTS, provider=SCOPES)
    made.start()
    made.register("/auth")
    yield made
    made.end()


@pytest.fixture
def ada(others, sandbox, browser):
    """A browser in which ada is signed in."""
    others.register("/auth")
    assert browser.sign_in(others.url + "/auth/login").status == 200
    return browser


def share(sandbox, person, **more):
    """Another calendar of a person, or leave to open the mailbox: the calendar's id."""
    return sandbox.process.control("POST", "share", {"person": person, **more})["calendar"]


def in_path(given):
    return given.replace("/", "-").replace("+", "_")


def life_of_an_event(ada, base):
    """Every route, below a calendar."""
    made = ada.post(base + "/events", LUNCH)
    assert made.status == 201, made
    url = base + "/events/" + in_path(made.json["id"])
    assert ada.get(url).json["subject"] == "Lunch"
    assert ada.send("PATCH", url, {"subject": "Dinner"}).json["subject"] == "Dinner"
    assert ada.send("PUT", url, LUNCH).json["subject"] == "Lunch"
    assert ada.get(f"{url}/instances?{WINDOW}").json["value"] == []
    for listing in (base + "/events", f"{base}/events?{WINDOW}"):
        assert [one["id"] for one in ada.get(listing).json["value"]] == [made.json["id"]]
    assert ada.get(base + "/next24").json["value"] == []
    return url


def test_another_calendar_of_the_callers(others, sandbox, ada):
    choir = share(sandbox, ADA, name="Choir")
    assert {"/", "+"} <= set(choir)
    listed = ada.get(others.url + "/calendar/calendars?select=name")
    assert [one["name"] for one in listed.json["value"]] == ["Calendar", "Choir"]
    base = others.url + "/calendar/calendars/" + in_path(choir)
    assert ada.get(base).json["name"] == "Choir"
    assert ada.get(base.replace(in_path(choir), choir.replace("/", "%2F"))).json["name"] == "Choir"
    url = life_of_an_event(ada, base)
    assert ada.get(others.url + "/calendar/events").json["value"] == []
    assert ada.send("DELETE", url).status == 204


def test_the_mailbox_of_another(others, sandbox, ada):
    base = others.url + "/calendar/users/" + GRACE
    answer = ada.get(base + "/events")
    assert answer.status == 403 and answer.json["code"] == "ErrorAccessDenied"
    choir = share(sandbox, GRACE, name="Choir", **{"with": ADA})
    assert ada.get(base).json["owner"]["address"] == GRACE
    assert len(ada.get(base + "/calendars").json["value"]) == 2
    url = life_of_an_event(ada, base)
    assert ada.get(others.url + "/calendar/events").json["value"] == []
    assert ada.send("DELETE", url, headers={"If-Match": "*"}).status == 204
    life_of_an_event(ada, base + "/calendars/" + in_path(choir))


def test_who_is_not_named_is_not_asked_for(others, sandbox, ada):
    share(sandbox, ALAN, **{"with": ADA})
    before = sandbox.calls("graph")
    for path in ("/calendar/users/" + ALAN, "/closed/users/" + GRACE, "/closed/users/" + ADA):
        for method, tail in (("GET", ""), ("GET", "/events"), ("DELETE", "/events/AAMk")):
            answer = ada.send(method, others.url + path + tail)
            assert answer.status == 403 and answer.json["tag"] == "GT0839", answer
    assert sandbox.calls("graph") == before
    assert ada.get(others.url + "/open/users/" + ALAN.upper()).status == 200


def test_a_page_is_its_mailboxs(others, sandbox, ada):
    share(sandbox, GRACE, **{"with": ADA})
    sandbox.bulk_events(GRACE, count=5)
    base, seen = others.url + "/calendar/users/" + GRACE + "/events?top=2", []
    link = base
    while link:
        answer = ada.get(link)
        assert answer.status == 200, answer
        seen += answer.json["value"]
        page, link = link, answer.json.get("@odata.nextLink")
    assert len(seen) == 5
    for other in (page.replace(GRACE, ALAN), page.replace("/users/" + GRACE, ""),
                  page.replace("/calendar/", "/closed/")):
        assert ada.get(other).status in (400, 403), other


@pytest.mark.parametrize("mailbox", ["a%252Fb@x.example", "a%2Fb@x.example", "me", "a@b@c.d",
                                     "%22a%20b%22@x.example", "a%5Cb@x.example"])
def test_a_mailbox_is_one_segment(others, sandbox, ada, mailbox):
    before = sandbox.calls("graph")
    answer = ada.get(others.url + "/open/users/" + mailbox + "/events")
    assert answer.status in (400, 404), answer
    assert sandbox.calls("graph") == before


def test_all_who_open_a_mailbox_share_its_places(others, sandbox, ada):
    share(sandbox, GRACE, **{"with": ADA})
    sandbox.fault(where="graph", kind="graph_error", status=429, code="ApplicationThrottled",
                  retry_after=30, times=1)
    url = others.url + "/calendar/users/" + GRACE
    assert ada.get(url).status == 429
    before = sandbox.calls("graph")
    assert ada.get(url.replace(GRACE, GRACE.upper())).status == 429
    assert sandbox.calls("graph") == before
    assert ada.get(others.url + "/calendar/").status == 200
