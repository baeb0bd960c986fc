# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Google Calendar v3: calendars and events of a person.

Strict where the real one is: scopes (403 insufficientPermissions), unknown parameters and members
(400), times without an offset or zone, an end before the start, both a date and a dateTime, a stale
If-Match (412), an id that is there or was (409), an event that was deleted (410), throttling as a 403.
A list may be short, and a page empty, although more follow.
Source: Google Calendar API v3 reference; "Handle API errors"; "Recurring events".
"""

from __future__ import annotations

import calendar as months
import datetime
import json
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from google import APIS, opaque
from people import Person
from wire import Pairs, Request, Response, json_response

if TYPE_CHECKING:
    from google import Token
    from state import World

BASE = "/calendar/v3"
READS = {APIS + name for name in (
    "calendar", "calendar.readonly", "calendar.events", "calendar.events.readonly")}  # fmt: skip
WRITES = {APIS + "calendar", APIS + "calendar.events"}
LISTS = {APIS + "calendar", APIS + "calendar.readonly"}
ID = re.compile(r"[0-9a-v]{5,1024}\Z")
UTC = datetime.timezone.utc
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST = 366 * 30

LIST_PARAMETERS = {
    "timeMin", "timeMax", "maxResults", "pageToken", "orderBy", "singleEvents", "timeZone",
    "showDeleted", "q", "updatedMin", "iCalUID",
}  # fmt: skip
WRITE_PARAMETERS = {"sendUpdates", "conferenceDataVersion", "maxAttendees", "supportsAttachments"}
MEMBERS = {
    "summary": str, "description": str, "location": str, "start": dict, "end": dict, "id": str,
    "attendees": list, "transparency": str, "visibility": str, "status": str, "reminders": dict,
    "recurrence": list, "extendedProperties": dict, "conferenceData": dict, "colorId": str,
    "guestsCanSeeOtherGuests": bool, "guestsCanModify": bool, "guestsCanInviteOthers": bool,
}  # fmt: skip
WORDS = {
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "status": ("confirmed", "tentative", "cancelled"),
}
READ_ONLY = {
    "kind", "etag", "htmlLink", "created", "updated", "creator", "organizer", "iCalUID", "sequence",
    "eventType", "recurringEventId", "originalStartTime", "hangoutLink",
}  # fmt: skip

Members = dict[str, Any]


class CalendarError(Exception):
    """One of Google's errors: status, reason, message."""

    def __init__(self, status: int, reason: str, message: str, location: str = "") -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.location = status, reason, message, location

    def response(self) -> Response:
        limits = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded")
        domain = "usageLimits" if self.reason in limits else "global"
        error: Members = {"domain": domain, "reason": self.reason, "message": self.message}
        if self.location:
            error |= {"locationType": "parameter", "location": self.location}
        headers: Pairs = []
        if self.status == 401:
            headers = [("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/", '
                        'error="invalid_token"')]
        body = {"error": {"errors": [error], "code": self.status, "message": self.message}}
        return json_response(body, self.status, headers)


def invalid(message: str, reason: str = "invalid") -> CalendarError:
    return CalendarError(400, reason, message)


@dataclass(eq=False)
class GoogleCalendar:
    """One calendar and its events, by id."""

    id: str
    owner: Person
    summary: str
    zone: str = "Europe/Berlin"
    is_primary: bool = False
    events: dict[str, Members] = field(default_factory=dict)
    shared_with: set[str] = field(default_factory=set)  # addresses

    def entry(self, person: Person) -> Members:
        role = "owner" if person == self.owner else "reader"
        entry: Members = {
            "kind": "calendar#calendarListEntry",
            "etag": f'"{abs(hash(self.id)) % 10**16}"',
            "id": self.id,
            "summary": self.summary,
            "timeZone": self.zone,
            "colorId": "14",
            "backgroundColor": "#9fe1e7",
            "accessRole": role,
            "defaultReminders": [{"method": "popup", "minutes": 30}],
        }
        if self.is_primary and person == self.owner:
            entry["primary"] = True
        return entry


