# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Calendar routes beyond one plain event: series, preferences, bodies as programs send them."""

import json

import pytest

LUNCH = {"subject": "Lunch",
         "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
DAILY = {**LUNCH, "recurrence": {
    "pattern": {"type": "daily", "interval": 1},
    "range": {"type": "numbered", "startDate": "2030-05-01", "numberOfOccurrences": 5}}}
WINDOW = "start=2030-05-02T00:00:00Z&end=2030-05-05T00:00:00Z"


@pytest.fixture
def ada(site, browser):
    """A browser in which ada is signed in."""
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


def in_path(given):
    return given.replace("/", "-").replace("+", "_")


def make(site, ada, body=LUNCH, **headers):
    """An event of ada's: its URL, and the answer."""
    made = ada.send("POST", site.url + "/calendar/events", json.dumps(body).encode(),
                    {"Content-Type": "application/json", **headers})
    assert made.status == 201, made
    return site.url + "/calendar/events/" + in_path(made.json["id"]), made


# ---- series ----

def test_the_instances_of_a_series(site, ada):
    url, made = make(site, ada, DAILY)
    found = ada.get(f"{url}/instances?{WINDOW}&select=subject,start,seriesMasterId,originalStart")
    assert found.status == 200, found
    assert [one["start"]["dateTime"][:10] for one in found.json["value"]] == [
        "2030-05-02", "2030-05-03", "2030-05-04"]
    assert {one["seriesMasterId"] for one in found.json["value"]} == {made.json["id"]}
    assert found.json["value"][0]["originalStart"] == "2030-05-02T12:00:00Z"
    one = site.url + "/calendar/events/" + in_path(found.json["value"][1]["id"])
    assert ada.send("PATCH", one, {"subject": "Other"}).json["type"] == "exception"
    again = ada.get(f"{url}/instances?{WINDOW}").json["value"]
    assert [event["subject"] for event in again] == ["Lunch", "Other", "Lunch"]


def test_the_pages_of_instances_are_ours(site, ada):
    url, _ = make(site, ada, DAILY)
    seen, link = [], f"{url}/instances?{WINDOW}&top=2"
    while link:
        answer = ada.get(link)
        assert answer.status == 200, answer
        seen += [one["start"]["dateTime"][8:10] for one in answer.json["value"]]
        link = answer.json.get("@odata.nextLink")
        assert link is None or link.startswith(url + "/instances?page=")
    assert seen == ["02", "03", "04"]


@pytest.mark.parametrize("query, fields", [("", ["start"]), ("start=2030-05-02T00:00:00Z", ["end"]),
                                           (WINDOW + "&order=start", ["order"])])
def test_the_window_of_instances_is_demanded(site, sandbox, ada, query, fields):
    url, _ = make(site, ada, DAILY)
    before = sandbox.calls("graph")
    answer = ada.get(f"{url}/instances?{query}")
    assert answer.status == 400 and sandbox.calls("graph") == before
    assert [error["field"] for error in answer.json["errors"]] == fields


# ---- preferences ----

HTML = {"contentType": "html", "content": "<p>Bring <b>cake</b></p>"}


@pytest.mark.parametrize("query, headers", [
    ("?body_type=text", {}), ("", {"Prefer": 'outlook.body-content-type="text"'}),
    ("", {"Prefer": "return=minimal, Outlook.Body-Content-Type = text; x=1"})])
def test_bodies_as_text(site, ada, query, headers):
    url, _ = make(site, ada, {**LUNCH, "body": HTML})
    assert ada.get(url).json["body"] == HTML
    answer = ada.get(url + query, headers=headers)
    assert answer.json["body"] == {"contentType": "text", "content": "Bring cake"}
    assert answer.headers["Preference-Applied"] == 'outlook.body-content-type="text"'


@pytest.mark.parametrize("query, headers", [
    ("?id_type=immutable", {}), ("", {"Prefer": 'IdType="ImmutableId"'})])
def test_ids_that_stay(site, ada, query, headers):
    url, made = make(site, ada)
    stays = ada.get(url + query, headers=headers).json["id"]
    assert stays != made.json["id"]
    other = site.url + "/calendar/events/" + in_path(stays)
    changed = ada.send("PATCH", other + query, {"subject": "y"}, headers=headers)
    assert changed.status == 200 and changed.json["id"] == stays
    created = ada.send("POST", site.url + "/calendar/events" + query, LUNCH, headers=headers)
    assert created.json["id"].startswith("AAkA")
    assert ada.send("DELETE", other).status == 204 and ada.get(url).status == 404


@pytest.mark.parametrize("query, headers", [
    ("&timezone=Asia/Tokyo&id_type=immutable", {}),
    ("", {"Prefer": 'outlook.timezone="Asia/Tokyo", IdType="ImmutableId"'})])
def test_a_preference_holds_for_all_pages(site, sandbox, ada, query, headers):
    sandbox.bulk_events("ada@sandbox.example", count=5)
    link, pages = site.url + "/calendar/events?top=2" + query, 0
    while link:
        answer = ada.get(link, headers=headers if pages == 0 else {})
        for event in answer.json["value"]:
            assert event["id"].startswith("AAkA") and event["start"]["timeZone"] == "Asia/Tokyo"
        link, pages = answer.json.get("@odata.nextLink"), pages + 1
    assert pages == 3


@pytest.mark.parametrize("query, headers, field", [
    ("?body_type=markdown", {}, "body_type"), ("?id_type=x", {}, "id_type"),
    ("", {"Prefer": 'outlook.timezone="#"'}, "timezone")])
def test_a_preference_that_is_none_is_named(site, ada, query, headers, field):
    answer = ada.get(site.url + "/calendar/events" + query, headers=headers)
    assert answer.status == 400 and [e["field"] for e in answer.json["errors"]] == [field]


# ---- bodies ----

def test_a_byte_order_mark_before_a_body(site, ada):
    body = b"\xef\xbb\xbf" + json.dumps(LUNCH).encode()
    json_type = {"Content-Type": "application/json"}
    made = ada.send("POST", site.url + "/calendar/events", body, json_type)
    assert made.status == 201 and made.json["subject"] == "Lunch"
    for wrong in (b"\xef\xbb\xbf", b"\xef\xbb\xbf" + body, b"\xef\xbb{}"):
        assert ada.send("POST", site.url + "/calendar/events", wrong, json_type).status == 400
