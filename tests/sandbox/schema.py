# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What Graph takes as an event, and how it says no.

A specification is the name of an Edm type, a tuple of words (an enumeration), a list with one
specification (a collection), or a dictionary (a complex type). Unknown members and wrong types are
refused by Graph's reader before Outlook sees the event; values that make no sense, by Outlook.
Source: Microsoft Graph v1.0, event resource type.
"""

from __future__ import annotations

import datetime
import json

import zones
from recur import DAYS, INDEXES

Spec = str | tuple[str, ...] | list[object] | dict[str, object]

ZONED: Spec = {"dateTime": "Edm.String", "timeZone": "Edm.String"}
ADDRESS: Spec = {"name": "Edm.String", "address": "Edm.String"}
RESPONSES = ("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded")
STATUS: Spec = {"response": RESPONSES, "time": "Edm.DateTimeOffset"}
POSTAL: Spec = {
    name: "Edm.String" for name in ("street", "city", "state", "countryOrRegion", "postalCode")
}
LOCATION: Spec = {
    "displayName": "Edm.String",
    "locationType": (
        "default", "conferenceRoom", "homeAddress", "businessAddress", "geoCoordinates",
        "streetAddress", "hotel", "restaurant", "localBusiness", "postalAddress",
    ),
    "locationUri": "Edm.String",
    "locationEmailAddress": "Edm.String",
    "uniqueId": "Edm.String",
    "uniqueIdType": ("unknown", "locationStore", "directory", "private", "bing"),
    "address": POSTAL,
    "coordinates": {"latitude": "Edm.Double", "longitude": "Edm.Double"},
}  # fmt: skip
RECURRENCE: Spec = {
    "pattern": {
        "type": (
            "daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly",
            "relativeYearly",
        ),
        "interval": "Edm.Int32",
        "month": "Edm.Int32",
        "dayOfMonth": "Edm.Int32",
        "daysOfWeek": [DAYS],
        "firstDayOfWeek": DAYS,
        "index": INDEXES,
    },
    "range": {
        "type": ("endDate", "noEnd", "numbered"),
        "startDate": "Edm.Date",
        "endDate": "Edm.Date",
        "recurrenceTimeZone": "Edm.String",
        "numberOfOccurrences": "Edm.Int32",
    },
}  # fmt: skip
WRITABLE: dict[str, Spec] = {
    "subject": "Edm.String",
    "body": {"contentType": ("text", "html"), "content": "Edm.String"},
    "start": ZONED,
    "end": ZONED,
    "isAllDay": "Edm.Boolean",
    "location": LOCATION,
    "locations": [LOCATION],
    "attendees": [
        {
            "type": ("required", "optional", "resource"),
            "emailAddress": ADDRESS,
            "status": STATUS,
            "proposedNewTime": {"start": ZONED, "end": ZONED},
        }
    ],
    "organizer": {"emailAddress": ADDRESS},
    "importance": ("low", "normal", "high"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "categories": ["Edm.String"],
    "isReminderOn": "Edm.Boolean",
    "reminderMinutesBeforeStart": "Edm.Int32",
    "responseRequested": "Edm.Boolean",
    "allowNewTimeProposals": "Edm.Boolean",
    "hideAttendees": "Edm.Boolean",
    "recurrence": RECURRENCE,
    "isOnlineMeeting": "Edm.Boolean",
    "onlineMeetingProvider": (
        "unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness",
    ),
    "transactionId": "Edm.String",
    "singleValueExtendedProperties": [{"id": "Edm.String", "value": "Edm.String"}],
    "multiValueExtendedProperties": [{"id": "Edm.String", "value": ["Edm.String"]}],
    "extensions": ["open"],
}  # fmt: skip
# Known, and what a caller says of them changes nothing.
READ_ONLY = (
    "id", "iCalUId", "changeKey", "createdDateTime", "lastModifiedDateTime", "bodyPreview",
    "isOrganizer", "isCancelled", "isDraft", "hasAttachments", "responseStatus", "type", "webLink",
    "seriesMasterId", "originalStart", "originalStartTimeZone", "originalEndTimeZone",
    "cancelledOccurrences", "onlineMeeting", "onlineMeetingUrl",
)  # fmt: skip
PROPERTIES = frozenset([*WRITABLE, *READ_ONLY])


class GraphError(Exception):
    """A refusal in Graph's words."""

    def __init__(
        self, status: int, code: str, message: str, headers: list[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or []


def unreadable(message: str) -> GraphError:
    return GraphError(400, "RequestBodyRead", message)


def invalid(message: str = "At least one property failed validation.") -> GraphError:
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]


def is_instant(value: object) -> bool:
    try:
        zones.parse_instant(str(value))
    except ValueError:
        return False
    return True


def is_date(value: object) -> bool:
    try:
        datetime.date.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def is_edm(value: object, kind: str) -> bool:
    if kind == "Edm.Boolean":
        return isinstance(value, bool)
    if kind == "Edm.Int32":
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and -(2**31) <= value < 2**31  # type: ignore[operator]
    if kind == "Edm.Double":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "Edm.DateTimeOffset":
        return isinstance(value, str) and is_instant(value)
    return is_date(value) if kind == "Edm.Date" else isinstance(value, str)


def check(value: object, spec: object, kind: str) -> None:
    """Refuse what Graph's reader refuses. `kind`: what the value stands for, for the message."""
    if value is None and isinstance(spec, list):
        text = f"{kind}: were unable to deserialize null as a collection."
        raise GraphError(400, "UnableToDeserializePostBody", text)
    if value is None or spec == "open":
        return
    if isinstance(spec, str):
        if not is_edm(value, spec):
            raise unreadable(f"Cannot convert the literal '{literal(value)}' to the expected type "
                             f"'{spec}'.")  # fmt: skip
    elif isinstance(spec, tuple):
        if not isinstance(value, str) or value.lower() not in [word.lower() for word in spec]:
            raise unreadable(f"Requested value '{value}' was not found.")
    elif isinstance(spec, list):
        if not isinstance(value, list):
            raise unreadable(f"Expected a collection for '{kind}', found {literal(value)}.")
        for item in value:
            check(item, spec[0], kind)
    elif isinstance(spec, dict):
        check_members(value, spec, kind)


def check_members(value: object, spec: dict[str, object], kind: str) -> None:
    if not isinstance(value, dict):
        raise unreadable(f"Expected an object for '{kind}', found {literal(value)}.")
    for name, member in value.items():
        if "@odata." in name:
            continue
        if name not in spec:
            raise unreadable(
                f"The property '{name}' does not exist on type 'microsoft.graph.{kind}'. Make sure "
                "to only use property names that are defined by the type or mark the type as open "
                "type."
            )
        check(member, spec[name], name)


def read_object(
    body: bytes, kind: str, writable: dict[str, Spec], read_only: tuple[str, ...]
) -> dict[str, object]:
    """An object of a request: the writable members, types checked, the others left out."""
    if not body.strip():
        raise GraphError(400, "BadRequest", "Empty Payload. JSON content expected.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as bad:
        text = "Unable to read JSON request payload. Please ensure Content-Type header is set and "
        text += "payload is of valid JSON format."
        raise GraphError(400, "BadRequest", text) from bad
    if not isinstance(value, dict):
        raise GraphError(400, "UnableToDeserializePostBody", "were unable to deserialize ")
    known: dict[str, object] = {name: "any" for name in read_only}
    checked = {name: None if name in known else item for name, item in value.items()}
    check_members(checked, known | writable, kind)
    return {name: member for name, member in value.items() if name in writable}


def read_event(body: bytes) -> dict[str, object]:
    """An event of a request."""
    return read_object(body, "event", WRITABLE, READ_ONLY)
