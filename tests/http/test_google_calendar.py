# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The calendar routes on Google Calendar: requests and answers in Graph's words."""

import base64
import datetime

import pytest

from test_google import ADA, provider, problem

MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
    GraphTokSharedMailboxes *@sandbox.example
</Location>
GraphTokLimit off
"""
BERLIN = "Europe/Berlin"


@pytest.fixture(scope="module", name="site")
def fixture_site(make_site, sandbox_server):
    facts = sandbox_server.process.facts["google"]
    made = make_site(mounts=MOUNTS, settings=provider(
        sandbox_server, f"GraphTokCalendarURL {facts['calendar']}\nGraphTokMailboxCalls 0"))
    made.start()
    yield made
    made.end()


@pytest.fixture(name="ada")
def fixture_ada(site, browser):
    """A browser that is signed in."""
    assert browser.sign_in(f"{site.url}/auth/login").status == 200
    return browser


def at(text, zone="UTC"):
    return {"dateTime": text, "timeZone": zone}


def meeting(**more):
    """An event as Google has it."""
    return {"summary": "Engine", "start": at("2030-03-04T09:00:00", BERLIN),
            "end": at("2030-03-04T10:00:00", BERLIN), **more}


def given(sandbox, *events, person=ADA):
    return sandbox.process.google(person, events=list(events), clear=True)["ids"]


def kept(sandbox, person=ADA):
    """Google's own events."""
    return sandbox.process.google(person, list=True)["events"]


def test_an_event_in_graphs_shape(site, ada, sandbox):
    [ident] = given(sandbox, meeting(
        description="<b>Notes</b> on it", location="Room 1", visibility="private",
        transparency="transparent", reminders={"useDefault": False, "overrides": [
            {"method": "email", "minutes": 5}, {"method": "popup", "minutes": 10}]},
        attendees=[{"email": "grace@sandbox.example", "displayName": "Grace",
                    "responseStatus": "accepted", "optional": True}]))
    answer = ada.get(f"{site.url}/calendar/events/{ident}")
    event = answer.json
    assert answer.headers["ETag"] == event["@odata.etag"] == event["changeKey"]
    assert event["id"] == ident and event["iCalUId"] == f"{ident}@google.com"
    assert event["subject"] == "Engine" and event["bodyPreview"] == "Notes on it"
    assert event["body"] == {"contentType": "html", "content": "<b>Notes</b> on it"}
    assert event["start"] == at("2030-03-04T08:00:00.0000000")
    assert event["end"] == at("2030-03-04T09:00:00.0000000")
    assert event["originalStartTimeZone"] == BERLIN and event["isAllDay"] is False
    assert event["location"]["displayName"] == "Room 1" and len(event["locations"]) == 1
    assert event["sensitivity"] == "private" and event["showAs"] == "free"
    assert event["isReminderOn"] is True and event["reminderMinutesBeforeStart"] == 10
    assert event["attendees"] == [{
        "emailAddress": {"name": "Grace", "address": "grace@sandbox.example"}, "type": "optional",
        "status": {"response": "accepted", "time": "0001-01-01T00:00:00Z"}}]
    assert event["organizer"]["emailAddress"]["address"] == ADA and event["isOrganizer"] is True
    assert event["responseStatus"]["response"] == "organizer"
    assert event["type"] == "singleInstance" and event["recurrence"] is None
    assert event["importance"] == "normal" and event["categories"] == []
    shown = ada.get(f"{site.url}/calendar/events/{ident}?select=subject,start&body_type=text",
                    headers={"Prefer": 'outlook.timezone="W. Europe Standard Time"'}).json
    assert shown == {"@odata.etag": event["@odata.etag"], "id": ident, "subject": "Engine",
                     "start": at("2030-03-04T09:00:00.0000000", BERLIN)}
    same = ada.get(f"{site.url}/calendar/events/{ident}",
                   headers={"If-None-Match": event["@odata.etag"]})
    assert same.status == 304


@pytest.mark.parametrize("rules,pattern,span", [
    ("FREQ=DAILY;COUNT=3", {"type": "daily", "interval": 1}, ("numbered", 3)),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU;UNTIL=20300331T215959Z",
     {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "wednesday"],
      "firstDayOfWeek": "sunday"}, ("endDate", "2030-03-31")),
    ("FREQ=MONTHLY;BYDAY=1MO", {"type": "relativeMonthly", "index": "first",
                                "daysOfWeek": ["monday"]}, ("noEnd", None)),
    ("FREQ=YEARLY", {"type": "absoluteYearly", "month": 3, "dayOfMonth": 4}, ("noEnd", None)),
    ("FREQ=WEEKLY;BYDAY=MO;BYHOUR=9", None, None)])
