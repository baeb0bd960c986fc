# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's Graph: calendars and events, and each thing that it refuses."""

from __future__ import annotations

import datetime
import gzip
import json
import urllib.parse
from base64 import b64decode
from typing import Any

import pytest
import zones
from client import Sandbox
from events import in_path
from peer import ADA, Answer, Peer

GRACE = "grace@sandbox.example"
BERLIN = 'outlook.timezone="Europe/Berlin"'


def at(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": text, "timeZone": zone}


def event(start: str = "2026-12-01T10:00:00", end: str = "2026-12-01T11:00:00", **more: Any) -> Any:
    return {"subject": "Talk", "start": at(start), "end": at(end), **more}


def view(start: str, end: str, **more: str) -> str:
    query = {"startDateTime": start, "endDateTime": end}
    named = {f"${name}": value for name, value in more.items()}
    return "/me/calendarView?" + urllib.parse.urlencode({**query, **named})


def refused(answer: Answer, status: int, code: str) -> None:
    """A refusal in Graph's form."""
    assert (answer.status, answer.graph_code) == (status, code), answer.body
    inner = answer.json["error"]["innerError"]
    assert inner["request-id"] == answer.headers["request-id"]
    assert inner["client-request-id"] == answer.headers["client-request-id"]
    assert answer.headers["content-type"] == "application/json"


def test_me(peer: Peer, ada: str) -> None:
    answer = peer.graph(ada, "GET", "/me")
    assert answer.json["mail"] == ADA and answer.json["id"] == peer.box.facts["people"][0]["oid"]
    assert answer.headers["content-type"].startswith("application/json;odata.metadata=minimal")
    assert answer.headers["request-id"] == answer.headers["client-request-id"]
    assert "date" in answer.headers
    chosen = peer.graph(ada, "GET", "/me?$select=mail,id").json
    assert set(chosen) == {"@odata.context", "mail", "id"}
    refused(peer.graph(ada, "GET", "/me?$select=shoeSize"), 400, "RequestBroker--ParseUri")


def test_client_request_id_is_echoed(peer: Peer, ada: str) -> None:
    ours = "0f0f0f0f-1111-2222-3333-444444444444"
    answer = peer.graph(ada, "GET", "/me", client_request_id=ours)
    assert answer.headers["client-request-id"] == ours != answer.headers["request-id"]


def test_calendars(peer: Peer, ada: str) -> None:
    calendar = peer.graph(ada, "GET", "/me/calendar").json
    assert calendar["isDefaultCalendar"] and calendar["owner"]["address"] == ADA
    listed = peer.graph(ada, "GET", "/me/calendars").json["value"]
    assert [one["id"] for one in listed] == [calendar["id"]]
    path = f"/me/calendars/{calendar['id']}"
    assert peer.graph(ada, "GET", path).json["id"] == calendar["id"]
    assert peer.graph(ada, "GET", path + "/events").json["value"] == []
    refused(peer.graph(ada, "GET", path[:-3] + "xyz"), 404, "ErrorItemNotFound")


@pytest.mark.parametrize(
    "header, message",
    [
        (None, "Access token is empty."),
        ("Bearer ", "Access token is empty."),
        ("Basic YTpi", "Access token is empty."),
        ("Bearer rubbish", "CompactToken parsing failed with error code: 80049217"),
        ("Bearer a.b.c", "IDX14100: JWT is not well formed, there are no dots (.)."),
    ],
)
def test_no_token(peer: Peer, header: str | None, message: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    for path in ("/v1.0/me", "/v1.0/nowhere"):
        answer = peer.ask("GET", path, None, **headers)
        refused(answer, 401, "InvalidAuthenticationToken")
        assert answer.json["error"]["message"] == message
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith('Bearer realm="", authorization_uri="https://localhost:')
        assert "00000003-0000-0000-c000-000000000000" in challenge and "claims" not in challenge


def test_token_that_ended(peer: Peer, ada: str) -> None:
    grace = str(peer.sign_in(GRACE)["access_token"])
    assert peer.box.expire_access(ADA) == 1
    answer = peer.graph(ada, "GET", "/me")
    refused(answer, 401, "InvalidAuthenticationToken")
    assert "the token is expired" in answer.json["error"]["message"]
    assert peer.graph(grace, "GET", "/me").status == 200
    peer.box.settings(access_seconds=0)
    assert peer.graph(str(peer.sign_in()["access_token"]), "GET", "/me").status == 401


def test_token_for_another_resource(peer: Peer) -> None:
    scope = "openid https://outlook.office.com/IMAP.AccessAsUser.All"
    answer = peer.graph(str(peer.sign_in(scope=scope)["access_token"]), "GET", "/me")
    refused(answer, 401, "InvalidAuthenticationToken")
    assert "Invalid audience" in answer.json["error"]["message"]


def test_revoked_token_is_challenged_when_the_client_can_answer(peer: Peer) -> None:
    plain = str(peer.sign_in()["access_token"])
    claims = json.dumps({"access_token": {"xms_cc": {"values": ["cp1"]}}})
    able = str(peer.redeem(peer.code(claims=claims), claims=claims).json["access_token"])
    assert peer.box.revoke(ADA) == {"refresh_tokens": 2}
    assert peer.graph(plain, "GET", "/me").status == 200, "access tokens outlive a revocation"
    assert peer.box.revoke(ADA, access=True)["access_tokens"] == 2
    refused(peer.graph(plain, "GET", "/me"), 401, "InvalidAuthenticationToken")
    challenge = peer.graph(able, "GET", "/me").headers["www-authenticate"]
    assert 'error="insufficient_claims"' in challenge
    packed = challenge.split('claims="')[1].rstrip('"')
    assert json.loads(b64decode(packed))["access_token"]["nbf"]["essential"]


def test_scopes_are_needed(peer: Peer) -> None:
    reader = str(peer.sign_in(scope="openid Calendars.Read")["access_token"])
    assert peer.graph(reader, "GET", "/me/events").status == 200
    refused(peer.graph(reader, "POST", "/me/events", event()), 403, "ErrorAccessDenied")
    refused(peer.graph(reader, "GET", "/me"), 403, "ErrorAccessDenied")
    nobody = str(peer.sign_in(GRACE, scope="openid User.Read")["access_token"])
    refused(peer.graph(nobody, "GET", "/me/calendar"), 403, "ErrorAccessDenied")


@pytest.mark.parametrize(
    "path, message",
    [
        ("/me/calendarx", "Resource not found for the segment 'calendarx'."),
        ("/nowhere", "Resource not found for the segment 'nowhere'."),
        ("/me/events/AAMkAGx/fly", "Resource not found for the segment 'fly'."),
        ("/me/calendarView/more", "Resource not found for the segment 'more'."),
    ],
)
def test_unknown_path(peer: Peer, ada: str, path: str, message: str) -> None:
    answer = peer.graph(ada, "GET", path)
    refused(answer, 400, "BadRequest")
    assert answer.json["error"]["message"] == message


def test_version_and_verbs(peer: Peer, ada: str) -> None:
    answer = peer.ask("GET", "/beta/me", None, Authorization=f"Bearer {ada}")
    assert answer.json["error"]["message"] == "Invalid version: beta"
    refused(peer.graph(ada, "PUT", "/me"), 405, "Request_BadRequest")
    made = peer.graph(ada, "POST", "/me/events", event()).json["id"]
    answer = peer.graph(ada, "PUT", f"/me/events/{in_path(made)}", event())
    refused(answer, 405, "ErrorInvalidRequest")
    assert answer.headers["allow"] == "GET, PATCH, DELETE"


def test_names_without_regard_to_case_ids_with(peer: Peer, ada: str) -> None:
    made = str(peer.graph(ada, "POST", "/me/EVENTS", event()).json["id"])
    assert peer.graph(ada, "GET", f"/Me/Events/{in_path(made)}").status == 200
    quoted = urllib.parse.quote(in_path(made), safe="")
    assert peer.graph(ada, "GET", f"/me/events/{quoted}").status == 200
    assert peer.graph(ada, "GET", f"/me/events/{in_path(made).swapcase()}").status in (400, 404)


def test_an_escaped_slash_begins_another_segment(peer: Peer, ada: str) -> None:
    made = str(peer.graph(ada, "POST", "/me/events", event()).json["id"])
    assert {"/", "+", "="} <= set(made)
    refused(peer.graph(ada, "GET", f"/me/events/{made}"), 400, "BadRequest")
    whole = urllib.parse.quote(made, safe="")
    refused(peer.graph(ada, "GET", f"/me/events/{whole}"), 400, "BadRequest")
    window = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-02T00:00:00Z"
    path = f"/me/events/{in_path(made)}%2Finstances?{window}"
    assert peer.graph(ada, "GET", path).json["value"] == []
    plus = urllib.parse.quote(made.replace("/", "-"), safe="")
    assert peer.graph(ada, "GET", f"/me/events/{plus}").json["id"] == made


def test_event_life(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", event(transactionId="t1"))
    assert made.status == 201 and made.headers["location"].startswith(peer.box.base)
    one = made.json
    assert one["start"] == {"dateTime": "2026-12-01T10:00:00.0000000", "timeZone": "UTC"}
    assert one["@odata.etag"] == f'W/"{one["changeKey"]}"' == made.headers["etag"]
    assert one["organizer"]["emailAddress"]["address"] == ADA
    path = f"/me/events/{in_path(one['id'])}"
    changed = peer.graph(ada, "PATCH", path, {"subject": "Other"})
    assert changed.status == 200 and changed.json["subject"] == "Other"
    assert changed.json["changeKey"] != one["changeKey"]
    assert changed.json["start"] == one["start"]
    assert peer.graph(ada, "GET", path).json["subject"] == "Other"
    gone = peer.graph(ada, "DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    refused(peer.graph(ada, "DELETE", path), 404, "ErrorItemNotFound")
    refused(peer.graph(ada, "GET", path), 404, "ErrorItemNotFound")


def test_events_are_their_owners(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", event()).json["id"]
    grace = str(peer.sign_in(GRACE)["access_token"])
    refused(peer.graph(grace, "GET", f"/me/events/{in_path(made)}"), 404, "ErrorItemNotFound")


def test_transaction_id_makes_no_second_event(peer: Peer, ada: str) -> None:
    first = peer.graph(ada, "POST", "/me/events", event(transactionId="same")).json
    again = peer.graph(ada, "POST", "/me/events", event(transactionId="same"))
    assert again.status == 201 and again.json["id"] == first["id"]
    other = peer.graph(ada, "POST", "/me/events", event(subject="Else", transactionId="same"))
    refused(other, 400, "ErrorDuplicateTransactionId")
    assert len(peer.box.events(ADA)) == 1
    peer.graph(ada, "POST", "/me/events", event(transactionId="other"))
    assert len(peer.box.events(ADA)) == 2


def test_event_without_times_is_at_present(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", {"subject": "Now"})
    start = datetime.datetime.fromisoformat(made.json["start"]["dateTime"][:19])
    assert abs(datetime.datetime.utcnow() - start) < datetime.timedelta(minutes=1)


@pytest.mark.parametrize(
    "body, code",
    [
        ("", "BadRequest"),
        ("{", "BadRequest"),
        (b"\xff\xfe", "BadRequest"),
        ("[" * 100_000, "BadRequest"),
        ("[]", "UnableToDeserializePostBody"),
        (event(colour="red"), "RequestBodyRead"),
        (event(subject=5), "RequestBodyRead"),
        (event(isAllDay="yes"), "RequestBodyRead"),
        (event(importance="extreme"), "RequestBodyRead"),
        (event(attendees={}), "RequestBodyRead"),
        (event(attendees=None), "UnableToDeserializePostBody"),
        (event(categories=None), "UnableToDeserializePostBody"),
        (
            event(recurrence={"pattern": {"daysOfWeek": None}}),
            "UnableToDeserializePostBody",
        ),
        (event(attendees=[{"mail": "a@b"}]), "RequestBodyRead"),
        (event(body="text"), "RequestBodyRead"),
        (event(reminderMinutesBeforeStart=2**31), "RequestBodyRead"),
        ({**event(), "start": {"dateTime": 5}}, "RequestBodyRead"),
        ({**event(), "start": "2026-12-01T10:00:00"}, "RequestBodyRead"),
        (event("2026-12-01T10:00:00", "2026-12-01T09:00:00"), "ErrorPropertyValidationFailure"),
        (event("2026-13-01T10:00:00"), "ErrorPropertyValidationFailure"),
        (event("tomorrow"), "ErrorPropertyValidationFailure"),
        (event(isAllDay=True), "ErrorPropertyValidationFailure"),
        (
            event("2026-12-01T00:00:00", "2026-12-01T00:00:00", isAllDay=True),
            "ErrorPropertyValidationFailure",
        ),
        (event(attendees=[{}] * 501), "ErrorPropertyValidationFailure"),
        ({**event(), "end": at("2026-12-01T11:00:00", "Mars")}, "TimeZoneNotSupportedException"),
        (event(recurrence={"pattern": {"type": "daily"}}), "ErrorPropertyValidationFailure"),
    ],
)
def test_event_is_refused(peer: Peer, ada: str, body: Any, code: str) -> None:
    refused(peer.graph(ada, "POST", "/me/events", body), 400, code)
    assert peer.box.events(ADA) == []
    if code == "RequestBodyRead":
        made = peer.graph(ada, "POST", "/me/events", event()).json
        refused(peer.graph(ada, "PATCH", f"/me/events/{in_path(made['id'])}", body), 400, code)


def test_patch_is_all_or_nothing(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", event()).json
    wrong = {"subject": "Never", "end": at("2026-12-01T09:00:00")}
    path = f"/me/events/{in_path(made['id'])}"
    refused(peer.graph(ada, "PATCH", path, wrong), 400, "ErrorPropertyValidationFailure")
    assert peer.graph(ada, "GET", path).json == made


def test_if_match(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", event()).json
    path = f"/me/events/{in_path(made['id'])}"
    stale = peer.graph(ada, "PATCH", path, {"subject": "x"}, If_Match='W/"old"')
    refused(stale, 412, "ErrorIrresolvableConflict")
    fresh = peer.graph(ada, "PATCH", path, {"subject": "x"}, If_Match=made["@odata.etag"])
    assert fresh.status == 200


def test_body_type_and_size(peer: Peer, ada: str) -> None:
    answer = peer.graph(ada, "POST", "/me/events", "a=b", Content_Type="text/plain")
    refused(answer, 415, "UnsupportedMediaType")
    large = json.dumps(event(body={"contentType": "text", "content": "x" * (4 * 1024 * 1024)}))
    refused(peer.graph(ada, "POST", "/me/events", large), 413, "RequestEntityTooLarge")


@pytest.mark.parametrize("text", ["x", "AAMkAGx", "..-..-etc", "%00"])
def test_malformed_id(peer: Peer, ada: str, text: str) -> None:
    refused(peer.graph(ada, "GET", f"/me/events/{text}"), 400, "ErrorInvalidIdMalformed")


def test_time_zones(peer: Peer, ada: str) -> None:
    noon = at("2026-07-01T12:00:00", "W. Europe Standard Time")
    made = peer.graph(ada, "POST", "/me/events", {**event(), "start": noon, "end": noon})
    path = f"/me/events/{in_path(made.json['id'])}"
    assert made.json["start"]["dateTime"] == "2026-07-01T10:00:00.0000000"
    assert made.json["originalStartTimeZone"] == "W. Europe Standard Time"
    local = peer.graph(ada, "GET", path, Prefer=BERLIN)
    assert local.json["start"] == at("2026-07-01T12:00:00.0000000", "Europe/Berlin")
    assert local.headers["preference-applied"] == BERLIN
    windows = peer.graph(ada, "GET", path, Prefer='outlook.timezone="Tokyo Standard Time"')
    assert windows.json["start"] == at("2026-07-01T19:00:00.0000000", "Tokyo Standard Time")
    wrong = peer.graph(ada, "GET", path, Prefer='outlook.timezone="Mars/Base"')
    refused(wrong, 400, "TimeZoneNotSupportedException")


def test_windows_knows_every_zone(peer: Peer, ada: str) -> None:
    names = [name for name in zones.WINDOWS if not name.startswith("tzone:")]
    assert len(names) == 139
    path = "/me/events?$top=1"
    for name in names:
        answer = peer.graph(ada, "GET", path, Prefer=f'outlook.timezone="{name}"')
        assert answer.status == 200, name


# ---- all-day events ----


def whole_day(first: str, after: str, zone: str, **more: Any) -> Any:
    return {"subject": "Fair", "isAllDay": True, "start": at(first + "T00:00:00", zone),
            "end": at(after + "T00:00:00", zone), **more}  # fmt: skip


@pytest.mark.parametrize(
    "day, after, zone",
    [
        ("2027-03-28", "2027-03-29", "Europe/Berlin"),  # 23 hours
        ("2027-10-31", "2027-11-01", "W. Europe Standard Time"),  # 25 hours
        ("2026-09-06", "2026-09-07", "Pacific SA Standard Time"),  # begins at one o'clock
    ],
)
def test_an_all_day_event_is_dates_in_every_zone(
    peer: Peer, ada: str, day: str, after: str, zone: str
) -> None:
    made = peer.graph(ada, "POST", "/me/events", whole_day(day, after, zone))
    assert made.status == 201, made.body
    path = f"/me/events/{in_path(made.json['id'])}"
    for seen_in in ("UTC", "Tokyo Standard Time", "Pacific/Honolulu", zone):
        shown = peer.graph(ada, "GET", path, Prefer=f'outlook.timezone="{seen_in}"').json
        assert shown["start"] == at(f"{day}T00:00:00.0000000", seen_in)
        assert shown["end"] == at(f"{after}T00:00:00.0000000", seen_in)


def test_a_view_takes_the_dates_of_its_zone(peer: Peer, ada: str) -> None:
    peer.graph(ada, "POST", "/me/events", whole_day("2026-12-05", "2026-12-06", "Europe/Berlin"))
    evening = view("2026-12-05T20:00:00Z", "2026-12-05T21:00:00Z")
    assert len(peer.graph(ada, "GET", evening).json["value"]) == 1
    tokyo = 'outlook.timezone="Tokyo Standard Time"'
    assert peer.graph(ada, "GET", evening, Prefer=tokyo).json["value"] == []


def test_all_day_on_and_off(peer: Peer, ada: str) -> None:
    berlin = at("2026-12-05T00:00:00", "Europe/Berlin"), at("2026-12-06T00:00:00", "Europe/Berlin")
    body = {"subject": "Fair", "start": berlin[0], "end": berlin[1]}
    made = peer.graph(ada, "POST", "/me/events", body).json
    path = f"/me/events/{in_path(made['id'])}"
    whole = peer.graph(ada, "PATCH", path, {"isAllDay": True}).json
    assert whole["start"] == at("2026-12-05T00:00:00.0000000")
    timed = peer.graph(ada, "PATCH", path, {"isAllDay": False}).json
    assert timed["start"] == made["start"] and timed["end"] == made["end"]
    late = {"start": at("2026-12-05T01:00:00", "Europe/Berlin")}
    peer.graph(ada, "PATCH", path, late)
    answer = peer.graph(ada, "PATCH", path, {"isAllDay": True})
    refused(answer, 400, "ErrorPropertyValidationFailure")
    two_zones = {**whole_day("2026-12-05", "2026-12-06", "UTC"), "end": berlin[1]}
    answer = peer.graph(ada, "POST", "/me/events", two_zones)
    refused(answer, 400, "ErrorPropertyValidationFailure")


def test_a_whole_day_series(peer: Peer, ada: str) -> None:
    pattern, span = {"type": "weekly", "interval": 1, "daysOfWeek": ["saturday"]}, {"type": "noEnd"}
    series = whole_day("2026-10-24", "2026-10-25", "Europe/Berlin",
                       recurrence={"pattern": pattern, "range": span})  # fmt: skip
    assert peer.graph(ada, "POST", "/me/events", series).status == 201
    found = peer.graph(ada, "GET", view("2026-10-20T00:00:00Z", "2026-11-02T00:00:00Z")).json
    assert [(one["start"]["dateTime"][:16], one["originalStart"]) for one in found["value"]] == [
        ("2026-10-24T00:00", "2026-10-23T22:00:00Z"),
        ("2026-10-31T00:00", "2026-10-30T23:00:00Z"),
    ]


# ---- online meetings ----


def test_an_online_meeting_has_a_link_and_stays(peer: Peer, ada: str) -> None:
    body = {"contentType": "text", "content": "Agenda"}
    made = peer.graph(ada, "POST", "/me/events", event(isOnlineMeeting=True, body=body)).json
    link = made["onlineMeeting"]["joinUrl"]
    assert link.startswith("https://") and made["onlineMeetingProvider"] == "teamsForBusiness"
    assert link in made["body"]["content"] and "Agenda" in made["body"]["content"]
    path = f"/me/events/{in_path(made['id'])}"
    off = {"isOnlineMeeting": False, "onlineMeetingProvider": "unknown"}
    after = peer.graph(ada, "PATCH", path, off).json
    assert after["isOnlineMeeting"] and after["onlineMeeting"]["joinUrl"] == link
    kept = {**made["body"], "content": "New. " + made["body"]["content"]}
    assert peer.graph(ada, "PATCH", path, {"body": kept}).json["isOnlineMeeting"]
    ended = peer.graph(ada, "PATCH", path, {"body": body}).json
    assert not ended["isOnlineMeeting"] and ended["onlineMeeting"] is None
    begun = peer.graph(ada, "PATCH", path, {"isOnlineMeeting": True}).json
    assert begun["onlineMeeting"]["joinUrl"] != link


def test_a_provider_that_is_not_allowed_is_ignored(peer: Peer, ada: str) -> None:
    asked = event(isOnlineMeeting=True, onlineMeetingProvider="skypeForBusiness")
    made = peer.graph(ada, "POST", "/me/events", asked).json
    assert not made["isOnlineMeeting"] and made["onlineMeetingProvider"] == "unknown"


def test_body_as_text(peer: Peer, ada: str) -> None:
    html = {"contentType": "html", "content": "<p>Bring <b>cake</b> &amp; tea</p>"}
    made = peer.graph(ada, "POST", "/me/events", event(body=html)).json
    assert made["body"] == html and made["bodyPreview"] == "Bring cake & tea"
    prefer = 'outlook.body-content-type="text"'
    text = peer.graph(ada, "GET", f"/me/events/{in_path(made['id'])}", Prefer=prefer)
    assert text.json["body"] == {"contentType": "text", "content": "Bring cake & tea"}
    assert text.headers["preference-applied"] == prefer


def test_immutable_ids(peer: Peer, ada: str) -> None:
    prefer = 'IdType="ImmutableId"'
    made = peer.graph(ada, "POST", "/me/events", daily(2)).json
    path = f"/me/events/{in_path(made['id'])}"
    other = peer.graph(ada, "GET", path, Prefer=prefer)
    assert other.headers["preference-applied"] == prefer and other.json["id"] != made["id"]
    again = f"/me/events/{in_path(other.json['id'])}"
    assert peer.graph(ada, "GET", again).json["id"] == made["id"]
    window = "startDateTime=2026-10-20T00:00:00Z&endDateTime=2026-11-20T00:00:00Z"
    for one in peer.graph(ada, "GET", f"{again}/instances?{window}", Prefer=prefer).json["value"]:
        assert one["seriesMasterId"] == other.json["id"]
        shown = peer.graph(ada, "GET", f"/me/events/{in_path(one['id'])}", Prefer=prefer).json
        assert shown["start"] == one["start"] and shown["id"] == one["id"]


def test_paging_by_links(peer: Peer, ada: str) -> None:
    peer.box.bulk_events(ADA, count=25)
    seen: list[str] = []
    target = "/me/events?$select=subject&$orderby=start/dateTime"
    while target:
        page = peer.graph(ada, "GET", target).json
        assert len(page["value"]) <= 10
        assert set(page["value"][0]) == {"@odata.etag", "id", "subject"}
        seen += [one["subject"] for one in page["value"]]
        link = page.get("@odata.nextLink", "")
        assert not link or link.startswith(peer.box.facts["graph"] + "/me/events?")
        assert not link or "$skiptoken=" in link
        target = link.removeprefix(peer.box.facts["graph"])
    assert seen == [f"Bulk {number}" for number in range(25)]


def test_paging_by_number(peer: Peer, ada: str) -> None:
    peer.box.bulk_events(ADA, count=5)
    peer.box.settings(paging="skip")
    page = peer.graph(ada, "GET", "/me/events?$top=2&$skip=1&$count=true").json
    assert [one["subject"] for one in page["value"]] == ["Bulk 1", "Bulk 2"]
    assert page["@odata.count"] == 5 and "$skip=3" in page["@odata.nextLink"]
    sized = peer.graph(ada, "GET", "/me/events", Prefer="odata.maxpagesize=3")
    assert len(sized.json["value"]) == 3


@pytest.mark.parametrize(
    "query, subjects",
    [
        ("$filter=subject eq 'One'", ["One"]),
        ("$filter=subject ne 'One'", ["Two's"]),
        ("$filter=subject eq 'Two''s'", ["Two's"]),
        ("$filter=start/dateTime ge '2026-12-02T00:00'", ["Two's"]),
        ("$filter=start/dateTime lt '2026-12-02' and isAllDay eq false", ["One"]),
        ("$filter=contains(subject,'wo')", ["Two's"]),
        ("$filter=startswith(subject,'X')", []),
        ("$orderby=start/dateTime desc", ["Two's", "One"]),
        ("$orderby=subject", ["One", "Two's"]),
    ],
)
def test_filter_and_order(peer: Peer, ada: str, query: str, subjects: list[str]) -> None:
    second = event("2026-12-02T10:00:00", "2026-12-02T11:00:00", subject="Two's")
    peer.box.add_events(ADA, event(subject="One"), second)
    name, _, value = query.partition("=")
    answer = peer.graph(ada, "GET", f"/me/events?{name}={urllib.parse.quote(value)}")
    assert [one["subject"] for one in answer.json["value"]] == subjects


@pytest.mark.parametrize(
    "query, code",
    [
        ("$top=0", "ErrorInvalidParameter"),
        ("$top=1001", "ErrorInvalidParameter"),
        ("$top=ten", "RequestBroker--ParseUri"),
        ("$skip=-1", "ErrorInvalidParameter"),
        ("$skiptoken=rubbish", "RequestBroker--ParseUri"),
        ("$select=colour", "RequestBroker--ParseUri"),
        ("$orderby=colour", "RequestBroker--ParseUri"),
        ("$orderby=subject%20sideways", "RequestBroker--ParseUri"),
        ("$filter=subject%20is%20nice", "BadRequest"),
        ("$filter=colour%20eq%20%27x%27", "RequestBroker--ParseUri"),
        ("$magic=1", "RequestBroker--ParseUri"),
        ("$top=1&$top=2", "RequestBroker--ParseUri"),
        ("$count=maybe", "RequestBroker--ParseUri"),
        ("$search=x", "ErrorInvalidParameter"),
    ],
)
def test_query_is_refused(peer: Peer, ada: str, query: str, code: str) -> None:
    refused(peer.graph(ada, "GET", f"/me/events?{query}"), 400, code)


def test_view_takes_what_overlaps(peer: Peer, ada: str) -> None:
    peer.box.add_events(
        ADA,
        event("2026-12-01T08:00:00", "2026-12-01T09:00:00", subject="before"),
        event("2026-12-01T08:30:00", "2026-12-01T09:30:00", subject="into"),
        event("2026-12-01T12:00:00", "2026-12-01T13:00:00", subject="after"),
        event("2026-12-01T11:00:00", "2026-12-01T11:30:00", subject="inside"),
    )
    path = view("2026-12-01T09:00:00Z", "2026-12-01T12:00:00Z")
    subjects = [one["subject"] for one in peer.graph(ada, "GET", path).json["value"]]
    assert subjects == ["into", "inside"]
    shifted = view("2026-12-01T11:00:00+02:00", "2026-12-01T12:00:00Z")
    assert len(peer.graph(ada, "GET", shifted).json["value"]) == 2


@pytest.mark.parametrize(
    "start, end, code",
    [
        ("", "", "ErrorInvalidParameter"),
        ("2026-12-01T00:00:00Z", "", "ErrorInvalidParameter"),
        ("yesterday", "2026-12-01T00:00:00Z", "ErrorInvalidParameter"),
        ("2026-12-01T00:00:00Z", "2031-12-01T00:00:00Z", "ErrorInvalidRequest"),  # 1826 days
        ("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z", "ErrorInvalidParameter"),
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "ErrorInvalidRequest"),
        ("2026-12-01T00:00:00 02:00", "2026-12-02T00:00:00Z", "ErrorInvalidParameter"),
    ],
)
def test_view_is_refused(peer: Peer, ada: str, start: str, end: str, code: str) -> None:
    refused(peer.graph(ada, "GET", view(start, end)), 400, code)


def daily(count: int, zone: str = "UTC") -> Any:
    span = {"type": "numbered", "startDate": "2026-10-24", "numberOfOccurrences": count}
    start, end = at("2026-10-24T09:00:00", zone), at("2026-10-24T09:15:00", zone)
    pattern = {"type": "daily", "interval": 1}
    return {
        "subject": "Stand-up",
        "start": start,
        "end": end,
        "recurrence": {"pattern": pattern, "range": span},
    }


def test_series_keeps_its_wall_clock(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", daily(3, "Europe/Berlin")).json
    assert made["type"] == "seriesMaster"
    found = peer.graph(ada, "GET", view("2026-10-20T00:00:00Z", "2026-11-20T00:00:00Z")).json
    starts = [one["start"]["dateTime"][:16] for one in found["value"]]
    # Summer time ends in the night to the second day.
    assert starts == ["2026-10-24T07:00", "2026-10-25T08:00", "2026-10-26T08:00"]
    assert {one["type"] for one in found["value"]} == {"occurrence"}
    assert {one["seriesMasterId"] for one in found["value"]} == {made["id"]}
    masters = peer.graph(ada, "GET", "/me/events").json["value"]
    assert [one["type"] for one in masters] == ["seriesMaster"]


def test_occurrences_change_and_go(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", daily(3)).json
    window = "startDateTime=2026-10-20T00:00:00Z&endDateTime=2026-11-20T00:00:00Z"
    path = f"/me/events/{in_path(made['id'])}/instances?{window}"
    first, second, third = peer.graph(ada, "GET", path).json["value"]
    changed = peer.graph(ada, "PATCH", f"/me/events/{in_path(second['id'])}", {"subject": "Longer"}).json
    assert (changed["type"], changed["id"]) == ("exception", second["id"])
    assert peer.graph(ada, "DELETE", f"/me/events/{in_path(third['id'])}").status == 204
    refused(peer.graph(ada, "GET", f"/me/events/{in_path(third['id'])}"), 404, "ErrorItemNotFound")
    left = peer.graph(ada, "GET", path).json["value"]
    assert [one["subject"] for one in left] == ["Stand-up", "Longer"]
    assert peer.graph(ada, "DELETE", f"/me/events/{in_path(made['id'])}").status == 204
    refused(peer.graph(ada, "GET", f"/me/events/{in_path(first['id'])}"), 404, "ErrorItemNotFound")


def test_original_start_is_of_the_series(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", daily(3, "Europe/Berlin")).json
    path = f"/me/events/{in_path(made['id'])}"
    assert "originalStart" not in made
    assert peer.graph(ada, "GET", f"{path}?$select=originalStart").json["originalStart"] is None
    window = "startDateTime=2026-10-20T00:00:00Z&endDateTime=2026-11-20T00:00:00Z"
    second = peer.graph(ada, "GET", f"{path}/instances?{window}").json["value"][1]
    assert second["originalStart"] == "2026-10-25T08:00:00Z"
    late = {"start": at("2026-10-25T11:00:00"), "end": at("2026-10-25T12:00:00")}
    moved = peer.graph(ada, "PATCH", f"/me/events/{in_path(second['id'])}", late).json
    assert moved["originalStart"] == "2026-10-25T08:00:00Z"
    assert moved["start"]["dateTime"][:16] == "2026-10-25T11:00"


@pytest.mark.parametrize(
    "start, end",
    [
        ("2026-10-26T09:10:00", "2026-10-26T09:25:00"),
        ("2026-10-27T10:00:00", "2026-10-27T10:15:00"),
        ("2026-10-24T09:14:00", "2026-10-24T09:20:00"),
        ("2026-10-25T09:00:00", "2026-10-26T09:01:00"),
        ("2026-10-20T09:00:00", "2026-10-20T09:15:00"),
    ],
)
def test_an_occurrence_passes_no_neighbour(peer: Peer, ada: str, start: str, end: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", daily(3)).json
    path = f"/me/events/{in_path(made['id'])}"
    window = "startDateTime=2026-10-20T00:00:00Z&endDateTime=2026-11-20T00:00:00Z"
    first, second, third = peer.graph(ada, "GET", f"{path}/instances?{window}").json["value"]
    between = f"/me/events/{in_path(second['id'])}"
    answer = peer.graph(ada, "PATCH", between, {"start": at(start), "end": at(end)})
    refused(answer, 400, "ErrorOccurrenceCrossingBoundary")
    assert peer.graph(ada, "GET", between).json["type"] == "occurrence"
    for one in (first, third):  # without them there is room
        assert peer.graph(ada, "DELETE", f"/me/events/{in_path(one['id'])}").status == 204
    answer = peer.graph(ada, "PATCH", between, {"start": at(start), "end": at(end)})
    assert answer.status == 200


def test_a_change_names_its_zone_and_moves_no_series_into_another(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", daily(3, "Europe/Berlin")).json
    path = f"/me/events/{in_path(made['id'])}"
    times = {"start": {"dateTime": "2026-10-24T08:00:00"}, "end": at("2026-10-24T08:15:00")}
    refused(peer.graph(ada, "PATCH", path, times), 400, "TimeZoneNotSupportedException")
    times["start"] = at("2026-10-24T08:00:00")
    refused(peer.graph(ada, "PATCH", path, times), 400, "ErrorPropertyValidationFailure")
    same = "W. Europe Standard Time"  # Windows' name of Berlin's zone
    times = {"start": at("2026-10-24T10:00:00", same), "end": at("2026-10-24T10:15:00", same)}
    assert peer.graph(ada, "PATCH", path, times).status == 200
    span = {"type": "numbered", "startDate": "2026-10-24", "numberOfOccurrences": 3}
    whole = {"start": at("2026-10-24T10:00:00"), "end": at("2026-10-24T10:15:00")}
    whole["recurrence"] = {"pattern": {"type": "daily", "interval": 1}, "range": span}
    assert peer.graph(ada, "PATCH", path, whole).status == 200
    single = peer.graph(ada, "POST", "/me/events", event()).json
    path = f"/me/events/{in_path(single['id'])}"
    times = {"start": at("2026-12-01T10:00:00", same), "end": at("2026-12-01T11:00:00", same)}
    assert peer.graph(ada, "PATCH", path, times).status == 200


@pytest.mark.parametrize(
    "pattern, span, days",
    [
        (
            {"type": "weekly", "interval": 2, "daysOfWeek": ["saturday", "monday"]},
            {"type": "noEnd"},
            ["10-24", "11-02", "11-07", "11-16"],
        ),
        (
            {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 24},
            {"type": "endDate", "endDate": "2026-12-24"},
            ["10-24", "11-24", "12-24"],
        ),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["saturday"], "index": "last"},
            {"type": "noEnd"},
            ["10-31", "11-28", "12-26"],
        ),
        (
            {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 24, "month": 12},
            {"type": "noEnd"},
            ["12-24"],
        ),
    ],
)
def test_patterns(peer: Peer, ada: str, pattern: Any, span: Any, days: list[str]) -> None:
    body = {**daily(1), "recurrence": {"pattern": pattern, "range": span}}
    assert peer.graph(ada, "POST", "/me/events", body).status == 201
    last = days[-1] if pattern["type"] == "weekly" else "12-31"
    path = view("2026-10-01T00:00:00Z", f"2026-{last}T23:00:00Z", top="50")
    found = peer.graph(ada, "GET", path).json["value"]
    assert [one["start"]["dateTime"][5:10] for one in found] == days


def test_answer_and_cancel(peer: Peer, ada: str) -> None:
    made = peer.graph(ada, "POST", "/me/events", event()).json["id"]
    refused(peer.graph(ada, "POST", f"/me/events/{in_path(made)}/accept"), 400, "ErrorInvalidRequest")
    assert peer.graph(ada, "POST", f"/me/events/{in_path(made)}/cancel").status == 202
    refused(peer.graph(ada, "GET", f"/me/events/{in_path(made)}"), 404, "ErrorItemNotFound")


def test_gzip(peer: Peer, ada: str) -> None:
    peer.box.bulk_events(ADA, count=3)
    for path in ("/me", "/me/events"):
        packed = peer.graph(ada, "GET", path, Accept_Encoding="gzip")
        assert packed.headers["content-encoding"] == "gzip"
        plain = peer.graph(ada, "GET", path)
        assert gzip.decompress(packed.body) == plain.body


def test_large_answer(peer: Peer, ada: str) -> None:
    peer.box.bulk_events(ADA, mib=12)
    answer = peer.graph(ada, "GET", "/me/events?$top=1000")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.body) >= 12 * 1024 * 1024
    assert len(answer.json["value"]) == 96


def test_mailbox_takes_four_at_once(peer: Peer, ada: str, box: Sandbox) -> None:
    grace = str(peer.sign_in(GRACE)["access_token"])
    box.fault("graph", "hang", times=4)
    held = [peer.open() for _ in range(4)]
    for number, connection in enumerate(held):
        connection.request("GET", "/v1.0/me", headers={"Authorization": f"Bearer {ada}"})
        assert box.wait("graph", number + 1)
    fifth = peer.graph(ada, "GET", "/me")
    refused(fifth, 429, "ApplicationThrottled")
    assert "MailboxConcurrency" in fifth.json["error"]["message"]
    assert int(fifth.headers["retry-after"]) >= 1
    assert peer.graph(grace, "GET", "/me").status == 200, "another mailbox is another count"
    box.clear_faults()
    assert [connection.getresponse().status for connection in held] == [200] * 4
    for connection in held:
        connection.close()
    assert box.calls("graph")["peak"] == 5


def test_mailbox_takes_so_many_in_ten_minutes(peer: Peer, ada: str) -> None:
    peer.box.settings(mailbox_requests=2)
    assert [peer.graph(ada, "GET", "/me").status for _ in range(3)] == [200, 200, 429]


def test_userinfo_and_revoke_sessions(peer: Peer, ada: str) -> None:
    info = peer.ask("GET", "/oidc/userinfo", None, Authorization=f"Bearer {ada}")
    assert info.json["email"] == ADA
    assert peer.ask("GET", "/oidc/userinfo").status == 401
    path = "/me/revokeSignInSessions"
    refused(peer.graph(ada, "POST", path), 403, "ErrorAccessDenied")
    peer.box.settings(admin_consented=True)
    tokens = peer.sign_in(scope="offline_access User.RevokeSessions.All")
    assert peer.graph(tokens["access_token"], "POST", path).json["value"] is True
    ended = peer.refresh(tokens["refresh_token"])
    assert (ended.codes, ended.json["suberror"]) == ([50173], "bad_token")
