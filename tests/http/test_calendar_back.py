# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What a client gets from the calendar routes and sends back: tags, ids, whole events."""

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
