# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The question of a mail server, whose mailbox an access token opens, for IMAP or for SMTP.

Google's token opens both with the scope of mail. Microsoft's must be of the resource Outlook, and of
the protocol's own scope; one for Graph opens neither, however its scopes are spelt. A team's mailbox
opens for its members' tokens, and the name that is told for it is the team's.
Source: RFC 7662; Google, "OAuth 2.0 Mechanism"; Microsoft, "Authenticate an IMAP, POP or SMTP
connection using OAuth".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import google
from people import ADA, GRACE
from scopes import OUTLOOK
from wire import Request, Response, json_response, parse_pairs

if TYPE_CHECKING:
    from state import World

HERE = "/mail/introspect/"
NEEDS = {"imap": f"{OUTLOOK}/IMAP.AccessAsUser.All", "smtp": f"{OUTLOOK}/SMTP.Send"}
TEAM = "team@sandbox.example"
MEMBERS = (ADA, GRACE)


def is_asked(path: str) -> bool:
    return path.removeprefix(HERE) in NEEDS and path.startswith(HERE)


def opened(world: World, protocol: str, text: str) -> tuple[str, str] | None:
    """The address and the id of the token's person, when it opens a mailbox."""
    ours = world.access_tokens.get(text)
    theirs = world.google.access_tokens.get(text)
    if ours is not None:
        is_good = (
            ours.resource == OUTLOOK
            and NEEDS[protocol] in ours.scopes
            and not ours.is_revoked
            and ours.ends_at > time.time()
        )
        return (ours.person.address, ours.person.oid) if is_good else None
    if theirs is None or google.MAIL not in theirs.scopes or theirs.ends_at <= time.time():
        return None
    return theirs.person.address, theirs.person.oid


def handle(world: World, request: Request) -> Response:
    if request.method != "POST":
        return json_response({"error": "invalid_request"}, 405, [("Allow", "POST")])
    text = dict(parse_pairs(request.body.decode("latin-1"))).get("token", "")
    world.secrets.see("access_token", text)
    found = opened(world, request.path.removeprefix(HERE), text)
    if found is None:
        return json_response({"active": False})
    address, oid = found
    request.notes["person"] = address
    return json_response(
        {"active": True, "username": address, "team": TEAM if oid in MEMBERS else "none"}
    )
