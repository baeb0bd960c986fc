# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A person's calendar: events, series and their occurrences.

An event keeps its times as instants together with the zone they were given in; a series is
expanded on the wall clock of that zone, so that nine o'clock stays nine o'clock when summer ends.
An occurrence has no entry of its own until it is changed; its id is the series' id and its day.
Source: Microsoft Graph v1.0, event resource type, List calendarView.
"""

from __future__ import annotations

import base64
import copy
import datetime
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

import recur
import zones
from people import Person
from schema import GraphError, invalid

Members = dict[str, object]
ONE_DAY = datetime.timedelta(days=1)
TAG = re.compile(r"<[^>]*>")
MOST_ATTENDEES = 500
NO_TIME = "0001-01-01T00:00:00Z"
OCCURRENCE = re.compile(r"(.+)\+(\d{8})\Z")

DEFAULTS: Members = {
    "categories": [],
    "subject": "",
    "importance": "normal",
    "sensitivity": "normal",
    "isAllDay": False,
    "showAs": "busy",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
    "recurrence": None,
    "attendees": [],
    "locations": [],
}


def new_key(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode()


def new_id() -> str:
    """An id as Exchange gives it: base64, here always with both of the bytes that hurt in a URL."""
    text = new_key(84)
    return f"AAMkAG{text[:56]}/{text[56:]}+AAA="


def in_path(text: str) -> str:
    """An id as it can stand in a path: Graph takes it as the same."""
    return text.replace("/", "-").replace("+", "_")


def now() -> datetime.datetime:
    return datetime.datetime.now(zones.UTC)


def zone_of(name: str) -> datetime.tzinfo:
    zone = zones.find(name)
    if zone is None:
        text = "A valid TimeZone value must be specified. The following TimeZone value is not "
        raise GraphError(400, "TimeZoneNotSupportedException", f"{text}supported: '{name}'.")
    return zone


def read_time(value: object) -> tuple[datetime.datetime, str]:
    """A dateTimeTimeZone as an instant and the zone's name."""
    assert isinstance(value, dict)
    name = str(value.get("timeZone") or "UTC")
    zone = zone_of(name)
    try:
        return zones.parse_instant(str(value.get("dateTime", "")), zone), name
    except (ValueError, OverflowError) as bad:
        raise invalid() from bad


@dataclass
class Event:
    """One event, series or changed occurrence; `members` are Graph's, without the times."""

    members: Members
    start: datetime.datetime
    end: datetime.datetime
    zone: str
    id: str = field(default_factory=new_id)
    uid: str = field(default_factory=lambda: uuid.uuid4().hex.upper())
    change_key: str = field(default_factory=lambda: new_key(18))
    created: datetime.datetime = field(default_factory=now)
    modified: datetime.datetime = field(default_factory=now)
    kind: str = "singleInstance"
    master: str | None = None
    cancelled: set[datetime.date] = field(default_factory=set)
    changed: dict[datetime.date, Event] = field(default_factory=dict)

    def touch(self) -> None:
        self.change_key = new_key(18)
        self.modified = now()

    @property
    def recurrence(self) -> dict[str, Members] | None:
        value = self.members.get("recurrence")
        return value if isinstance(value, dict) else None

    def first_moment(self, day: datetime.date) -> datetime.datetime:
        """When the occurrence of a day begins, by the wall clock of the series' zone."""
        zone = zone_of(self.zone)
        clock = self.start.astimezone(zone).time()
        return datetime.datetime.combine(day, clock, tzinfo=zone).astimezone(zones.UTC)

    def occurrence(self, day: datetime.date) -> Event:
        if day in self.changed:
            return self.changed[day]
        start = self.first_moment(day)
        return Event(
            {**self.members, "recurrence": None},
            start,
            start + (self.end - self.start),
            self.zone,
            f"{self.id}+{day:%Y%m%d}",
            f"{self.uid}{day:%Y%m%d}",
            self.change_key,
            self.created,
            self.modified,
            "occurrence",
            self.id,
        )

    def days_until(self, last: datetime.date) -> Iterator[datetime.date]:
        assert self.recurrence is not None
        return (day for day in recur.days(self.recurrence, last) if day not in self.cancelled)

    def has_day(self, day: datetime.date) -> bool:
        return self.recurrence is not None and day in self.days_until(day)

    def in_window(self, start: datetime.datetime, end: datetime.datetime) -> Iterator[Event]:
        """What of it takes place between two moments."""
        if self.recurrence is None:
            candidates: Iterator[Event] = iter([self])
        else:
            last = (end + ONE_DAY).date()
            candidates = (self.occurrence(day) for day in self.days_until(last))
        for event in candidates:
            if event.start < end and (event.end > start or event.start == event.end >= start):
                yield event


def check_times(members: Members, start: datetime.datetime, end: datetime.datetime) -> None:
    if end < start:
        raise invalid()
    if not members.get("isAllDay"):
        return
    if end - start < ONE_DAY:
        raise invalid()


