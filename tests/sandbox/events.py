# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A person's calendar: events, series and their occurrences.

An event keeps its times as instants together with the zone they were given in; a series is
expanded on the wall clock of that zone, so that nine o'clock stays nine o'clock when summer ends.
An all-day event is no span of instants but dates: it keeps their midnights, written in UTC, and is
midnight to midnight in every zone in which it is looked at.
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
from dataclasses import dataclass, field, replace
from html import unescape

import extras
import online
import recur
import zones
from people import Person
from schema import GraphError, invalid

Members = dict[str, object]
Window = tuple[datetime.datetime, datetime.datetime]
Times = tuple[datetime.datetime, datetime.datetime, str]  # start, end, the start's zone
ONE_DAY = datetime.timedelta(days=1)
TAG = re.compile(r"<[^>]*>")
MOST_ATTENDEES = 500
OUTSIDE = ("start", "end", *extras.NAMES)
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


def new_immutable_id() -> str:
    """The other id, which stays when an item moves. Here it, too, has both of those bytes."""
    return f"AAkALg{new_key(30)}/+AA="


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


def read_time(value: object, is_all_day: bool) -> tuple[datetime.datetime, str]:
    """A dateTimeTimeZone as an event keeps it, and the zone's name."""
    assert isinstance(value, dict)
    name = str(value.get("timeZone") or "UTC")
    zone = zone_of(name)
    text = str(value.get("dateTime", ""))
    try:
        if is_all_day:
            return zones.parse_wall(text, zone).replace(tzinfo=zones.UTC), name
        return zones.parse_instant(text, zone), name
    except (ValueError, OverflowError) as bad:
        raise invalid() from bad


@dataclass
class Event:
    """One event, series or changed occurrence; `members` are Graph's, without the times."""

    members: Members
    start: datetime.datetime  # of an all-day event: midnight of its date, written in UTC
    end: datetime.datetime
    zone: str
    id: str = field(default_factory=new_id)
    uid: str = field(default_factory=lambda: uuid.uuid4().hex.upper())
    change_key: str = field(default_factory=lambda: new_key(18))
    created: datetime.datetime = field(default_factory=now)
    modified: datetime.datetime = field(default_factory=now)
    kind: str = "singleInstance"
    master: str | None = None
    immutable: str = field(default_factory=new_immutable_id)
    extras: extras.Extras = field(default_factory=extras.Extras)
    cancelled: set[datetime.date] = field(default_factory=set)
    changed: dict[datetime.date, Event] = field(default_factory=dict)

    def touch(self) -> None:
        self.change_key = new_key(18)
        self.modified = now()

    @property
    def is_all_day(self) -> bool:
        return bool(self.members.get("isAllDay"))

    def moments(self, zone: datetime.tzinfo) -> tuple[datetime.datetime, datetime.datetime]:
        """Its span, looked at in a zone."""
        if self.is_all_day:
            return self.start.replace(tzinfo=zone), self.end.replace(tzinfo=zone)
        return self.start, self.end

    def as_kept(self, is_all_day: bool) -> tuple[datetime.datetime, datetime.datetime]:
        """Its times as it would keep them if it were, or were not, an all-day event."""
        zone = zone_of(self.zone)
        if self.is_all_day == is_all_day:
            return self.start, self.end
        if self.is_all_day:
            start, end = (moment.astimezone(zones.UTC) for moment in self.moments(zone))
        else:
            local = (moment.astimezone(zone) for moment in (self.start, self.end))
            start, end = (moment.replace(tzinfo=zones.UTC) for moment in local)
        return start, end

    @property
    def recurrence(self) -> dict[str, Members] | None:
        value = self.members.get("recurrence")
        return value if isinstance(value, dict) else None

    def first_moment(self, day: datetime.date) -> datetime.datetime:
        """When the occurrence of a day begins, by the wall clock of the series' zone."""
        if self.is_all_day:
            return datetime.datetime.combine(day, datetime.time(), tzinfo=zones.UTC)
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
            f"{self.immutable}+{day:%Y%m%d}",
        )

    def days_until(self, last: datetime.date) -> Iterator[datetime.date]:
        assert self.recurrence is not None
        return (day for day in recur.days(self.recurrence, last) if day not in self.cancelled)

    def has_day(self, day: datetime.date) -> bool:
        return self.recurrence is not None and day in self.days_until(day)

    def in_window(self, window: Window, zone: datetime.tzinfo) -> Iterator[Event]:
        """What of it takes place between two moments, looked at in a zone."""
        start, end = window
        if self.recurrence is None:
            candidates: Iterator[Event] = iter([self])
        else:
            last = (end + ONE_DAY).date()
            candidates = (self.occurrence(day) for day in self.days_until(last))
        for event in candidates:
            first, last_moment = event.moments(zone)
            if first < end and (last_moment > start or first == last_moment >= start):
                yield event


