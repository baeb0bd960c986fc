# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's Google Calendar refuses what the real one refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peer import ADA, Answer, Peer
from test_sandbox_google import sign_in

EVENTS = "/calendars/primary/events"
START = {"dateTime": "2030-03-04T09:00:00", "timeZone": "Europe/Berlin"}
END = {"dateTime": "2030-03-04T10:00:00", "timeZone": "Europe/Berlin"}
EVENT = {"summary": "Engine", "start": START, "end": END}


@pytest.fixture
def access(peer: Peer) -> str:
    return str(sign_in(peer)["access_token"])


def call(peer: Peer, access: str, method: str, path: str, body: Any = None, **more: str) -> Answer:
    text = None if body is None else json.dumps(body)
    return peer.ask(method, "/calendar/v3" + path, text, Authorization=f"Bearer {access}",
                    Content_Type="application/json", **more)


def refused(answer: Answer, status: int, reason: str) -> None:
    assert answer.status == status, answer.body
    error = answer.json["error"]
    assert error["code"] == status and error["errors"][0]["reason"] == reason


@pytest.mark.parametrize(
    "changes,reason",
    [
        ({"start": None}, "required"),
        ({"start": {"dateTime": "2030-03-04T09:00:00"}}, "required"),
        ({"start": {**START, "date": "2030-03-04"}}, "invalid"),
        ({"start": {"date": "2030-03-04"}}, "invalid"),
        ({"end": {"dateTime": "2030-03-04T07:00:00Z"}}, "timeRangeEmpty"),
        ({"start": {"dateTime": "2030-03-04T09:00:00", "timeZone": "Romance Standard Time"}},
         "invalid"),
        ({"importance": "high"}, "invalid"),
        ({"visibility": "personal"}, "invalid"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
        ({"id": "not-base32hex"}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=DAILY;COUNT=2;UNTIL=20300401T000000Z"]}, "invalid"),
        ({"reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 1}]}},
         "cannotUseDefaultRemindersAndSpecifyOverride"),
    ],
)
def test_events_that_are_none(
    peer: Peer, access: str, changes: dict[str, Any], reason: str
) -> None:
    refused(call(peer, access, "POST", EVENTS, {**EVENT, **changes}), 400, reason)


def test_scopes_tokens_and_paths(peer: Peer, access: str) -> None:
    refused(call(peer, "nothing", "GET", EVENTS), 401, "authError")
    read = "openid https://www.googleapis.com/auth/calendar.readonly"
    reader = sign_in(peer, scope=read, login_hint="grace@sandbox.example")["access_token"]
    assert call(peer, reader, "GET", EVENTS).status == 200
    refused(call(peer, reader, "POST", EVENTS, EVENT), 403, "insufficientPermissions")
    refused(call(peer, access, "GET", "/calendars/grace%40sandbox.example/events"), 404, "notFound")
    peer.box.google("grace@sandbox.example", share=ADA)
    other = "/calendars/grace%40sandbox.example/events"
    assert call(peer, access, "GET", other).json["items"] == []
    refused(call(peer, access, "POST", other, EVENT), 403, "requiredAccessLevel")
    refused(call(peer, access, "GET", EVENTS + "?top=3"), 400, "invalid")
    refused(call(peer, access, "GET", EVENTS + "?timeMin=2030-01-01T00:00:00"), 400, "badRequest")
    refused(call(peer, access, "GET", EVENTS + "?orderBy=startTime"), 400, "badRequest")


def test_changes(peer: Peer, access: str) -> None:
    made = call(peer, access, "POST", EVENTS, {**EVENT, "id": "abcde12345"}).json
    refused(call(peer, access, "POST", EVENTS, {**EVENT, "id": "abcde12345"}), 409, "duplicate")
    one = f"{EVENTS}/abcde12345"
    changed = call(peer, access, "PATCH", one, {"summary": "x"}, If_Match=made["etag"]).json
    assert changed["summary"] == "x" and changed["start"] == made["start"]
    refused(call(peer, access, "PATCH", one, {"summary": "y"}, If_Match=made["etag"]), 412,
            "conditionNotMet")
    day = {"start": {"date": "2030-03-04"}, "end": {"date": "2030-03-05"}}
    refused(call(peer, access, "PATCH", one, day), 400, "invalid")
    whole = {name: {**when, "dateTime": None, "timeZone": None} for name, when in day.items()}
    assert call(peer, access, "PATCH", one, whole).json["start"] == {"date": "2030-03-04"}
    assert call(peer, access, "DELETE", one).status == 204
    assert call(peer, access, "GET", one).json["status"] == "cancelled"
    refused(call(peer, access, "DELETE", one), 410, "deleted")
    refused(call(peer, access, "POST", EVENTS, {**EVENT, "id": "abcde12345"}), 409, "duplicate")


def test_series_and_pages(peer: Peer, access: str) -> None:
    rule = ["RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=5"]
    master = call(peer, access, "POST", EVENTS, {**EVENT, "recurrence": rule}).json
    window = "?timeMin=2030-03-01T00:00:00Z&timeMax=2030-05-01T00:00:00Z&singleEvents=true"
    found = call(peer, access, "GET", f"{EVENTS}{window}&timeZone=UTC&maxResults=3").json
    starts = [one["start"]["dateTime"] for one in found["items"]]
    assert starts == [f"2030-03-{day}T08:00:00Z" for day in ("04", "06", "11")]
    rest = call(peer, access, "GET",
                f"{EVENTS}{window}&maxResults=3&pageToken={found['nextPageToken']}").json
    assert len(rest["items"]) == 2 and "nextPageToken" not in rest
    ident = found["items"][1]["id"]
    assert ident == f"{master['id']}_20300306T080000Z"
    assert call(peer, access, "GET", f"{EVENTS}/{ident}").json["recurringEventId"] == master["id"]
    assert len(call(peer, access, "GET", f"{EVENTS}/{master['id']}/instances").json["items"]) == 5


def test_meetings(peer: Peer, access: str) -> None:
    request = {"conferenceData": {"createRequest": {"requestId": "1"}}}
    assert "hangoutLink" not in call(peer, access, "POST", EVENTS, {**EVENT, **request}).json
    made = call(peer, access, "POST", EVENTS + "?conferenceDataVersion=1", {**EVENT, **request}).json
    assert made["hangoutLink"].startswith("https://meet.google.com/")
