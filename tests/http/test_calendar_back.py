# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What a client gets from the calendar routes and sends back: tags, ids, whole events."""

import json
import urllib.parse

import pytest

EVERYWHERE = True

LUNCH = {"subject": "Lunch",
         "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}


@pytest.fixture
def ada(site, browser):
    """A browser in which ada is signed in."""
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


def make(site, ada, **more):
    """An event of ada's: its URL, and the answer."""
    made = ada.post(site.url + "/calendar/events", {**LUNCH, **more})
    assert made.status == 201, made
    return site.url + "/calendar/events/" + made.json["id"].replace("/", "%2F"), made


# ---- tags ----

@pytest.mark.parametrize("method, body", [("PATCH", {"subject": "mine"}),
                                          ("PUT", {**LUNCH, "subject": "mine"}),
                                          ("DELETE", None)])
def test_no_update_is_lost(site, ada, method, body):
    url, made = make(site, ada)
    tag = made.json["@odata.etag"]
    assert made.headers["ETag"] == tag
    other = ada.send("PATCH", url, {"subject": "theirs"}, headers={"If-Match": tag})
    assert other.status == 200
    late = ada.send(method, url, body, headers={"If-Match": tag})
    assert late.status == 412 and late.json["code"], late
    assert ada.get(url).json["subject"] == "theirs"
    right = ada.send(method, url, body, headers={"If-Match": other.headers["ETag"]})
    assert right.status in (200, 204)


def test_a_tag_that_is_none_is_named(site, sandbox, ada):
    url, _ = make(site, ada)
    before = sandbox.calls("graph")
    answer = ada.send("PATCH", url, {"subject": "never"}, headers={"If-Match": "no tag"})
    assert answer.status == 400 and answer.json["errors"][0]["field"] == "If-Match"
    assert sandbox.calls("graph") == before


def test_what_is_known_is_not_sent_again(site, ada):
    url, made = make(site, ada)
    tag = made.headers["ETag"]
    same = ada.get(url, headers={"If-None-Match": tag})
    assert same.status == 304 and same.body == b"" and same.headers["ETag"] == tag
    compressed = tag[:-1] + '-gzip"'
    assert ada.get(url, headers={"If-None-Match": f'"x", {compressed}'}).status == 304
    ada.send("PATCH", url, {"subject": "other"})
    fresh = ada.get(url, headers={"If-None-Match": tag})
    assert fresh.status == 200 and fresh.json["subject"] == "other"


# ---- ids ----

def test_real_ids_work_on_every_route(site, ada):
    _, made = make(site, ada)
    given = made.json["id"]
    assert {"/", "+", "="} <= set(given)
    for text in (urllib.parse.quote(given, safe=""), given.replace("/", "%2f"),
                 given.replace("/", "-").replace("+", "_")):
        url = site.url + "/calendar/events/" + text
        assert ada.get(url).json["id"] == given, text
        assert ada.send("PATCH", url, {"subject": "found"}).json["subject"] == "found"
        assert ada.send("PUT", url, LUNCH).status == 200
    assert ada.send("DELETE", url).status == 204


@pytest.mark.parametrize("more", ["%2Finstances", "%2fcancel", "%252Finstances", "%2F%2E%2E",
                                  "%2F..%2F..%2Fcalendar", "%5Cinstances", "%3Fx", "/instances"])
def test_one_segment_of_ours_is_never_two_of_graphs(site, sandbox, ada, more):
    url, made = make(site, ada)
    path = "/calendar/events/" + made.json["id"].replace("/", "-").replace("+", "_") + more
    for method in ("GET", "DELETE"):
        answer = ada.send(method, site.url + path)
        assert answer.status in (400, 404, 405), answer
    assert ada.get(url).status == 200


# ---- next links ----

def page_of(sandbox, link):
    body = json.dumps({"value": [], "@odata.nextLink": link})
    sandbox.fault(where="graph", kind="answer", body=body, times=1)


@pytest.mark.parametrize("form", ["{graph}/me/events?$skip=1", "{upper}/me/events?$skip=1",
                                  "/v1.0/me/events?$skip=1", "me/events?$skip=1",
                                  "{graph}/me/events?$skip=1&x=a b",
                                  "https://graph.microsoft.com/v1.0/me/events?$skip=1"])
def test_a_next_link_is_followed_however_it_is_written(site, sandbox, ada, form):
    graph = sandbox.process.facts["graph"]
    make(site, ada)
    page_of(sandbox, form.format(graph=graph, upper=graph.upper()))
    first = ada.get(site.url + "/calendar/events")
    assert first.status == 200, first
    second = ada.get(first.json["@odata.nextLink"])
    assert second.status == 200 and "value" in second.json, second


@pytest.mark.parametrize("link", ["https://evil.example/v1.0/me/events?$skip=1", "?$skip=1",
                                  "https://graph.microsoft.us/beta/me/events"])
def test_a_list_that_cannot_go_on_does_not_look_complete(site, sandbox, ada, link):
    page_of(sandbox, link)
    answer = ada.get(site.url + "/calendar/events")
    assert answer.status == 502 and answer.json["tag"] == "GT0717"
    site.httpd.log_has("GT0717")


def test_links_inside_of_a_list_are_ours_too(site, sandbox, ada):
    graph = sandbox.process.facts["graph"]
    body = {"value": [{"id": "A", "extensions@odata.nextLink": graph + "/me/events?$top=1"}],
            "@odata.deltaLink": graph + "/me/events?$top=2"}
    sandbox.fault(where="graph", kind="answer", body=json.dumps(body), times=1)
    answer = ada.get(site.url + "/calendar/events").json
    for link in (answer["value"][0]["extensions@odata.nextLink"], answer["@odata.deltaLink"]):
        assert link.startswith(site.url + "/calendar/events?page=")
        assert ada.get(link).status == 200
    body["value"][0]["extensions@odata.nextLink"] = "https://evil.example/v1.0/me/events"
    sandbox.fault(where="graph", kind="answer", body=json.dumps(body), times=1)
    cut = ada.get(site.url + "/calendar/events")
    assert cut.status == 502 and cut.json["tag"] == "GT0717"
    site.httpd.log_has("GT0717")


@pytest.mark.parametrize("path", ["/calendar/", "/calendar/calendars", "/calendar/events/E?extensions=*",
                                  "/calendar/next24", "/calendar/events/E/extensions/com.x", "/auth/user"])
def test_each_route_takes_the_links_of_its_answers(site, sandbox, ada, path):
    """A list that is a member of something else, as an event's extensions, goes on by a link, too."""
    body = {"id": "E", "extensions@odata.nextLink": sandbox.process.facts["graph"] + "/me/events?$top=1"}
    sandbox.fault(where="graph", kind="answer", body=json.dumps(body), times=1)
    link = ada.get(site.url + path).json["extensions@odata.nextLink"]
    assert link.startswith(site.url + path.partition("?")[0] + "?page=")
    assert "value" in ada.get(link).json and "value" in ada.get(link + "&timezone=Europe/Berlin").json
    for wrong in ("&select=id", "&top=1"):
        refused = ada.get(link + wrong)
        assert (refused.status, refused.json["tag"]) == (400, "GT0713"), refused
    assert ada.get(link[:-60]).json["tag"] == "GT0836"


# ---- answers that are lost, broken or empty ----

@pytest.mark.parametrize("status", [218, 299])
def test_a_success_that_no_rfc_knows(site, sandbox, ada, status):
    sandbox.fault(where="graph", kind="status", status=status, body='{"value": []}', times=1,
                  headers={"Content-Type": "application/json"})
    answer = ada.get(site.url + "/calendar/events")
    assert answer.status == status and answer.json == {"value": []}


def test_a_byte_order_mark_before_an_answer(site, sandbox, ada):
    list_of_one = '\ufeff{"value": [], "@odata.nextLink": "' + sandbox.graph + '/me/events?$skip=10"}'
    sandbox.fault(where="graph", kind="answer", body=list_of_one, times=1)
    answer = ada.get(site.url + "/calendar/events")
    assert answer.status == 200, answer
    assert answer.json["@odata.nextLink"].startswith(site.url + "/calendar/events?page=")
    sandbox.fault(where="graph", kind="answer", body='\ufeff{"id": "x"}', times=1)
    assert ada.post(site.url + "/calendar/events", LUNCH).json == {"id": "x"}


@pytest.mark.parametrize("status", [418, 430, 440, 499, 500, 502, 504, 520, 598])
def test_graphs_own_status(site, sandbox, ada, status):
    sandbox.fault(where="graph", kind="graph_error", status=status, code="UnknownError", times=1)
    answer = ada.get(site.url + "/calendar/events")
    assert answer.status == status and answer.json["code"] == "UnknownError"
    assert "may_be_done" not in answer.json


@pytest.mark.parametrize("method, status, wanted", [
    ("PATCH", 200, 204), ("PATCH", 202, 202), ("DELETE", 200, 204), ("DELETE", 202, 202)])
def test_an_empty_success_is_one(site, sandbox, ada, method, status, wanted):
    url, _ = make(site, ada)
    sandbox.fault(where="graph", kind="status", status=status, body="", times=1)
    answer = ada.send(method, url, {"subject": "x"} if method == "PATCH" else None)
    assert answer.status == wanted and answer.body == b"", answer


def test_an_empty_answer_to_a_reading_is_none(site, sandbox, ada):
    sandbox.fault(where="graph", kind="status", status=200, body="", times=1)
    answer = ada.get(site.url + "/calendar/events")
    assert answer.status == 502 and "may_be_done" not in answer.json


@pytest.mark.parametrize("own", [None, "7E163156-7762-4BEB-A1C6-729EA81755A7"])
def test_a_create_whose_answer_was_lost_can_be_sent_again(site, sandbox, ada, own):
    sandbox.fault(where="graph", kind="die_after", method="POST", times=1)
    body = {**LUNCH, "subject": f"once {own}"}
    lost = ada.post(site.url + "/calendar/events", {**body, "transactionId": own} if own else body)
    assert lost.status == 502 and lost.json["may_be_done"] is True, lost
    transaction = lost.json["transaction_id"]
    assert own in (None, transaction) and "may have been done" in lost.json["detail"]
    again = ada.post(site.url + "/calendar/events", {**body, "transactionId": transaction})
    assert again.status == 201
    subjects = [event["subject"] for event in sandbox.process.events("ada@sandbox.example")]
    assert subjects.count(body["subject"]) == 1


def test_a_create_whose_answer_is_rubbish_names_its_transaction(site, sandbox, ada):
    sandbox.fault(where="graph", kind="answer", body="no JSON", method="POST", times=1)
    lost = ada.post(site.url + "/calendar/events", {**LUNCH, "transactionId": "mine"})
    assert lost.status == 502 and lost.json["may_be_done"] is True, lost
    assert lost.json["transaction_id"] == "mine"


def test_what_was_never_sent_cannot_be_done(make_site, sandbox, browser):
    site = make_site(provider="GraphTokGraphURL https://localhost:1/v1.0")
    site.start()
    site.register()
    assert browser.sign_in(site.url + "/auth/login").status == 200
    lost = browser.post(site.url + "/calendar/events", LUNCH)
    assert lost.status == 502 and "may_be_done" not in lost.json, lost
    assert "transaction_id" not in lost.json
    site.httpd.log_has(lost.json["tag"])
    site.end()


@pytest.mark.parametrize("fault", [dict(kind="graph_error", status=500, code="x"),
                                   dict(kind="die_after"), dict(kind="html"),
                                   dict(kind="answer", body="no JSON")])
def test_a_change_that_may_be_done_says_so(site, sandbox, ada, fault):
    url, _ = make(site, ada)
    sandbox.fault(where="graph", method="PATCH", times=1, **fault)
    answer = ada.send("PATCH", url, {"subject": "x"})
    assert answer.status in (500, 502) and answer.json["may_be_done"] is True, answer
    assert "transaction_id" not in answer.json
    refused = ada.send("PATCH", url + "x", {"subject": "x"})
    assert refused.status in (400, 404) and "may_be_done" not in refused.json


# ---- whole events ----

RICH = {"attendees": [{"type": "Required",
                       "emailAddress": {"address": "jörg@bücher.example"}}],
        "location": {"displayName": "Room", "uniqueId": "Room", "uniqueIdType": "private",
                     "coordinates": {"latitude": 47.6, "longitude": -122}},
        "recurrence": {"pattern": {"type": "daily", "interval": 1},
                       "range": {"type": "noEnd", "startDate": "2030-05-01"}}}


@pytest.mark.parametrize("more", [{}, RICH])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_get_change_send_back(site, ada, more, method):
    url, _ = make(site, ada, **more)
    event = ada.get(url).json
    back = ada.send(method, url, {**event, "subject": "changed"})
    assert back.status == 200, back
    assert back.json["subject"] == "changed" and back.json["location"] == event["location"]
    assert back.json["attendees"] == event["attendees"]
    assert back.json["type"] == event["type"]


PEOPLE = [{"name": "Room 1"}, {"name": "Room 1", "address": None}, {"name": "Room 1", "address": ""},
          {"name": "Jane", "address": "Jane Doe"},
          {"name": "Jane", "address": "Jane Doe <jane@sandbox.example>"}]


@pytest.mark.parametrize("person", PEOPLE, ids=str)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_attendees_whom_exchange_knows_by_name(site, sandbox, ada, person, method):
    url, _ = make(site, ada)
    guest = {"type": "required", "emailAddress": person}
    event = ada.get(url).json
    back = ada.send(method, url, {**event, "attendees": [guest]})
    assert back.status == 200, back
    given = {name: value for name, value in person.items() if value}
    assert back.json["attendees"][0]["emailAddress"].items() >= given.items()
    typed = ada.send(method, url, {**event, "attendees": [
        {**guest, "emailAddress": {"address": "a@evil@example.com"}}]})
    assert typed.status == 400
    assert [error["field"] for error in typed.json["errors"]] == ["attendees[0].emailAddress.address"]


def test_a_reminder_on_the_day_itself(site, ada):
    """Outlook's "at 9:00 of the day" of a whole day."""
    url, made = make(site, ada, isReminderOn=True, reminderMinutesBeforeStart=-540)
    assert made.json["reminderMinutesBeforeStart"] == -540
    assert ada.send("PUT", url, ada.get(url).json).status == 200


def test_a_blank_between_date_and_time(site, ada):
    _, made = make(site, ada, start={"dateTime": "2030-05-12 06:00:00", "timeZone": "Europe/Berlin"},
                   end={"dateTime": "2030-05-12 07:00:00Z"})
    assert made.json["start"]["dateTime"].startswith("2030-05-12T04:00:00")
    assert made.json["end"]["dateTime"].startswith("2030-05-12T07:00:00")


def test_a_copy_of_what_was_got_and_null_for_what_is_absent(site, ada):
    url, made = make(site, ada, location=None, attendees=None, body=None, transactionId=None,
                     **{"@odata.type": "#microsoft.graph.event"})
    event = {**ada.get(url).json, "transactionId": None}
    copy = ada.post(site.url + "/calendar/events", event)
    assert copy.status == 201 and copy.json["id"] != made.json["id"]


def test_times_as_toISOString_gives_them(site, ada):
    times = {"start": {"dateTime": "2030-05-01T12:00:00.000Z"},
             "end": {"dateTime": "2030-05-01T15:00:00+02:00", "timeZone": "UTC"}}
    _, made = make(site, ada, **times)
    assert made.json["start"]["dateTime"].startswith("2030-05-01T12:00:00")
    assert made.json["end"]["dateTime"].startswith("2030-05-01T13:00:00")
    times["start"]["timeZone"] = "India Standard Time"
    refused = ada.post(site.url + "/calendar/events", {**LUNCH, **times})
    assert refused.status == 400
    assert [error["field"] for error in refused.json["errors"]] == ["start.dateTime"]


def test_what_cannot_be_changed_alone_is_named(site, ada):
    url, _ = make(site, ada)
    answer = ada.send("PATCH", url, {"organizer": {}, "webLink": "x"})
    assert answer.status == 400 and answer.json["tag"] == "GT0712"
    assert [error["field"] for error in answer.json["errors"]] == ["organizer", "webLink"]


@pytest.mark.parametrize("body, field", [
    (b'{"subject": "a\\u0000b"}', "subject"), (b'{"subject": "\xff"}', "subject"),
    (b'{"attendees": [{}, {"emailAddress": {"name": "\\ud800"}}]}',
     "attendees[1].emailAddress.name"),
    (b'{"subject": "x", "body": {"content": "x", "content": "y"}}', "body.content"),
    (b'{"categories": ["a", "\\u0000"]}', "categories[1]"),
    (b'{"start": {"dateTime": 1e999}}', "start.dateTime")])
def test_what_json_cannot_hold_is_named(site, ada, body, field):
    answer = ada.send("POST", site.url + "/calendar/events", body,
                      {"Content-Type": "application/json"})
    assert answer.status == 400
    assert [error["field"] for error in answer.json["errors"]] == [field]