def check_times(is_all_day: bool, start: datetime.datetime, end: datetime.datetime) -> None:
    if end < start:
        raise invalid()
    has_clock = any(moment.time() != datetime.time() for moment in (start, end))
    if is_all_day and (has_clock or end == start):
        raise invalid()


def check_one_zone(given: Members) -> None:
    """Both ends of an all-day event, where both are said, are in one zone."""
    names = [
        str(value.get("timeZone") or "UTC")
        for value in (given.get("start"), given.get("end"))
        if isinstance(value, dict)
    ]
    if len(names) == 2 and zone_of(names[0]) != zone_of(names[1]):
        raise invalid()


def with_defaults(given: Members, defaults: Members) -> Members:
    return {**defaults, **{name: value for name, value in given.items() if value is not None}}


def check_recurrence(members: Members, start: datetime.datetime, zone: str) -> Members:
    """Fill in what Outlook fills in; refuse what it refuses. The recurrence, completed."""
    value = members["recurrence"]
    assert isinstance(value, dict)
    pattern, span = dict(value.get("pattern") or {}), dict(value.get("range") or {})
    day = start.date() if members.get("isAllDay") else start.astimezone(zone_of(zone)).date()
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
    kept = {name: value for name, value in members.items() if name not in OUTSIDE}
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


def times_of_new(is_all_day: bool, given: Members) -> Times:
    """Outlook does not insist on times: it takes the present (seen live), for half an hour."""
    if is_all_day:
        check_one_zone(given)
    half_hour = datetime.timedelta(minutes=30)
    start, zone = read_time(given["start"], is_all_day) if given.get("start") else (now(), "UTC")
    end = read_time(given["end"], is_all_day)[0] if given.get("end") else start + half_hour
    check_times(is_all_day, start, end)
    return start, end, zone


