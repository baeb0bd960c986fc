# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Which days a recurrence falls on.

A day is looked at by itself, so that every pattern is one small predicate; the walk from the first
day is bounded. Source: Microsoft Graph, recurrencePattern and recurrenceRange.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterator

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = ("first", "second", "third", "fourth", "last")
LONGEST = 366 * 30  # days
WEEK = datetime.timedelta(days=7)
ONE = datetime.timedelta(days=1)

Pattern = dict[str, object]


def whole(value: object, fallback: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else fallback


def weekdays(pattern: Pattern) -> list[int]:
    names = pattern.get("daysOfWeek")
    return [DAYS.index(str(name).lower()) for name in names] if isinstance(names, list) else []


def months_between(first: datetime.date, day: datetime.date) -> int:
    return (day.year - first.year) * 12 + day.month - first.month


def is_nth_weekday(pattern: Pattern, day: datetime.date) -> bool:
    if day.weekday() not in weekdays(pattern):
        return False
    index = str(pattern.get("index", "first"))
    if index == "last":
        return (day + WEEK).month != day.month
    return (day.day - 1) // 7 == INDEXES.index(index)


def is_month_day(pattern: Pattern, day: datetime.date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day == min(whole(pattern.get("dayOfMonth"), 1), last)


def falls_on(pattern: Pattern, first: datetime.date, day: datetime.date) -> bool:
    """Whether a day on or after the first one belongs to the pattern."""
    kind = str(pattern.get("type"))
    interval = max(1, whole(pattern.get("interval"), 1))
    if kind == "daily":
        return (day - first).days % interval == 0
    if kind == "weekly":
        begin = DAYS.index(str(pattern.get("firstDayOfWeek", "sunday")).lower())
        week_of_first = first - datetime.timedelta(days=(first.weekday() - begin) % 7)
        weeks = (day - week_of_first).days // 7
        return weeks % interval == 0 and day.weekday() in weekdays(pattern)
    if kind.endswith("Yearly"):
        is_month = day.month == (whole(pattern.get("month"), 0) or first.month)
        is_turn = is_month and (day.year - first.year) % interval == 0
    else:
        is_turn = months_between(first, day) % interval == 0
    if not is_turn:
        return False
    return is_nth_weekday(pattern, day) if kind.startswith("rel") else is_month_day(pattern, day)


def days(recurrence: dict[str, dict[str, object]], until: datetime.date) -> Iterator[datetime.date]:
    """The days of a series, in order, up to and including a day."""
    pattern, span = recurrence["pattern"], recurrence["range"]
    first = datetime.date.fromisoformat(str(span["startDate"]))
    if span["type"] == "endDate":
        until = min(until, datetime.date.fromisoformat(str(span["endDate"])))
    left = LONGEST
    if span["type"] == "numbered":
        left = whole(span.get("numberOfOccurrences"), LONGEST)
    day = first
    for _ in range(LONGEST):
        if day > until or left <= 0:
            return
        if falls_on(pattern, first, day):
            left -= 1
            yield day
        day += ONE