def check_midnights(members: Members, event_zone: str, ends: list[datetime.datetime]) -> None:
    if members.get("isAllDay"):
        zone = zone_of(event_zone)
        if any(moment.astimezone(zone).time() != datetime.time() for moment in ends):
            raise invalid()


def with_defaults(given: Members, defaults: Members) -> Members:
    return {**defaults, **{name: value for name, value in given.items() if value is not None}}


def check_recurrence(members: Members, start: datetime.datetime, zone: str) -> Members:
    """Fill in what Outlook fills in; refuse what it refuses. The recurrence, completed."""
    value = members["recurrence"]
    assert isinstance(value, dict)
    pattern, span = dict(value.get("pattern") or {}), dict(value.get("range") or {})
    day = start.astimezone(zone_of(zone)).date()
    if not pattern.get("type") or not span.get("type"):
        raise GraphError(400, "ErrorPropertyValidationFailure", "Recurrence is incomplete.")
    kind = str(pattern["type"])
    if ("weekly" in kind or "relative" in kind) and not pattern.get("daysOfWeek"):
        raise invalid()
    if recur.whole(pattern.get("interval"), 0) < 1 or not 0 <= recur.whole(
        pattern.get("dayOfMonth"), 0
    ) <= 31:
        raise invalid()
    pattern = with_defaults(
        pattern,
        {"interval": 1, "month": 0, "dayOfMonth": 0, "firstDayOfWeek": "sunday", "index": "first"},
    )
    span = with_defaults(
        span,
        {
            "startDate": day.isoformat(),
            "endDate": "0001-01-01",
            "recurrenceTimeZone": zone,
            "numberOfOccurrences": 0,
        },
    )
    is_empty = span["type"] == "endDate" and str(span["endDate"]) < str(span["startDate"])
    is_none = span["type"] == "numbered" and recur.whole(span["numberOfOccurrences"], 0) < 1
    if is_empty or is_none or span["startDate"] != day.isoformat():
        raise invalid()
    return {"pattern": pattern, "range": span}


def tidy(members: Members) -> Members:
    """Members as Outlook keeps them: one location and the list of locations agree."""
    kept = {name: value for name, value in members.items() if name not in ("start", "end")}
    location = kept.get("location")
    if "location" in kept:
        kept["locations"] = [location] if isinstance(location, dict) and location else []
    elif kept.get("locations"):
        kept["location"] = kept["locations"][0]  # type: ignore[index]
    attendees = kept.get("attendees")
    if isinstance(attendees, list):
        if len(attendees) > MOST_ATTENDEES:
            raise invalid()
        answer = {"response": "none", "time": NO_TIME}
        kept["attendees"] = [
            {"type": "required", **attendee, "status": attendee.get("status") or answer}
            for attendee in attendees
            if isinstance(attendee, dict)
        ]
    return kept


