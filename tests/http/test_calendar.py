# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions C1 to C4 and C6: the calendar routes against the sandbox's Graph."""

import http.client

import pytest

from support.browser import Browser

EVERYWHERE = True

LUNCH = {"subject": "Lunch",
         "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}


@pytest.fixture
def ada(site, browser):
    """A browser in which ada is signed in."""
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


def test_C1_calendar(site, ada):
    answer = ada.get(site.url + "/calendar/")
    assert answer.status == 200 and answer.json["name"]
    assert ada.get(site.url + "/calendar").status == 200


def test_C2_C3_create_read_change_delete(site, ada):
    made = ada.post(site.url + "/calendar/events", LUNCH)
    assert made.status == 201 and made.json["subject"] == "Lunch"
    url = site.url + "/calendar/events/" + made.json["id"].replace("/", "%2F")
    assert ada.get(url).json["subject"] == "Lunch"
    assert ada.send("PATCH", url, {"subject": "Dinner"}).json["subject"] == "Dinner"
    put = ada.send("PUT", url, {**LUNCH, "subject": "Supper"})
    assert put.status == 200 and put.json["subject"] == "Supper"
    gone = ada.send("DELETE", url)
    assert gone.status == 204 and gone.body == b""
    missing = ada.get(url)
    assert missing.status == 404 and missing.json["code"] == "ErrorItemNotFound"
    assert missing.json["request_id"]


def test_C2_range_of_occurrences(site, ada):
    made = ada.post(site.url + "/calendar/events", LUNCH)
    found = ada.get(site.url + "/calendar/events?start=2030-05-01T00:00:00Z"
                    "&end=2030-05-02T00:00:00Z")
    assert made.json["id"] in [event["id"] for event in found.json["value"]]


def test_C4_next24(site, sandbox, ada):
    answer = ada.get(site.url + "/calendar/next24")
    starts = [event["start"]["dateTime"] for event in answer.json["value"]]
    assert answer.status == 200 and starts == sorted(starts)


def test_paging_by_our_own_links(site, sandbox, ada):
    sandbox.bulk_events("ada@sandbox.example", count=25)
    url, seen, pages = site.url + "/calendar/events?top=10", [], 0
    while url:
        answer = ada.get(url)
        assert answer.status == 200, answer
        seen += [event["id"] for event in answer.json["value"]]
        url = answer.json.get("@odata.nextLink")
        pages += 1
        assert url is None or url.startswith(site.url + "/calendar/events?page=")
    assert pages >= 3 and len(seen) == len(set(seen)) >= 25


def test_the_time_zone_holds_for_all_pages(site, sandbox, ada):
    sandbox.bulk_events("ada@sandbox.example", count=25)
    first = ada.get(site.url + "/calendar/events?top=10&timezone=Europe/Berlin")
    second = ada.get(first.json["@odata.nextLink"])
    zones = {event["start"]["timeZone"] for answer in (first, second)
             for event in answer.json["value"]}
    assert second.json["value"] and len(zones) == 1 and "UTC" not in zones


def test_a_page_is_its_owners_only(site, sandbox, ada):
    sandbox.bulk_events("ada@sandbox.example", count=25)
    link = ada.get(site.url + "/calendar/events?top=10").json["@odata.nextLink"]
    grace = Browser(sandbox.ca)
    grace.sign_in(site.url + "/auth/login", "grace@sandbox.example")
    assert grace.get(link).status == 400
    assert ada.get(link[:-3] + "AAA").status == 400
    assert ada.get(link + "&top=5").status == 400


def test_time_zone(site, ada):
    answer = ada.get(site.url + "/calendar/next24?timezone=Europe/Berlin")
    assert answer.status == 200
    for event in answer.json["value"]:
        assert event["start"]["timeZone"] in ("Europe/Berlin", "W. Europe Standard Time")


@pytest.mark.parametrize("query, field", [
    ("top=0", "top"), ("top=1001", "top"), ("top=x", "top"), ("skip=-1", "skip"),
    ("start=2030-01-01T00:00:00Z", "end"), ("start=yesterday&end=2030-01-01T00:00:00Z", "start"),
    ("order=subject", "order"), ("timezone=%22%0d%0aX:y", "timezone"), ("nonsense=1", "nonsense"),
    ("top=1&top=2", "top"), ("timezone=a%22b", "timezone")])
def test_C6_parameters(site, sandbox, ada, query, field):
    before = sandbox.calls("graph")
    answer = ada.get(site.url + "/calendar/events?" + query)
    assert answer.status == 400, answer
    assert field in [error["field"] for error in answer.json["errors"]]
    assert sandbox.calls("graph") == before


@pytest.mark.parametrize("change, field", [
    ({"subject": None}, "subject"), ({"subject": 7}, "subject"), ({"subject": "x" * 300}, "subject"),
    ({"start": None}, "start"), ({"start": {"dateTime": "soon", "timeZone": "UTC"}},
                                 "start.dateTime"),
    ({"attendees": [{"emailAddress": {"address": "a@evil@example.com"}}]},
     "attendees[0].emailAddress.address"),
    ({"showAs": "sleeping"}, "showAs"), ({"nonsense": 1}, "nonsense"),
    ({"end": {"dateTime": "2030-05-01T11:00:00", "timeZone": "UTC"}}, "end")])
def test_C6_bodies(site, sandbox, ada, change, field):
    before = sandbox.calls("graph")
    body = {key: value for key, value in {**LUNCH, **change}.items() if value is not None}
    answer = ada.post(site.url + "/calendar/events", body)
    assert answer.status == 400, answer
    fields = [error["field"] for error in answer.json["errors"]]
    assert any(name.startswith(field) for name in fields), fields
    assert sandbox.calls("graph") == before


def test_C6_all_wrong_fields_at_once(site, ada):
    answer = ada.post(site.url + "/calendar/events",
                      {"subject": 1, "start": 2, "end": {}, "importance": "huge"})
    assert len(answer.json["errors"]) >= 4


@pytest.mark.parametrize("body, headers, status", [
    (b"", {"Content-Type": "application/json"}, 400),
    (b"{", {"Content-Type": "application/json"}, 400),
    (b"[]", {"Content-Type": "application/json"}, 400),
    (b'{"subject": "a", "subject": "b"}', {"Content-Type": "application/json"}, 400),
    (b"\xff\xfe", {"Content-Type": "application/json"}, 400),
    (b"[" * 5000, {"Content-Type": "application/json"}, 400),
    (b"{}", {"Content-Type": "text/plain"}, 415),
    (b"subject=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b'{"subject": "' + b"x" * (1 << 20) + b'"}', {"Content-Type": "application/json"}, 413)])
def test_bad_bodies(site, ada, body, headers, status):
    answer = ada.send("POST", site.url + "/calendar/events", body, headers)
    assert answer.status == status and answer.json["tag"].startswith("GT")


def test_create_twice_makes_one(site, ada):
    body = {**LUNCH, "transactionId": "7E163156-7762-4BEB-A1C6-729EA81755A7"}
    first = ada.post(site.url + "/calendar/events", body)
    again = ada.post(site.url + "/calendar/events", body)
    assert first.status == 201 and again.status == 201
    assert again.json["id"] == first.json["id"]
    other = ada.post(site.url + "/calendar/events", {**body, "subject": "Dinner"})
    assert other.status == 400 and other.json["code"] == "ErrorDuplicateTransactionId"


def test_graphs_error_reaches_the_caller(site, sandbox, ada):
    sandbox.fault(where="graph", kind="graph_error", status=403, code="ErrorAccessDenied", times=1)
    answer = ada.get(site.url + "/calendar/")
    assert answer.status == 403 and answer.json["code"] == "ErrorAccessDenied"
    assert answer.json["request_id"] and answer.headers["request-id"]


def test_throttling_reaches_the_caller(site, sandbox, browser):
    browser.sign_in(site.url + "/auth/login", "alan@sandbox.example")
    sandbox.fault(where="graph", kind="graph_error", status=429, code="TooManyRequests",
                  retry_after=17, times=1)
    answer = browser.get(site.url + "/calendar/")
    assert answer.status == 429 and answer.headers["Retry-After"] == "17"
    assert answer.json["retry_after"] == 17


def test_refused_token_is_refreshed_once_and_the_call_repeated(site, sandbox, ada):
    assert ada.get(site.url + "/calendar/").status == 200
    before = sandbox.calls("token")
    sandbox.expire_access("ada@sandbox.example")
    assert ada.get(site.url + "/calendar/").status == 200
    assert sandbox.calls("token") == before + 1


def test_large_answer_is_refused(site, sandbox, ada):
    sandbox.fault(where="graph", kind="huge", mib=11, times=2)
    with pytest.raises(http.client.IncompleteRead):  # its length was not said: cut when too large
        ada.get(site.url + "/calendar/events")
    site.httpd.log_has("GT0824")


def test_large_answer_that_says_so_is_refused_at_once(site, sandbox, ada):
    sandbox.fault(where="graph", kind="answer", headers={"Content-Length": str(11 << 20),
                                                         "Content-Type": "application/json"}, times=2)
    answer = ada.get(site.url + "/calendar/events")
    assert answer.status == 502 and answer.json["tag"] == "GT0824"


def test_nobody_signed_in(site, browser):
    answer = browser.get(site.url + "/calendar/next24")
    assert answer.status == 401 and answer.json["login_url"] == "/auth/login"