def test_series_in_graphs_shape(site, ada, sandbox, rules, pattern, span):
    """A rule that Graph has no pattern for is told as it is."""
    [ident] = given(sandbox, meeting(recurrence=["RRULE:" + rules]))
    event = ada.get(f"{site.url}/calendar/events/{ident}").json
    assert event["type"] == "seriesMaster"
    if pattern is None:
        assert event["recurrence"] is None
        assert event["unmapped"] == {"recurrence": ["RRULE:" + rules]}
        return
    assert pattern.items() <= event["recurrence"]["pattern"].items()
    told = event["recurrence"]["range"]
    assert told["type"] == span[0] and told["startDate"] == "2030-03-04"
    assert span[1] in (None, told["endDate"], told["numberOfOccurrences"])
    assert told["recurrenceTimeZone"] == BERLIN


def test_a_view_and_a_list(site, ada, sandbox):
    """A view has occurrences, a list has series; an occurrence has an id of its own."""
    ids = given(sandbox, meeting(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]),
                meeting(summary="Day", start={"date": "2030-03-05"}, end={"date": "2030-03-06"}))
    window = "start=2030-03-04T00:00:00Z&end=2030-03-06T00:00:00Z"
    view = ada.get(f"{site.url}/calendar/events?{window}&timezone={BERLIN}").json["value"]
    assert [(one["subject"], one["start"]["dateTime"][:13], one["type"]) for one in view] == [
        ("Engine", "2030-03-04T09", "occurrence"), ("Day", "2030-03-05T00", "singleInstance"),
        ("Engine", "2030-03-05T09", "occurrence")]
    assert view[1]["isAllDay"] is True and view[1]["end"] == at("2030-03-06T00:00:00.0000000",
                                                                BERLIN)
    assert view[0]["seriesMasterId"] == ids[0]
    assert view[0]["originalStart"] == "2030-03-04T08:00:00Z"
    assert view[0]["reminderMinutesBeforeStart"] == 30, "the calendar's own reminder"
    one = ada.get(f"{site.url}/calendar/events/{view[2]['id']}").json
    assert one["start"] == at("2030-03-05T08:00:00.0000000")
    listed = ada.get(f"{site.url}/calendar/events").json["value"]
    assert [one["type"] for one in listed] == ["seriesMaster", "singleInstance"]
    found = ada.get(f"{site.url}/calendar/events/{ids[0]}/instances?{window}").json["value"]
    assert len(found) == 2


def test_pages(site, ada, sandbox):
    """Google's may be short; our link leads on, with what was asked for."""
    given(sandbox, *(meeting(summary=f"n{n}", start=at(f"2030-03-04T{n:02}:00:00Z"),
                             end=at(f"2030-03-04T{n:02}:30:00Z")) for n in range(5)))
    sandbox.process.settings(google_page_limit=2)
    link = (f"{site.url}/calendar/events?start=2030-03-04T00:00:00Z&end=2030-03-05T00:00:00Z"
            "&select=subject&top=50")
    seen = []
    while link:
        page = ada.get(link).json
        assert all(set(one) == {"@odata.etag", "id", "subject"} for one in page["value"])
        seen += [one["subject"] for one in page["value"]]
        link = page.get("@odata.nextLink")
        assert link is None or link.startswith(site.url + "/calendar/events?page=")
    assert seen == ["n0", "n1", "n2", "n3", "n4"]


def test_next24(site, ada, sandbox):
    now = datetime.datetime.now(datetime.timezone.utc)
    times = [now + datetime.timedelta(hours=hours) for hours in (1, 30)]
    given(sandbox, *(meeting(summary=str(n), start=at(time.isoformat()), end=at(time.isoformat()))
                     for n, time in enumerate(times)))
    assert [one["subject"] for one in ada.get(f"{site.url}/calendar/next24").json["value"]] == ["0"]


