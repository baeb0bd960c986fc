# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's groups: events for members with delegated permissions, and each refusal."""

from __future__ import annotations

import pytest
from events import in_path
from groups import BOARD, CLUB, LOCKERS
from peer import ADA, Peer

WRITE, READ, NONE = "Group.ReadWrite.All", "Group.Read.All", "User.Read Calendars.ReadWrite"
UNKNOWN = "00000000-1111-2222-3333-444444444444"
EVENT = {
    "subject": "Rehearsal",
    "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"},
}


def token(peer: Peer, scope: str = WRITE, person: str = ADA) -> str:
    answer = peer.box.control("POST", "issue", {"person": person, "scope": scope})
    return str(answer["access_token"])


def test_the_life_of_an_event(peer: Peer) -> None:
    ada, base = token(peer), f"/groups/{CLUB.upper()}/events"
    made = peer.graph(ada, "POST", base, {**EVENT, "transactionId": "t"})
    assert made.status == 201 and made.json["organizer"]["emailAddress"]["name"].startswith("Engine")
    assert made.headers["location"].startswith(f"{peer.box.facts['base']}/v1.0/groups('{CLUB}')")
    assert f"groups('{CLUB}')" in made.json["@odata.context"]
    again = peer.graph(ada, "POST", base, {**EVENT, "transactionId": "t"})
    assert again.json["id"] == made.json["id"]
    one = f"{base}/{in_path(made.json['id'])}"
    assert peer.graph(token(peer, READ), "GET", one).json["subject"] == "Rehearsal"
    assert peer.graph(ada, "PATCH", one, {"subject": "Concert"}).json["subject"] == "Concert"
    window = "startDateTime=2030-05-01T00:00:00Z&endDateTime=2030-05-02T00:00:00Z"
    for path in (base, f"/groups/{CLUB}/calendar/events", f"/groups/{CLUB}/calendarView?{window}"):
        assert [row["subject"] for row in peer.graph(ada, "GET", path).json["value"]] == ["Concert"]
    assert peer.graph(token(peer, NONE), "GET", "/me/events").json["value"] == []
    assert peer.graph(ada, "DELETE", one).status == 204


@pytest.mark.parametrize(
    "scope, method, group, status, code",
    [
        (NONE, "GET", CLUB, 403, "ErrorAccessDenied"),
        (READ, "POST", CLUB, 403, "ErrorAccessDenied"),
        (WRITE, "POST", BOARD, 403, "ErrorAccessDenied"),
        (WRITE, "GET", BOARD, 403, "ErrorAccessDenied"),
        (WRITE, "GET", UNKNOWN, 404, "ErrorInvalidGroup"),
        (WRITE, "GET", LOCKERS, 404, "ErrorInvalidGroup"),
        (WRITE, "GET", "club", 400, "Request_BadRequest"),
        (WRITE, "PUT", CLUB, 405, "ErrorInvalidRequest"),
    ],
)
def test_refusals(peer: Peer, scope: str, method: str, group: str, status: int, code: str) -> None:
    answer = peer.graph(token(peer, scope), method, f"/groups/{group}/events", EVENT)
    assert (answer.status, answer.graph_code) == (status, code)


def test_who_is_no_member_or_no_user(peer: Peer) -> None:
    base = f"/groups/{CLUB}/events"
    peer.box.control("POST", "group", {"group": CLUB, "remove": ADA})
    assert peer.graph(token(peer), "GET", base).status == 403
    peer.box.control("POST", "group", {"group": CLUB, "add": ADA})
    assert peer.graph(token(peer), "GET", base).status == 200
    personal = token(peer, person="mary@outlook.example")
    assert peer.graph(personal, "GET", base).status == 403
    of_application = peer.token(
        f"/{peer.box.facts['tenant']}/oauth2/v2.0/token",
        grant_type="client_credentials",
        scope="https://graph.microsoft.com/.default",
    ).json["access_token"]
    for method in ("GET", "POST"):
        answer = peer.graph(of_application, method, base, EVENT if method == "POST" else None)
        assert (answer.status, answer.graph_code) == (403, "ErrorAccessDenied")


def test_what_a_group_does_not_have(peer: Peer) -> None:
    for path in ("calendars", "calendars/x/events", "revokeSignInSessions"):
        assert peer.graph(token(peer), "GET", f"/groups/{CLUB}/{path}").status == 400


def test_the_places_are_the_groups(peer: Peer) -> None:
    """A group's mailbox is one, however many call it, and none of theirs."""
    peer.box.settings(mailbox_requests=1)
    base = f"/groups/{CLUB}/events"
    grace = token(peer, person="grace@sandbox.example")
    assert [peer.graph(one, "GET", base).status for one in (token(peer), grace)] == [200, 429]
    assert peer.graph(token(peer, NONE), "GET", "/me/events").status == 200