def calendars_of(world: World, person: Person) -> dict[str, GoogleCalendar]:
    """Those of a person, the primary one made when it is first looked at."""
    found = world.google.calendars.setdefault(person.address, {})
    if not found:
        primary = GoogleCalendar(person.address, person, person.address, is_primary=True)
        holidays = GoogleCalendar("en.sandbox#holiday@group.v.calendar.google.com", person,
                                  "Holidays in the sandbox", "UTC")
        found |= {primary.id: primary, holidays.id: holidays}
    return found


def find_calendar(world: World, person: Person, name: str) -> GoogleCalendar:
    own = calendars_of(world, person)
    if name == "primary":
        return own[person.address]
    if name in own:
        return own[name]
    for others in world.google.calendars.values():
        if name in others and person.address in others[name].shared_with:
            return others[name]
    raise CalendarError(404, "notFound", "Not Found")


# ---- times ----


def zone_of(name: object) -> datetime.tzinfo:
    try:
        return UTC if name == "UTC" else zoneinfo.ZoneInfo(str(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as bad:
        raise invalid(f"Invalid time zone definition: {name}") from bad


def read_instant(text: str, name: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as bad:
        raise CalendarError(400, "badRequest", "Bad Request", name) from bad
    if moment.tzinfo is None:
        raise CalendarError(400, "badRequest", "Bad Request", name)
    return moment


def read_time(value: object, name: str) -> Members:
    """A start or an end as it is kept; times in the zone that they name."""
    if not isinstance(value, dict) or not set(value) <= {"date", "dateTime", "timeZone"}:
        raise invalid(f"Invalid {name} time.")
    given = {key: text for key, text in value.items() if text is not None}
    if ("date" in given) == ("dateTime" in given):
        raise invalid(f"Invalid {name} time.")
    try:
        if "date" in given:
            datetime.date.fromisoformat(str(given["date"]))
            return {"date": given["date"]}
        moment = datetime.datetime.fromisoformat(str(given["dateTime"]).replace("Z", "+00:00"))
    except ValueError as bad:
        raise invalid(f"Invalid {name} time.") from bad
    zone = given.get("timeZone")
    if moment.tzinfo is None:
        if zone is None:
            raise CalendarError(400, "required", f"Missing time zone definition for {name} time.")
        moment = moment.replace(tzinfo=zone_of(zone))
    local = moment.astimezone(zone_of(zone)) if zone else moment
    kept: Members = {"dateTime": local.isoformat(timespec="seconds").replace("+00:00", "Z")}
    return kept | ({"timeZone": zone} if zone else {})


def instant(when: Members) -> datetime.datetime:
    if "date" in when:
        return datetime.datetime.fromisoformat(when["date"]).replace(tzinfo=UTC)
    return datetime.datetime.fromisoformat(when["dateTime"].replace("Z", "+00:00"))


def shown_time(when: Members, zone: datetime.tzinfo | None) -> Members:
    if "date" in when or zone is None:
        return dict(when)
    text = instant(when).astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**when, "dateTime": text}


def shown(event: Members, zone: datetime.tzinfo | None) -> Members:
    """An event as an answer has it."""
    found = {name: value for name, value in event.items() if not name.startswith("_")}
    for name in ("start", "end", "originalStartTime"):
        if name in found:
            found[name] = shown_time(found[name], zone)
    return found


# ---- events ----


def read_members(body: bytes) -> Members:
    try:
        given = json.loads(body)
    except ValueError as bad:
        raise CalendarError(400, "parseError", "Parse Error") from bad
    if not isinstance(given, dict):
        raise CalendarError(400, "parseError", "Parse Error")
    for name, value in given.items():
        if name in READ_ONLY:
            continue
        if name not in MEMBERS:
            raise invalid(f'Unknown name "{name}": Cannot find field.')
        if value is not None and not isinstance(value, MEMBERS[name]):
            raise invalid(f"Invalid value for: {name}")
        if name in WORDS and value is not None and value not in WORDS[name]:
            raise invalid(f"Invalid value for: {name}")
    return {name: value for name, value in given.items() if name not in READ_ONLY}


def check_attendees(event: Members) -> None:
    for one in event.get("attendees") or []:
        if "@" not in str(one.get("email", "")):
            raise invalid("Invalid attendee email.")
        one.setdefault("responseStatus", "needsAction")


def check_reminders(event: Members) -> None:
    reminders = event.get("reminders") or {}
    if reminders.get("useDefault") and reminders.get("overrides"):
        raise CalendarError(400, "cannotUseDefaultRemindersAndSpecifyOverride",
                            "Cannot specify both default reminders and overrides at the same time.")
    for one in reminders.get("overrides") or []:
        if one.get("method") not in ("popup", "email") or not 0 <= one.get("minutes", -1) <= 40320:
            raise invalid("Invalid reminder.")


def check_properties(event: Members) -> None:
    for kept in (event.get("extendedProperties") or {}).values():
        if any(len(name) > 44 or len(str(value)) > 1024 for name, value in kept.items()):
            raise invalid("Invalid extended property.")


def settle(event: Members, version: str) -> None:
    """What holds of a whole event, new or changed."""
    for name in ("start", "end"):
        if event.get(name) is None:
            raise CalendarError(400, "required", f"Missing {name} time.")
        event[name] = read_time(event[name], name)
    if ("date" in event["start"]) != ("date" in event["end"]):
        raise invalid("Invalid start time.")
    if instant(event["end"]) < instant(event["start"]) or (
        "date" in event["start"] and event["end"] == event["start"]
    ):
        raise CalendarError(400, "timeRangeEmpty", "The specified time range is empty.")
    if event.get("recurrence"):
        if "dateTime" in event["start"] and "timeZone" not in event["start"]:
            raise CalendarError(400, "required", "Missing time zone definition for start time.")
        for line in event["recurrence"]:
            parse_rule(line)
    check_attendees(event)
    check_reminders(event)
    check_properties(event)
    conference = event.get("conferenceData") or {}
    if "createRequest" in conference and version == "1":
        link = f"https://meet.google.com/{opaque('', 10)}"
        event["conferenceData"] = {
            "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
            "entryPoints": [{"entryPointType": "video", "uri": link}],
        }
        event["hangoutLink"] = link
    elif "createRequest" in conference:
        del event["conferenceData"]  # without the version it is not looked at
    stamp(event)


def stamp(event: Members) -> None:
    now = datetime.datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event["updated"] = now
    event["etag"] = f'"{int(event["etag"].strip(chr(34))) + 1}"' if "etag" in event else '"1000"'


def insert(place: GoogleCalendar, person: Person, given: Members, version: str = "0") -> Members:
    if given.get("id") is not None and not ID.match(given["id"]):
        raise invalid("Invalid resource id value.")
    ident = given.get("id") or "".join(f"{byte % 32:x}"[-1] for byte in opaque("", 26).encode())
    if ident in place.events:
        raise CalendarError(409, "duplicate", "The requested identifier already exists.")
    event: Members = {
        "kind": "calendar#event",
        "status": "confirmed",
        **{name: value for name, value in given.items() if value is not None},
        "id": ident,
        "htmlLink": f"https://www.google.com/calendar/event?eid={ident}",
        "created": datetime.datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "creator": {"email": person.address, "self": True},
        "organizer": {"email": place.owner.address, "displayName": place.owner.name,
                      "self": person == place.owner},
        "iCalUID": f"{ident}@google.com",
        "reminders": given.get("reminders") or {"useDefault": True},
        "eventType": "default",
    }
    if event.get("attendees"):
        event["attendees"] = [
            {"email": place.owner.address, "organizer": True, "self": True,
             "responseStatus": "accepted"},
            *event["attendees"],
        ]
    settle(event, version)
    place.events[ident] = event
    return event


def merged(old: Any, new: Any) -> Any:
    """A change: objects are merged, null takes a member away, lists are replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    result = dict(old)
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(old.get(name), value)
    return result


# ---- recurrence ----


def parse_rule(line: str) -> dict[str, str]:
    kind, _, text = str(line).partition(":")
    if kind != "RRULE":
        return {}
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    if parts.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise invalid("Invalid recurrence rule.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise invalid("Invalid recurrence rule.")
    return parts


def in_period(parts: dict[str, str], first: datetime.date, day: datetime.date) -> bool:
    interval = int(parts.get("INTERVAL", "1"))
    if parts["FREQ"] == "DAILY":
        return (day - first).days % interval == 0
    if parts["FREQ"] == "WEEKLY":
        begin = DAYS.index(parts.get("WKST", "MO"))
        week = first - datetime.timedelta(days=(first.weekday() - begin) % 7)
        return (day - week).days // 7 % interval == 0
    if parts["FREQ"] == "MONTHLY":
        return ((day.year - first.year) * 12 + day.month - first.month) % interval == 0
    if day.month != int(parts.get("BYMONTH", str(first.month))):
        return False
    return (day.year - first.year) % interval == 0


def candidates(parts: dict[str, str], first: datetime.date, day: datetime.date) -> list[int]:
    """The days of the day's month that the rule's parts name, before BYSETPOS."""
    last = months.monthrange(day.year, day.month)[1]
    wanted = [word[-2:] for word in parts.get("BYDAY", "").split(",") if word]
    numbers = [int(text) for text in parts.get("BYMONTHDAY", "").split(",") if text]
    if not wanted and not numbers:
        numbers = [first.day]
    found = []
    for number in range(1, last + 1):
        weekday = DAYS[datetime.date(day.year, day.month, number).weekday()]
        if (not wanted or weekday in wanted) and (not numbers or number in numbers):
            found.append(number)
    position = parts.get("BYSETPOS") or (parts.get("BYDAY", "")[:-2] if wanted[:1] else "")
    if position and found:
        place = int(position)
        at = place - 1 if place > 0 else place
        found = [found[at]] if -len(found) <= at < len(found) else []
    return found


def falls_on(parts: dict[str, str], first: datetime.date, day: datetime.date) -> bool:
    if not in_period(parts, first, day):
        return False
    if parts["FREQ"] == "DAILY":
        return True
    if parts["FREQ"] == "WEEKLY":
        return DAYS[day.weekday()] in parts.get("BYDAY", DAYS[first.weekday()]).split(",")
    return day.day in candidates(parts, first, day)


def occurrences(event: Members, until: datetime.datetime) -> Iterator[Members]:
    """The events of a series, in order, that begin before a moment."""
    rules = [parse_rule(line) for line in event.get("recurrence") or []]
    parts = next((rule for rule in rules if rule), None)
    start, end = event["start"], event["end"]
    if parts is None:
        yield event
        return
    zone = zone_of(start.get("timeZone", "UTC"))
    local = instant(start).astimezone(zone)
    length = instant(end) - instant(start)
    first, left = local.date(), int(parts.get("COUNT", LONGEST))
    for step in range(LONGEST):
        day = first + datetime.timedelta(days=step)
        moment = local.replace(year=day.year, month=day.month, day=day.day)
        if moment >= until or left <= 0:
            return
        if step == 0 or falls_on(parts, first, day):  # the start always counts
            left -= 1
            yield one_of(event, moment, length, "date" in start)


def one_of(event: Members, moment: datetime.datetime, length: datetime.timedelta,
           is_day: bool) -> Members:
    if is_day:
        begin: Members = {"date": moment.date().isoformat()}
        finish: Members = {"date": (moment + length).date().isoformat()}
        suffix = moment.strftime("%Y%m%d")
    else:
        zone = event["start"]["timeZone"]
        begin = {"dateTime": moment.isoformat(timespec="seconds"), "timeZone": zone}
        after = (moment.astimezone(UTC) + length).astimezone(zone_of(zone))
        finish = {"dateTime": after.isoformat(timespec="seconds"), "timeZone": zone}
        suffix = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    found = {name: value for name, value in event.items() if name != "recurrence"}
    return {**found, "id": f"{event['id']}_{suffix}", "recurringEventId": event["id"],
            "start": begin, "end": finish, "originalStartTime": begin}


def find_event(place: GoogleCalendar, ident: str) -> Members:
    found = place.events.get(ident)
    if found is not None:
        return found
    master = place.events.get(ident.split("_")[0])
    far = datetime.datetime.now(UTC) + datetime.timedelta(days=LONGEST // 3)
    for one in occurrences(master, far) if master is not None and "_" in ident else ():
        if one["id"] == ident:
            return one
    raise CalendarError(404, "notFound", "Not Found")


# ---- the routes ----


def once(request: Request, known: set[str]) -> dict[str, str]:
    query = dict(request.query)
    for name in query:
        if name not in known:
            raise invalid(f"Unknown parameter: {name}")
    return query


def page_of(items: list[Members], query: dict[str, str], limit: int) -> tuple[list[Members], str]:
    """A page, and the token of the next; shorter than was asked for when the setting says so."""
    asked = query.get("maxResults", "250")
    if not asked.isdigit() or int(asked) < 1:
        raise CalendarError(400, "invalidParameter", f"Invalid value '{asked}'.", "maxResults")
    most = min(int(asked), 2500, limit or 2500)
    token = query.get("pageToken", "CgA0")
    if not token.startswith("CgA") or not token[3:].isdigit():
        raise CalendarError(400, "invalid", "Invalid page token value.", "pageToken")
    at = int(token[3:])
    rest = items[at : at + most]
    return rest, f"CgA{at + most}" if at + most < len(items) else ""


def window(query: dict[str, str], is_single: bool) -> tuple[datetime.datetime, datetime.datetime]:
    begin = datetime.datetime(1900, 1, 1, tzinfo=UTC)
    end = datetime.datetime.now(UTC) + datetime.timedelta(days=730 if is_single else LONGEST)
    if "timeMin" in query:
        begin = read_instant(query["timeMin"], "timeMin")
    if "timeMax" in query:
        end = read_instant(query["timeMax"], "timeMax")
    if begin >= end:
        raise CalendarError(400, "timeRangeEmpty", "The specified time range is empty.", "timeMax")
    return begin, end


def list_events(world: World, place: GoogleCalendar, request: Request,
                series: Members | None = None) -> Response:
    query = once(request, LIST_PARAMETERS)
    is_single = query.get("singleEvents") == "true" or series is not None
    begin, end = window(query, is_single and series is None)
    if query.get("orderBy") == "startTime" and not is_single:
        raise invalid("The requested ordering is not available for the particular query.",
                      "badRequest")
    zone = zone_of(query.get("timeZone", place.zone))
    found = []
    for event in [series] if series is not None else list(place.events.values()):
        for one in occurrences(event, end) if is_single else [event]:
            if instant(one["end"]) > begin and instant(one["start"]) < end:
                found.append(one)
    if query.get("orderBy") == "startTime":
        found.sort(key=lambda one: instant(one["start"]))
    if query.get("showDeleted") != "true":
        found = [one for one in found if one["status"] != "cancelled"]
    page, token = page_of(found, query, world.settings.google_page_limit)
    body: Members = {
        "kind": "calendar#events", "summary": place.summary, "timeZone": place.zone,
        "defaultReminders": [{"method": "popup", "minutes": 30}],
        "items": [shown(one, zone) for one in page],
    }  # fmt: skip
    body |= {"nextPageToken": token} if token else {"nextSyncToken": "CPDAlvWDx70CEPDA"}
    return json_response(body)


def check_match(request: Request, event: Members) -> None:
    wanted = request.header("if-match")
    if wanted and wanted != "*" and event["etag"] not in [one.strip() for one in wanted.split(",")]:
        raise CalendarError(412, "conditionNotMet", "Precondition Failed", "If-Match")


def one_event(world: World, place: GoogleCalendar, request: Request, token: Token,
              ident: str) -> Response:
    event = find_event(place, ident)
    if request.method == "GET":
        query = once(request, {"timeZone", "maxAttendees"})
        if request.header("if-none-match") == event["etag"]:
            return Response(304, [("ETag", event["etag"])], b"")
        zone = zone_of(query["timeZone"]) if "timeZone" in query else None
        return json_response(shown(event, zone), 200, [("ETag", event["etag"])])
    query = once(request, WRITE_PARAMETERS)
    if token.person != place.owner:
        raise CalendarError(403, "requiredAccessLevel", "You need to have writer access.")
    if event["status"] == "cancelled":
        raise CalendarError(410, "deleted", "Resource has been deleted")
    check_match(request, event)
    request.notes["sendUpdates"] = query.get("sendUpdates", "")
    if request.method == "DELETE":
        event["status"] = "cancelled"
        place.events[event["id"]] = event
        stamp(event)
        return Response(204, [], b"")
    changed = merged(event, read_members(request.body))
    if "hangoutLink" in event and "createRequest" in (changed.get("conferenceData") or {}):
        raise invalid("Invalid conference type value.")
    settle(changed, query.get("conferenceDataVersion", "0"))
    place.events[event["id"]] = changed
    return json_response(shown(changed, None), 200, [("ETag", changed["etag"])])


def events(world: World, request: Request, token: Token, rest: list[str]) -> Response:
    place = find_calendar(world, token.person, rest[0])
    if rest[1:] == ["events"] and request.method == "GET":
        return list_events(world, place, request)
    if rest[1:] == ["events"] and request.method == "POST":
        query = once(request, WRITE_PARAMETERS)
        if token.person != place.owner:
            raise CalendarError(403, "requiredAccessLevel", "You need to have writer access.")
        request.notes["sendUpdates"] = query.get("sendUpdates", "")
        event = insert(place, token.person, read_members(request.body),
                       query.get("conferenceDataVersion", "0"))
        return json_response(shown(event, None), 200, [("ETag", event["etag"])])
    if len(rest) == 3 and request.method in ("GET", "PATCH", "DELETE"):
        return one_event(world, place, request, token, rest[2])
    if len(rest) == 4 and rest[3] == "instances" and request.method == "GET":
        return list_events(world, place, request, find_event(place, rest[2]))
    if len(rest) == 1 and request.method == "GET":
        shown_calendar = {"kind": "calendar#calendar", "id": place.id, "summary": place.summary,
                          "timeZone": place.zone, "etag": '"77"'}
        return json_response(shown_calendar)
    raise CalendarError(404, "notFound", "Not Found")


def calendar_list(world: World, request: Request, token: Token, rest: list[str]) -> Response:
    own = calendars_of(world, token.person)
    if not rest:
        query = once(request, {"maxResults", "pageToken", "showHidden", "minAccessRole"})
        limit = world.settings.google_page_limit
        page, following = page_of([one.entry(token.person) for one in own.values()], query, limit)
        body: Members = {"kind": "calendar#calendarList", "items": page}
        return json_response(body | ({"nextPageToken": following} if following else {}))
    return json_response(find_calendar(world, token.person, rest[0]).entry(token.person))


def check_scope(token: Token, wanted: set[str]) -> None:
    if not token.scopes & wanted:
        raise CalendarError(403, "insufficientPermissions",
                            "Request had insufficient authentication scopes.")


def serve(world: World, request: Request) -> Response:
    token = world.google.bearer(request)
    if token is None:
        raise CalendarError(401, "authError", "Invalid Credentials", "Authorization")
    request.notes["person"] = token.person.address
    rest = [unquote(part) for part in request.raw_path.removeprefix(BASE + "/").split("/")]
    if rest[:3] == ["users", "me", "calendarList"] and request.method == "GET":
        check_scope(token, LISTS)
        return calendar_list(world, request, token, rest[3:])
    if rest[0] == "calendars" and len(rest) > 1:
        check_scope(token, READS if request.method == "GET" else WRITES)
        return events(world, request, token, rest[1:])
    raise CalendarError(404, "notFound", "Not Found")


def handle(world: World, request: Request) -> Response:
    try:
        return serve(world, request)
    except CalendarError as error:
        return error.response()