def test_calendars(site, ada, sandbox):
    info = ada.get(f"{site.url}/calendar/").json
    assert info["isDefaultCalendar"] is True and info["canEdit"] is True and info["name"] == ADA
    assert info["owner"] == {"name": ADA, "address": ADA}
    sandbox.process.settings(google_page_limit=1)
    first = ada.get(f"{site.url}/calendar/calendars").json
    second = ada.get(first["@odata.nextLink"]).json["value"][0]
    assert second["name"] == "Holidays in the sandbox" and second["isDefaultCalendar"] is False
    name = base64.urlsafe_b64decode(second["id"] + "==").decode()
    assert name == "en.sandbox#holiday@group.v.calendar.google.com"
    inner = f"{site.url}/calendar/calendars/{second['id']}"
    assert ada.get(f"{inner}/events").json["value"] == []
    assert ada.get(inner).json["id"] == second["id"]
    wrong = problem(ada.get(f"{site.url}/calendar/calendars/AAAA/events"), 400, "GT1301")
    assert wrong["errors"][0]["field"] == "calendar"


def test_a_calendar_of_another(site, ada, sandbox):
    given(sandbox, meeting(summary="Grace's"), person="grace@sandbox.example")
    other = f"{site.url}/calendar/users/grace@sandbox.example/events"
    problem(ada.get(other), 404, "GT1309")
    sandbox.process.google("grace@sandbox.example", share=ADA)
    assert [one["subject"] for one in ada.get(other).json["value"]] == ["Grace's"]


def test_the_person(site, ada):
    me = ada.get(f"{site.url}/auth/user").json
    assert (me["displayName"], me["mail"], me["givenName"]) == ("Ada Lovelace", ADA, "Ada")
    assert len(me["id"]) == 21 and me["jobTitle"] is None


EVENT = {"subject": "Lunch", "start": at("2030-05-01T12:00:00", "Romance Standard Time"),
         "end": at("2030-05-01T13:00:00", "Romance Standard Time")}


def test_create_change_delete(site, ada, sandbox):
    given(sandbox)
    made = ada.post(f"{site.url}/calendar/events", {
        **EVENT, "body": {"contentType": "text", "content": "soup"}, "sensitivity": "private",
        "location": {"displayName": "Canteen"}, "showAs": "tentative", "categories": ["a", "b c"],
        "isReminderOn": True, "reminderMinutesBeforeStart": 5, "isOnlineMeeting": True,
        "attendees": [{"emailAddress": {"address": "grace@sandbox.example"}}]})
    assert made.status == 201, made
    event = made.json
    [theirs] = kept(sandbox)
    assert theirs["start"] == at("2030-05-01T12:00:00+02:00", "Europe/Paris")
    assert (theirs["visibility"], theirs["status"]) == ("private", "tentative")
    assert theirs["reminders"]["overrides"] == [{"method": "popup", "minutes": 5}]
    assert event["start"] == at("2030-05-01T10:00:00.0000000") and event["showAs"] == "tentative"
    assert event["categories"] == ["a", "b c"] and event["isOnlineMeeting"] is True
    assert event["onlineMeeting"]["joinUrl"].startswith("https://meet.google.com/")
    call = sandbox.process.calls("gcal")["last"][-1]
    assert call["sendUpdates"] == "all"
    url = f"{site.url}/calendar/events/{event['id']}"
    stale = event["@odata.etag"]
    changed = ada.send("PATCH", url, {"subject": "Dinner"}, {"If-Match": stale})
    assert changed.status == 200 and changed.json["subject"] == "Dinner"
    assert changed.json["categories"] == ["a", "b c"]
    problem(ada.send("PATCH", url, {"subject": "x"}, {"If-Match": stale}), 412, "GT1310")
    again = ada.send("PUT", url, changed.json)
    assert again.status == 200, again
    assert again.json["onlineMeeting"] == event["onlineMeeting"]
    assert ada.send("DELETE", url).status == 204
    problem(ada.get(url), 404, "GT1319")
    problem(ada.send("DELETE", url), 410, "GT1309")


def test_responses_survive_a_change_of_attendees(site, ada, sandbox):
    """Google replaces the list: those who have answered are not asked anew."""
    [ident] = given(sandbox, meeting(attendees=[
        {"email": "grace@sandbox.example", "responseStatus": "accepted"}]))
    people = [{"emailAddress": {"address": address}} for address in
              ("Grace@sandbox.example", "alan@sandbox.example")]
    answer = ada.send("PATCH", f"{site.url}/calendar/events/{ident}", {"attendees": people})
    assert [(one["emailAddress"]["address"], one["status"]["response"])
            for one in answer.json["attendees"]] == [
        ("Grace@sandbox.example", "accepted"), ("alan@sandbox.example", "notResponded")]
    assert [one.get("organizer") for one in kept(sandbox)[0]["attendees"]].count(True) == 1