def plain_text(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    content = str(body.get("content") or "")
    if str(body.get("contentType", "text")).lower() != "html":
        return content
    return unescape(TAG.sub("", content)).strip()


def preview(body: object) -> str:
    """The first 255 characters, found without reading a body of megabytes to its end."""
    if not isinstance(body, dict):
        return ""
    return plain_text({**body, "content": str(body.get("content") or "")[:4096]})[:255]


def shown_body(body: object, wants_text: bool) -> Members:
    if not isinstance(body, dict):
        return {"contentType": "text" if wants_text else "html", "content": ""}
    content = str(body.get("content") or "")
    is_html = str(body.get("contentType", "text")).lower() == "html"
    if wants_text:
        return {"contentType": "text", "content": plain_text(body)}
    if not is_html:
        content = f"<html><body>{content}</body></html>"
    return {"contentType": "html", "content": content}


class Calendar:
    """The default calendar of one person."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.id = "AAMkAGCAL" + person.oid.replace("-", "") + "AAA="
        self.change_key = new_key(18)
        self.events: dict[str, Event] = {}
        self.transactions: dict[str, str] = {}

    def owner(self) -> Members:
        return {"name": self.person.name, "address": self.person.address}

    def as_json(self) -> Members:
        return {
            "id": self.id,
            "name": "Calendar",
            "color": "auto",
            "hexColor": "",
            "groupClassId": "0006f0b7-0000-0000-c000-000000000046",
            "isDefaultCalendar": True,
            "changeKey": self.change_key,
            "canShare": True,
            "canViewPrivateItems": True,
            "canEdit": True,
            "allowedOnlineMeetingProviders": ["teamsForBusiness"],
            "defaultOnlineMeetingProvider": "teamsForBusiness",
            "isTallyingResponses": True,
            "isRemovable": False,
            "owner": self.owner(),
        }

    def add(self, given: Members) -> tuple[Event, bool]:
        """Create; a transactionId that was used yields the first event, and False."""
        transaction = given.get("transactionId")
        known = self.events.get(self.transactions.get(str(transaction), ""))
        if transaction and known:
            return known, False
        half_hour = datetime.timedelta(minutes=30)
        # Outlook does not insist on times: it takes the present (seen live).
        start, zone = read_time(given["start"]) if given.get("start") else (now(), "UTC")
        end = read_time(given["end"])[0] if given.get("end") else start + half_hour
        members = {**DEFAULTS, **tidy(given)}
        check_times(members, start, end)
        check_midnights(members, zone, [start, end])
        event = Event(members, start, end, zone)
        if members.get("recurrence"):
            members["recurrence"] = check_recurrence(members, start, zone)
            event.kind = "seriesMaster"
        self.events[event.id] = event
        if transaction:
            self.transactions[str(transaction)] = event.id
        return event, True

    def find(self, segment: str) -> Event:
        """By the id in a path, of either alphabet; the ids made here hold no '-' and no '_'."""
        text = segment.replace("-", "/").replace("_", "+")
        event = self.events.get(text)
        if event:
            return event
        match = OCCURRENCE.match(text)
        master = self.events.get(match.group(1)) if match else None
        if match and master:
            try:
                day = datetime.datetime.strptime(match.group(2), "%Y%m%d").date()
            except ValueError:
                day = datetime.date.min
            if master.has_day(day):
                return master.occurrence(day)
        if len(text) < 16 or not text.startswith("AAMk"):
            raise GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        message = "The specified object was not found in the store."
        raise GraphError(404, "ErrorItemNotFound", message)

    def day_of(self, event: Event) -> tuple[Event, datetime.date]:
        assert event.master is not None
        day = datetime.datetime.strptime(event.id[-8:], "%Y%m%d").date()
        return self.events[event.master], day

    def change(self, event: Event, given: Members) -> Event:
        """PATCH: what is given replaces, all or nothing."""
        wanted = {name: value for name, value in given.items() if name != "transactionId"}
        members = {**event.members, **tidy(wanted)}
        start, zone = event.start, event.zone
        if wanted.get("start"):
            start, zone = read_time(wanted["start"])
        end = read_time(wanted["end"])[0] if wanted.get("end") else event.end
        check_times(members, start, end)
        check_midnights(members, zone, [start, end])
        if wanted.get("start") and "recurrence" not in wanted and event.recurrence:
            moved = {**event.recurrence["range"], "startDate": None}
            members["recurrence"] = {**event.recurrence, "range": moved}
        if members.get("recurrence"):
            if event.kind in ("occurrence", "exception"):
                raise invalid()
            members["recurrence"] = check_recurrence(members, start, zone)
        if event.kind == "occurrence":
            event.kind = "exception"
            master, day = self.day_of(event)
            master.changed[day] = event
        elif event.kind != "exception":
            event.kind = "seriesMaster" if members.get("recurrence") else "singleInstance"
        event.members, event.start, event.end, event.zone = members, start, end, zone
        event.touch()
        return event

    def remove(self, event: Event) -> None:
        if event.master is None:
            del self.events[event.id]
            return
        master, day = self.day_of(event)
        master.changed.pop(day, None)
        master.cancelled.add(day)

    def view(self, start: datetime.datetime, end: datetime.datetime) -> list[Event]:
        found = [item for event in self.events.values() for item in event.in_window(start, end)]
        return sorted(found, key=lambda item: item.start)

    def render(self, event: Event, zone_name: str, wants_text: bool) -> Members:
        """An event as Graph shows it, times in a zone."""
        zone = zone_of(zone_name)
        members = copy.copy(event.members)
        location = members.pop("location", None) or {"displayName": ""}
        body = members.pop("body", None)
        own: Members = {
            "@odata.etag": f'W/"{event.change_key}"',
            "id": event.id,
            "createdDateTime": zones.show_utc(event.created),
            "lastModifiedDateTime": zones.show_utc(event.modified),
            "changeKey": event.change_key,
            "transactionId": None,
            "originalStartTimeZone": event.zone,
            "originalEndTimeZone": event.zone,
            "iCalUId": event.uid,
            "hasAttachments": False,
            "isCancelled": False,
            "isDraft": False,
            "isOrganizer": True,
            "seriesMasterId": event.master,
            "type": event.kind,
            "webLink": "https://outlook.office365.com/owa/?itemid=" + event.id,
            "onlineMeetingUrl": None,
            "onlineMeeting": None,
            "bodyPreview": preview(body),
            "responseStatus": {"response": "organizer", "time": NO_TIME},
            "organizer": {"emailAddress": self.owner()},
        }
        own |= members
        own |= {
            "body": shown_body(body, wants_text),
            "start": {"dateTime": zones.show_local(event.start, zone), "timeZone": zone_name},
            "end": {"dateTime": zones.show_local(event.end, zone), "timeZone": zone_name},
            "location": {"locationType": "default", **location},  # type: ignore[dict-item]
        }
        return own
