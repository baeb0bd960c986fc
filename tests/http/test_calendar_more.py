# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Calendar routes beyond one plain event: series, preferences, bodies as programs send them."""

import json
import urllib.parse

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


def test_what_was_deleted_of_a_series(site, ada):
    """It stands in no list: who keeps a copy of a calendar asks for it."""
    url, made = make(site, ada, DAILY)
    found = ada.get(f"{url}/instances?{WINDOW}").json["value"]
    assert ada.send("DELETE", site.url + "/calendar/events/" + in_path(found[1]["id"])).status == 204
    series = ada.get(url + "?select=subject,cancelledOccurrences")
    assert series.status == 200, series
    assert series.json["cancelledOccurrences"] == [f"OID.{made.json['id']}.2030-05-03"]
    assert "cancelledOccurrences" not in ada.get(url).json


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


# ---- what programs keep beside an event ----

COLOUR = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Bob's colour"
SIZES = "StringArray {66f5a359-4659-4830-9070-00047ec6ac6e} Name Sizes"


def test_extended_properties(site, ada):
    single = [{"id": COLOUR, "value": "green"}]
    multi = [{"id": SIZES, "value": ["S", "M"]}]
    url, made = make(site, ada, {**LUNCH, "singleValueExtendedProperties": single,
                                 "multiValueExtendedProperties": multi})
    assert "singleValueExtendedProperties" not in ada.get(url).json
    query = "?" + urllib.parse.urlencode({"properties": f"{COLOUR},{SIZES},Integer 0x8504"})
    shown = ada.get(url + query)
    assert shown.status == 200, shown
    assert shown.json["singleValueExtendedProperties"] == single
    assert shown.json["multiValueExtendedProperties"] == multi
    listed = ada.get(site.url + "/calendar/events" + query + "&select=subject&top=1000")
    assert single in [one.get("singleValueExtendedProperties") for one in listed.json["value"]]
    changed = [{"id": COLOUR, "value": ""}]
    for method in ("PATCH", "PUT"):
        back = ada.send(method, url, {**shown.json, "singleValueExtendedProperties": changed})
        assert back.status == 200, back
    assert ada.get(url + query).json["singleValueExtendedProperties"] == changed
    assert ada.get(url + query).json["multiValueExtendedProperties"] == multi


def test_open_extensions(site, ada):
    trip = {"extensionName": "com.contoso.trip", "seats": [1, 2], "paid": True}
    url, _ = make(site, ada, {**LUNCH, "extensions": [trip]})
    one = url + "/extensions/com.contoso.trip"
    shown = ada.get(one)
    assert shown.status == 200 and shown.json["seats"] == [1, 2], shown
    assert "extensions" not in ada.get(url).json
    whole = ada.get(url + "?extensions=*").json
    assert [each["paid"] for each in whole["extensions"]] == [True]
    assert ada.send("PUT", url, whole).status == 200
    assert ada.send("PATCH", one, {"paid": False, "@odata.type": "x"}).json["paid"] is False
    other = ada.post(url + "/extensions", {"extensionName": "org.example.x", "n": None})
    assert other.status == 201 and other.json["id"].endswith("org.example.x")
    named = ada.get(url + "?extensions=org.example.x").json["extensions"]
    assert [each["extensionName"] for each in named] == ["org.example.x"]
    assert ada.send("DELETE", one).status == 204 and ada.get(one).status == 404


@pytest.mark.parametrize("query", [
    "properties=x", "properties=", "properties=String+%7B66f5a359%7D+Name+x", "extensions=a%20b",
    "extensions=", "extensions=a)", "properties=String+0x37'", "extensions=.."])
def test_what_is_no_name_is_not_asked_for(site, sandbox, ada, query):
    before = sandbox.calls("graph")
    answer = ada.get(site.url + "/calendar/events?" + query)
    assert answer.status == 400, answer
    assert [error["field"] for error in answer.json["errors"]] == [query.split("=")[0]]
    assert sandbox.calls("graph") == before


@pytest.mark.parametrize("body, fields", [
    ({"singleValueExtendedProperties": [{"id": "x", "value": "y"}, {"id": COLOUR}]},
     ["singleValueExtendedProperties[1].value", "singleValueExtendedProperties[0].id"]),
    ({"multiValueExtendedProperties": [{"id": SIZES, "value": "y"}]},
     ["multiValueExtendedProperties[0].value"]),
    ({"extensions": [{"n": 1}, 7]},
     ["extensions[0].extensionName", "extensions[1].extensionName"]),
    ({"extensions": {}}, ["extensions"])])
def test_wrong_extras_are_named(site, ada, body, fields):
    answer = ada.post(site.url + "/calendar/events", {**LUNCH, **body})
    assert answer.status == 400
    assert [error["field"] for error in answer.json["errors"]] == fields


@pytest.mark.parametrize("tail", ["/extensions/a%2Fb", "/extensions/..%2F", "/extensions/a%20b",
                                  "/extensions/a/b", "/extensions"])
def test_an_extension_is_one_segment(site, ada, tail):
    url, _ = make(site, ada)
    assert ada.send("DELETE", url + tail).status in (400, 404, 405)
    assert ada.post(url + "/extensions", {"n": 1}).json["tag"] == "GT0719"
    assert ada.get(url).status == 200