def test_whole_days_stay_whole_days(site, ada, sandbox):
    [ident] = given(sandbox, meeting(start={"date": "2030-03-05"}, end={"date": "2030-03-06"}))
    url = f"{site.url}/calendar/events/{ident}"
    times = {"start": at("2030-03-07T00:00:00"), "end": at("2030-03-08T00:00:00")}
    assert ada.send("PATCH", url, times).json["isAllDay"] is True
    assert kept(sandbox)[0]["start"] == {"date": "2030-03-07"}
    timed = {"start": at("2030-03-07T09:00:00"), "end": at("2030-03-07T10:00:00"),
             "isAllDay": False}
    assert ada.send("PATCH", url, timed).json["start"] == at("2030-03-07T09:00:00.0000000")
    back = {**times, "isAllDay": True}
    assert ada.send("PATCH", url, back).json["isAllDay"] is True


def series(kind, span, **pattern):
    return {"pattern": {"type": kind, "interval": 1, **pattern},
            "range": {"startDate": "2030-05-01", "recurrenceTimeZone": "UTC", **span}}


@pytest.mark.parametrize("recurrence,rule", [
    (series("daily", {"type": "endDate", "endDate": "2030-05-10"}, interval=3),
     "FREQ=DAILY;INTERVAL=3;COUNT=4"),
    (series("weekly", {"type": "endDate", "endDate": "2030-05-31"},
            daysOfWeek=["wednesday", "friday"]),
     "FREQ=WEEKLY;INTERVAL=1;BYDAY=WE,FR;WKST=SU;COUNT=10"),
    (series("absoluteMonthly", {"type": "noEnd"}, dayOfMonth=1),
     "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=1"),
    (series("relativeYearly", {"type": "numbered", "numberOfOccurrences": 2}, month=5,
            daysOfWeek=["wednesday"], index="first"),
     "FREQ=YEARLY;INTERVAL=1;BYMONTH=5;BYDAY=WE;BYSETPOS=1;COUNT=2")])
def test_series_are_written_and_read_back(site, ada, sandbox, recurrence, rule):
    given(sandbox)
    made = ada.post(f"{site.url}/calendar/events", {**EVENT, "recurrence": recurrence})
    assert made.status == 201, made
    assert kept(sandbox)[0]["recurrence"] == ["RRULE:" + rule]
    told = made.json["recurrence"]
    assert recurrence["pattern"].items() <= told["pattern"].items()
    wanted = {name: value for name, value in recurrence["range"].items() if "Zone" not in name}
    assert wanted.items() <= told["range"].items()


@pytest.mark.parametrize("change,field", [
    ({"importance": "high"}, "importance"), ({"sensitivity": "personal"}, "sensitivity"),
    ({"showAs": "oof"}, "showAs"), ({"responseRequested": False}, "responseRequested"),
    ({"allowNewTimeProposals": False}, "allowNewTimeProposals"),
    ({"reminderMinutesBeforeStart": -5}, "reminderMinutesBeforeStart"),
    ({"location": {"displayName": "x", "address": {"city": "Paris"}}}, "location.address"),
    ({"locations": [{"displayName": "x"}, {"displayName": "y"}]}, "locations"),
    ({"onlineMeetingProvider": "teamsForBusiness"}, "onlineMeetingProvider"),
    ({"singleValueExtendedProperties": [
        {"id": "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Color", "value": "x"}]},
     "singleValueExtendedProperties"),
    ({"recurrence": series("weekly", {"type": "noEnd"}, daysOfWeek=["monday"])},
     "recurrence.range.startDate")])
def test_what_google_does_not_have(site, ada, sandbox, change, field):
    """Each is named, and nothing is made."""
    given(sandbox)
    told = problem(ada.post(f"{site.url}/calendar/events", {**EVENT, **change}), 400, "GT1301")
    assert [one["field"] for one in told["errors"]] == [field]
    assert kept(sandbox) == []


