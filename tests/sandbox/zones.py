# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Time zones by the names Outlook takes: Windows names, IANA names, UTC.

Source: Unicode CLDR, windowsZones (the territory 001 column).
"""

from __future__ import annotations

import datetime
import functools
import re
import zoneinfo

UTC = datetime.timezone.utc

WINDOWS = {
    "Dateline Standard Time": "Etc/GMT+12",
    "Hawaiian Standard Time": "Pacific/Honolulu",
    "Alaskan Standard Time": "America/Anchorage",
    "Pacific Standard Time": "America/Los_Angeles",
    "US Mountain Standard Time": "America/Phoenix",
    "Mountain Standard Time": "America/Denver",
    "Central America Standard Time": "America/Guatemala",
    "Central Standard Time": "America/Chicago",
    "Central Standard Time (Mexico)": "America/Mexico_City",
    "Canada Central Standard Time": "America/Regina",
    "SA Pacific Standard Time": "America/Bogota",
    "Eastern Standard Time": "America/New_York",
    "US Eastern Standard Time": "America/Indianapolis",
    "Venezuela Standard Time": "America/Caracas",
    "Atlantic Standard Time": "America/Halifax",
    "SA Western Standard Time": "America/La_Paz",
    "Pacific SA Standard Time": "America/Santiago",
    "Newfoundland Standard Time": "America/St_Johns",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Argentina Standard Time": "America/Buenos_Aires",
    "SA Eastern Standard Time": "America/Cayenne",
    "Greenland Standard Time": "America/Godthab",
    "Azores Standard Time": "Atlantic/Azores",
    "UTC": "UTC",
    "GMT Standard Time": "Europe/London",
    "Greenwich Standard Time": "Atlantic/Reykjavik",
    "Morocco Standard Time": "Africa/Casablanca",
    "W. Europe Standard Time": "Europe/Berlin",
    "Central Europe Standard Time": "Europe/Budapest",
    "Romance Standard Time": "Europe/Paris",
    "Central European Standard Time": "Europe/Warsaw",
    "W. Central Africa Standard Time": "Africa/Lagos",
    "GTB Standard Time": "Europe/Bucharest",
    "Middle East Standard Time": "Asia/Beirut",
    "Egypt Standard Time": "Africa/Cairo",
    "E. Europe Standard Time": "Europe/Chisinau",
    "South Africa Standard Time": "Africa/Johannesburg",
    "FLE Standard Time": "Europe/Kiev",
    "Israel Standard Time": "Asia/Jerusalem",
    "Turkey Standard Time": "Europe/Istanbul",
    "Arabic Standard Time": "Asia/Baghdad",
    "Arab Standard Time": "Asia/Riyadh",
    "Belarus Standard Time": "Europe/Minsk",
    "Russian Standard Time": "Europe/Moscow",
    "E. Africa Standard Time": "Africa/Nairobi",
    "Iran Standard Time": "Asia/Tehran",
    "Arabian Standard Time": "Asia/Dubai",
    "Azerbaijan Standard Time": "Asia/Baku",
    "Afghanistan Standard Time": "Asia/Kabul",
    "Pakistan Standard Time": "Asia/Karachi",
    "India Standard Time": "Asia/Calcutta",
    "Sri Lanka Standard Time": "Asia/Colombo",
    "Nepal Standard Time": "Asia/Katmandu",
    "Bangladesh Standard Time": "Asia/Dhaka",
    "Myanmar Standard Time": "Asia/Rangoon",
    "SE Asia Standard Time": "Asia/Bangkok",
    "China Standard Time": "Asia/Shanghai",
    "Singapore Standard Time": "Asia/Singapore",
    "Taipei Standard Time": "Asia/Taipei",
    "W. Australia Standard Time": "Australia/Perth",
    "Korea Standard Time": "Asia/Seoul",
    "Tokyo Standard Time": "Asia/Tokyo",
    "Cen. Australia Standard Time": "Australia/Adelaide",
    "AUS Central Standard Time": "Australia/Darwin",
    "E. Australia Standard Time": "Australia/Brisbane",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Tasmania Standard Time": "Australia/Hobart",
    "New Zealand Standard Time": "Pacific/Auckland",
    "Fiji Standard Time": "Pacific/Fiji",
    "Tonga Standard Time": "Pacific/Tongatapu",
    "tzone://Microsoft/Utc": "UTC",
}

LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?\Z")
OFFSET = re.compile(r"(.*?)(Z|[+-]\d\d:\d\d)?\Z", re.DOTALL)


@functools.cache
def find(name: str) -> datetime.tzinfo | None:
    """The zone of a name, None for an unknown one."""
    if name.upper() == "UTC":
        return UTC
    try:
        return zoneinfo.ZoneInfo(WINDOWS.get(name, name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def parse_local(text: str) -> datetime.datetime:
    """A date-time without zone, with up to seven decimals; ValueError for anything else."""
    match = LOCAL.match(text)
    if match is None:
        raise ValueError(text)
    day, minutes, seconds, decimals = match.groups()
    micros = (decimals or "0").ljust(6, "0")[:6]
    return datetime.datetime.fromisoformat(
        f"{day}T{minutes or '00:00'}:{seconds or '00'}.{micros}"
    )


def parse_instant(text: str, default: datetime.tzinfo = UTC) -> datetime.datetime:
    """ISO 8601 with an offset, or without one in the default zone; ValueError for anything else."""
    match = OFFSET.match(text)
    assert match is not None
    moment = parse_local(match.group(1))
    offset = match.group(2)
    if not offset:
        return moment.replace(tzinfo=default).astimezone(UTC)
    if offset == "Z":
        return moment.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError(text)
    shift = datetime.timedelta(hours=hours, minutes=minutes)
    zone = datetime.timezone(-shift if offset[0] == "-" else shift)
    return moment.replace(tzinfo=zone).astimezone(UTC)


def show_local(moment: datetime.datetime, zone: datetime.tzinfo) -> str:
    """As Outlook writes it: seven decimals, no offset."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


def show_utc(moment: datetime.datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
