# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Microsoft 365 groups and their calendars: who may, and each refusal.

A group's events are for delegated permissions of members with a work account alone: Graph takes
no application permission here. Only a unified (Microsoft 365) group has a calendar. Source:
Microsoft Graph v1.0, group, "Create event" and "List events" of a group, "Permissions reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from events import Calendar
from people import ADA, APPLICATION, DOMAIN, GRACE, TENANT, Person
from schema import GraphError
from scopes import short_name

READ = ("Group.Read.All", "Group.ReadWrite.All")
WRITE = ("Group.ReadWrite.All",)
CLUB = "d5d5d5d5-1843-4a11-8a11-000000001843"
BOARD = "d6d6d6d6-1871-4b22-8b22-000000001871"
LOCKERS = "d7d7d7d7-1890-4c33-8c33-000000001890"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PATH = re.compile(r"/v1\.0/groups/([^/]+)/", re.IGNORECASE)


@dataclass
class Group:
    """`mailbox`: the group as the owner of its calendar; `is_unified`: it has one."""

    mailbox: Person
    members: set[str]  # object ids
    is_unified: bool
    calendar: Calendar


def group(oid: str, name: str, members: Iterable[str], is_unified: bool = True) -> Group:
    address = f"{name.lower().replace(' ', '-')}@{DOMAIN}"
    mailbox = Person(address, name, "(group)", oid, "")
    return Group(mailbox, set(members), is_unified, Calendar(mailbox))


def begin() -> dict[str, Group]:
    """The groups of a fresh start, by id."""
    made = (
        group(CLUB, "Engine club", (ADA, GRACE)),
        group(BOARD, "Board", (GRACE,)),
        group(LOCKERS, "Lockers", (ADA,), is_unified=False),
    )
    return {one.mailbox.oid: one for one in made}


def named_in(groups: dict[str, Group], path: str) -> Group | None:
    """The group whose mailbox a path is in."""
    found = PATH.match(path)
    return groups.get(found.group(1).lower()) if found else None


def denied() -> GraphError:
    message = "Access is denied. Check credentials and try again."
    return GraphError(403, "ErrorAccessDenied", message)


def opened(
    groups: dict[str, Group], name: str, person: Person, scopes: Iterable[str], method: str
) -> Group:
    """The group of a path, when a token may do this there."""
    if not GUID.fullmatch(name):
        raise GraphError(400, "Request_BadRequest", f"Invalid object identifier '{name}'.")
    needed = READ if method == "GET" else WRITE
    if person is APPLICATION or person.tenant != TENANT:
        raise denied()
    if not {short_name(scope) for scope in scopes} & set(needed):
        raise denied()
    found = groups.get(name.lower())
    if found is None or not found.is_unified:
        raise GraphError(404, "ErrorInvalidGroup", f"The requested group '{name}' is invalid.")
    if person.oid not in found.members:
        raise denied()
    return found
