# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Online meetings: the provider and the link come with the event, and stay.

Graph ignores a provider that the calendar does not allow, and a later isOnlineMeeting false. What
ends a meeting is a body without the block that Teams put there. Source: Microsoft Graph v1.0,
event, "Update event"; microsoftgraph/microsoft-graph-explorer 3315, microsoft-graph-docs-contrib
3442.
"""

from __future__ import annotations

import uuid

Members = dict[str, object]
PROVIDER = "teamsForBusiness"
NONE: Members = {"isOnlineMeeting": False, "onlineMeetingProvider": "unknown", "onlineMeeting": None}


def text_of(body: object) -> str:
    return str(body.get("content") or "") if isinstance(body, dict) else ""


def with_block(body: object, link: str) -> Members:
    """A body with the way into the meeting below it."""
    block = f'<div id="join"><a href="{link}">{link}</a></div>'
    return {"contentType": "html", "content": f"{text_of(body)}{block}"}


def begin(members: Members) -> Members:
    link = f"https://teams.microsoft.com/l/meetup-join/{uuid.uuid4()}"
    meeting = {"joinUrl": link}
    return {
        **members,
        "isOnlineMeeting": True,
        "onlineMeetingProvider": PROVIDER,
        "onlineMeeting": meeting,
        "body": with_block(members.get("body"), link),
    }


def link_of(members: Members) -> str:
    meeting = members.get("onlineMeeting")
    return str(meeting["joinUrl"]) if isinstance(meeting, dict) else ""


def settle(members: Members, before: Members, given: Members) -> Members:
    """The members that an event is left with, from those asked for and those it had."""
    link = link_of(before)
    if link and "body" in given and link not in text_of(members.get("body")):
        return {**members, **NONE}
    if link:
        kept = {name: before[name] for name in NONE}
        return {**members, **kept}
    provider = members.get("onlineMeetingProvider") or "unknown"
    if members.get("isOnlineMeeting") and provider in ("unknown", PROVIDER):
        return begin(members)
    return {**members, **NONE}
