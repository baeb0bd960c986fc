# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Calendars with something in them: coming events for the demo, and very many for the tests."""

from __future__ import annotations

import datetime

import zones
from events import Calendar, Event, Members
from people import PEOPLE
from state import World

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)

# subject, place, hours from now, minutes long
PLAN = (
    ("Design review", "Room Babbage", 2, 60),
    ("Call with the auditors", "", 5, 30),
    ("Lunch with the compiler team", "Canteen", 20, 60),
    ("Release planning", "Room Babbage", 26, 90),
    ("Dentist", "12 Market Street", 46, 45),
    ("Interview: platform engineer", "Room Colossus", 51, 60),
    ("Quarterly numbers", "Room Enigma", 74, 60),
    ("Train to the conference", "Central Station", 98, 150),
    ("Conference: keynote", "Congress hall", 101, 75),
    ("Office hours", "Room Mark I", 146, 60),
    ("Retrospective", "Room Babbage", 172, 60),
)


def shown(moment: datetime.datetime) -> Members:
    return {"dateTime": moment.strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}


def single(subject: str, place: str, start: datetime.datetime, minutes: int) -> Members:
    return {
        "subject": subject,
        "start": shown(start),
        "end": shown(start + datetime.timedelta(minutes=minutes)),
        "location": {"displayName": place},
        "body": {"contentType": "html", "content": f"<p>{subject}</p>"},
        "categories": ["Work"] if place.startswith("Room") else [],
    }


def series(start: datetime.datetime) -> Members:
    """A stand-up every day from yesterday on, thirty times."""
    weekly: Members = {
        "pattern": {"type": "daily", "interval": 1},
        "range": {
            "type": "numbered",
            "startDate": start.date().isoformat(),
            "numberOfOccurrences": 30,
        },
    }
    return {**single("Stand-up", "Room Mark I", start, 15), "recurrence": weekly}


def fill(world: World) -> None:
    """A dozen coming events for each person, the first within hours."""
    hour = datetime.datetime.now(zones.UTC).replace(minute=0, second=0, microsecond=0)
    for number, person in enumerate(PEOPLE):
        calendar = world.calendars[person.oid]
        calendar.add(series(hour - DAY + HOUR * (3 + number)))
        for subject, place, hours, minutes in PLAN:
            calendar.add(single(subject, place, hour + HOUR * (hours + number), minutes))


def bulk(calendar: Calendar, count: int, size: int) -> None:
    """Events at five-minute steps from now, each with a body of so many bytes."""
    begin = datetime.datetime.now(zones.UTC).replace(second=0, microsecond=0)
    step = datetime.timedelta(minutes=5)
    text = "x" * size  # one text, shared by all
    for index in range(count):
        start = begin + step * index
        members: Members = {
            "subject": f"Bulk {index}",
            "body": {"contentType": "html", "content": text},
            "isAllDay": False,
        }
        event = Event(members, start, start + step, "UTC")
        calendar.events[event.id] = event