@pytest.mark.parametrize("query,field", [
    ("events?order=-start", "order"), ("events?skip=10", "skip"),
    ("events?extensions=*", "properties")])
def test_parameters_that_google_does_not_have(site, ada, query, field):
    told = problem(ada.get(f"{site.url}/calendar/{query}"), 400, "GT1301")
    assert [one["field"] for one in told["errors"]] == [field]


def test_a_repeat_makes_no_second_event(site, ada, sandbox):
    given(sandbox)
    body = {**EVENT, "transactionId": "once"}
    first = ada.post(f"{site.url}/calendar/events", body)
    again = ada.post(f"{site.url}/calendar/events", body)
    assert (first.status, again.status) == (201, 201), again
    assert again.json["id"] == first.json["id"] and again.json["transactionId"] == "once"
    assert len(kept(sandbox)) == 1
    assert ada.send("DELETE", f"{site.url}/calendar/events/{first.json['id']}").status == 204
    problem(ada.post(f"{site.url}/calendar/events", body), 409, "GT1310")
    sandbox.fault("/calendar/v3/", "die_after", method="POST")
    lost = ada.post(f"{site.url}/calendar/events", {**EVENT, "transactionId": "twice"})
    assert lost.status == 502 and "a repeat with the same transactionId" in lost.json["detail"]
    found = ada.post(f"{site.url}/calendar/events", {**EVENT, "transactionId": "twice"})
    assert found.status == 201 and found.json["transactionId"] == "twice"


def google_error(status, reason, domain="global"):
    return {"status": status, "body": '{"error": {"errors": [{"domain": "%s", "reason": "%s", '
            '"message": "m"}], "code": %d, "message": "m"}}' % (domain, reason, status)}


@pytest.mark.parametrize("status,reason,ours,tag", [
    (403, "insufficientPermissions", 401, "GT1305"), (403, "accessNotConfigured", 502, "GT1306"),
    (403, "forbiddenForNonOrganizer", 403, "GT1308"), (503, "backendError", 503, "GT1312"),
    (404, "notFound", 404, "GT1309"), (400, "invalid", 400, "GT1311")])
def test_refusals(site, ada, sandbox, status, reason, ours, tag):
    sandbox.fault("/calendar/v3/", "answer", **google_error(status, reason))
    told = problem(ada.get(f"{site.url}/calendar/events"), ours, tag)
    assert told["code"] == reason
    if tag == "GT1305":
        assert "sign in again" in told["detail"]


@pytest.mark.parametrize("status,more,person", [
    (403, {}, "grace@sandbox.example"), (429, {}, "alan@sandbox.example"),
    (429, {"retry_after": 2}, "mary@outlook.example")])
def test_throttling(site, browser, sandbox, status, more, person):
    """A 403 is one, too. Without a Retry-After the wait is ours; the mailbox is left alone."""
    assert browser.sign_in(f"{site.url}/auth/login", person).status == 200
    error = google_error(status, "userRateLimitExceeded", "usageLimits")
    sandbox.fault("/calendar/v3/", "answer", **error, **more)
    answer = browser.get(f"{site.url}/calendar/events")
    assert problem(answer, 429, "GT1304")["code"] == "userRateLimitExceeded"
    assert int(answer.headers["Retry-After"]) in (range(1, 3) if more else range(3, 6))
    before = sandbox.calls("gcal")
    assert browser.get(f"{site.url}/calendar/events").status == 429
    assert sandbox.calls("gcal") == before


def test_a_scope_that_was_unticked(site, browser, sandbox):
    sandbox.process.settings(google_unticked="https://www.googleapis.com/auth/calendar")
    browser.sign_in(f"{site.url}/auth/login", "emmy@partner.example")
    told = problem(browser.get(f"{site.url}/calendar/next24"), 401, "GT1305")
    assert "leave its box ticked" in told["detail"]


def test_a_token_that_is_over_is_refreshed_once(site, ada, sandbox):
    sandbox.process.google(expire_access=True)
    assert ada.get(f"{site.url}/calendar/next24").status == 200
    assert sandbox.calls("google:token:refresh_token") == 1


def test_rubbish_for_an_answer(site, ada, sandbox):
    for body in ("[]", "{}", '{"items": 5}', "<html>"):
        sandbox.fault("/calendar/v3/", "answer", body=body)
        problem(ada.get(f"{site.url}/calendar/events"), 502, "GT1303")