class Calendar:
    """A calendar of one person: the default one, which knows the others."""

    def __init__(self, person: Person, name: str = "Calendar") -> None:
        self.person = person
        self.name = name
        self.id = "AAMkAGCAL" + person.oid.replace("-", "") + "AAA="
        self.others: list[Calendar] = []
        self.shared_with: set[str] = set()  # object ids of those who may read and write
        self.change_key = new_key(18)
        self.events: dict[str, Event] = {}
        self.transactions: dict[str, tuple[str, Members]] = {}  # the event's id, and what was sent

    def with_usual_id(self, text: str) -> str:
        """An immutable id as the usual one, with the day of an occurrence behind it."""
        for event in self.events.values():
            if text.startswith(event.immutable):
                return event.id + text[len(event.immutable) :]
        return text

    def add_calendar(self, name: str) -> Calendar:
        other = Calendar(self.person, name)
        other.id = f"AAMkAGCAL{new_key(30)}/+AAA="
        self.others.append(other)
        return other

    def of_id(self, segment: str) -> Calendar:
        text = segment.replace("-", "/").replace("_", "+")
        for calendar in (self, *self.others):
            if calendar.id == text:
                return calendar
        message = "The specified object was not found in the store."
        raise GraphError(404, "ErrorItemNotFound", message)

    def holder(self, segment: str) -> Calendar:
        """Which calendar of the mailbox an event is in; this one, when it is in none."""
        for calendar in self.others:
            try:
                calendar.find(segment)
            except GraphError:
                continue
            return calendar
        return self

    def owner(self) -> Members:
        return {"name": self.person.name, "address": self.person.address}

    def as_json(self) -> Members:
        return {
            "id": self.id,
            "name": self.name,
            "color": "auto",
            "hexColor": "",
            "groupClassId": "0006f0b7-0000-0000-c000-000000000046",
            "isDefaultCalendar": self.name == "Calendar",
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

    def repeated(self, transaction: str, given: Members) -> Event | None:
        """The event that a transactionId has made already; it makes no other one."""
        key, first = self.transactions.get(transaction, ("", {}))
        known = self.events.get(key)
        if known and first != given:
            text = "The transactionId was used to create another calendar item."
            raise GraphError(400, "ErrorDuplicateTransactionId", text)
        return known

    def add(self, given: Members) -> tuple[Event, bool]:
        """Create; a transactionId that was used yields the first event, and False."""
        transaction = str(given.get("transactionId") or "")
        known = self.repeated(transaction, given) if transaction else None
        if known:
            return known, False
        members = {**DEFAULTS, **tidy(given)}
        event = Event(members, *times_of_new(bool(members["isAllDay"]), given))
        if members.get("recurrence"):
            members["recurrence"] = check_recurrence(members, event.start, event.zone)
            event.kind = "seriesMaster"
        event.members = online.settle(members, {}, given)
        event.extras.take(given)
        self.events[event.id] = event
        if transaction:
            self.transactions[transaction] = event.id, given
        return event, True

    def find(self, segment: str) -> Event:
        """By the id in a path, of either alphabet; the ids made here hold no '-' and no '_'."""
        text = segment.replace("-", "/").replace("_", "+")
        if text.startswith("AAkA"):
            text = self.with_usual_id(text)
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
        if len(text) < 16 or not text.startswith(("AAMk", "AAkA")):
            raise GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        message = "The specified object was not found in the store."
        raise GraphError(404, "ErrorItemNotFound", message)

    def day_of(self, event: Event) -> tuple[Event, datetime.date]:
        assert event.master is not None
        day = datetime.datetime.strptime(event.id[-8:], "%Y%m%d").date()
        return self.events[event.master], day

    @staticmethod
    def check_zones(event: Event, given: Members) -> None:
        """A change names its zones, and moves no series into another."""
        for name in ("start", "end"):
            moment = given.get(name)
            if not isinstance(moment, dict):
                continue
            zone = zone_of(str(moment.get("timeZone") or ""))
            if event.recurrence and "recurrence" not in given and zone != zone_of(event.zone):
                raise invalid()

    def new_times(self, event: Event, members: Members, given: Members) -> Times:
        """The times that a request leaves an event with: those it names, and else its own."""
        is_all_day = bool(members.get("isAllDay"))
        if is_all_day:
            check_one_zone(given)
        (start, end), zone = event.as_kept(is_all_day), event.zone
        if given.get("start"):
            start, zone = read_time(given["start"], is_all_day)
        if given.get("end"):
            end = read_time(given["end"], is_all_day)[0]
        check_times(is_all_day, start, end)
        return start, end, zone

    def check_neighbours(self, event: Event, times: Times) -> None:
        """An occurrence stays between the ones before and after it."""
        master, day = self.day_of(event)
        zone = zone_of(master.zone)
        before = after = None
        for other in master.days_until(day + recur.LONGEST * ONE_DAY):
            if other > day:
                after = master.occurrence(other).moments(zone)[0]
                break
            if other < day:
                before = master.occurrence(other).moments(zone)[1]
        moved = Event(event.members, *times)
        start, end = moved.moments(zone)
        if (before and start < before) or (after and end > after):
            text = "Modified occurrence is crossing or overlapping adjacent occurrence."
            raise GraphError(400, "ErrorOccurrenceCrossingBoundary", text)

    def change(self, event: Event, given: Members) -> Event:
        """PATCH: what is given replaces, all or nothing."""
        wanted = {name: value for name, value in given.items() if name != "transactionId"}
        self.check_zones(event, wanted)
        members = online.settle({**event.members, **tidy(wanted)}, event.members, wanted)
        times = self.new_times(event, members, wanted)
        if wanted.get("start") and "recurrence" not in wanted and event.recurrence:
            moved = {**event.recurrence["range"], "startDate": None}
            members["recurrence"] = {**event.recurrence, "range": moved}
        if members.get("recurrence"):
            if event.kind in ("occurrence", "exception"):
                raise invalid()
            members["recurrence"] = check_recurrence(members, times[0], times[2])
        if event.master is None:
            event.kind = "seriesMaster" if members.get("recurrence") else "singleInstance"
        else:
            if wanted.get("start") or wanted.get("end"):
                self.check_neighbours(replace(event, members=members), times)
            event.kind = "exception"
            master, day = self.day_of(event)
            master.changed[day] = event
        event.extras.take(wanted)
        event.members = members
        event.start, event.end, event.zone = times
        event.touch()
        return event

    def remove(self, event: Event) -> None:
        if event.master is None:
            del self.events[event.id]
            return
        master, day = self.day_of(event)
        master.changed.pop(day, None)
        master.cancelled.add(day)

    def view(self, window: Window, zone: datetime.tzinfo) -> list[Event]:
        found = [item for event in self.events.values() for item in event.in_window(window, zone)]
        return sorted(found, key=lambda item: item.moments(zone)[0])

    def original_start(self, event: Event) -> Members:
        """Only what belongs to a series has one: the moment at which the series sets it."""
        if event.master is None:
            return {}
        master, day = self.day_of(event)
        moment = master.first_moment(day)
        if master.is_all_day:
            moment = moment.replace(tzinfo=zone_of(master.zone)).astimezone(zones.UTC)
        return {"originalStart": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}

    @staticmethod
    def cancelled_occurrences(event: Event) -> list[str]:
        """What was deleted of a series, by occurrenceId."""
        return [f"OID.{event.id}.{day}" for day in sorted(event.cancelled)]

    def shown_ids(self, event: Event, is_immutable: bool) -> Members:
        """Its id, and that of its series, of the kind that is asked for."""
        master = self.events.get(event.master or "")
        if not is_immutable:
            return {"id": event.id, "seriesMasterId": event.master}
        return {"id": event.immutable, "seriesMasterId": master.immutable if master else None}

    def render(
        self, event: Event, zone_name: str, wants_text: bool, is_immutable: bool = False
    ) -> Members:
        """An event as Graph shows it, times in a zone."""
        zone = zone_of(zone_name)
        members = copy.copy(event.members)
        location = members.pop("location", None) or {"displayName": ""}
        body = members.pop("body", None)
        own: Members = {
            "@odata.etag": f'W/"{event.change_key}"',
            **self.shown_ids(event, is_immutable),
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
            "type": event.kind,
            "webLink": "https://outlook.office365.com/owa/?itemid=" + event.id,
            "onlineMeetingUrl": None,
            "onlineMeeting": None,
            "bodyPreview": preview(body),
            "responseStatus": {"response": "organizer", "time": NO_TIME},
            "organizer": {"emailAddress": self.owner()},
            **self.original_start(event),
        }
        own |= members
        clock = zones.UTC if event.is_all_day else zone
        own |= {
            "body": shown_body(body, wants_text),
            "start": {"dateTime": zones.show_local(event.start, clock), "timeZone": zone_name},
            "end": {"dateTime": zones.show_local(event.end, clock), "timeZone": zone_name},
            "location": {"locationType": "default", **location},  # type: ignore[dict-item]
        }
        return own
