# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Scopes: which there are, to which resource each belongs, and how they are spelt.

An access token is for one resource; the OpenID scopes go with any. A bare name means Graph, also
for the mail protocols' scopes, whose tokens IMAP and SMTP then refuse. Source: Microsoft, "Scopes
and permissions in the Microsoft identity platform".
"""

from __future__ import annotations

from collections.abc import Iterable

from aadsts import EntraError

OPENID = ("openid", "profile", "email", "offline_access")
GRAPH = "https://graph.microsoft.com"
# Where Graph stands in each cloud; inside the sandbox its scopes are spelt as the global one's.
GRAPHS = {
    "global": GRAPH,
    "us-gov": "https://graph.microsoft.us",
    "us-dod": "https://dod-graph.microsoft.us",
    "china": "https://microsoftgraph.chinacloudapi.cn",
}
OUTLOOK = "https://outlook.office.com"

MAIL_PROTOCOLS = ("IMAP.AccessAsUser.All", "POP.AccessAsUser.All", "SMTP.Send")
GRAPH_NAMES = (
    "User.Read",
    "Calendars.ReadBasic",
    "Calendars.Read",
    "Calendars.ReadWrite",
    "Calendars.Read.Shared",
    "Calendars.ReadWrite.Shared",
    "Mail.ReadBasic",
    "Mail.Read",
    "Mail.ReadWrite",
    "Mail.Send",
    "Mail.Read.Shared",
    "Mail.ReadWrite.Shared",
    "Mail.Send.Shared",
    "MailboxSettings.Read",
    "MailboxSettings.ReadWrite",
    "Files.Read",
    "Files.ReadWrite",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "User.RevokeSessions.All",
    *MAIL_PROTOCOLS,
)
ADMIN_ONLY = frozenset({"Group.Read.All", "Group.ReadWrite.All", "User.RevokeSessions.All"})

# Full spelling by its lower-case form: Entra compares without regard to case.
KNOWN = {f"{GRAPH}/{name}".lower(): f"{GRAPH}/{name}" for name in GRAPH_NAMES}
KNOWN |= {f"{OUTLOOK}/{name}".lower(): f"{OUTLOOK}/{name}" for name in MAIL_PROTOCOLS}
KNOWN |= {f"{root}/.default".lower(): f"{root}/.default" for root in (GRAPH, OUTLOOK)}


def resource_of(scope: str) -> str:
    """The resource of a scope in full spelling; empty for the OpenID ones."""
    return "" if scope in OPENID else scope.rpartition("/")[0]


def short_name(scope: str) -> str:
    return scope.rpartition("/")[2]


def to_graph(lowered: str, base: str, graph: str) -> str:
    """A full scope of this cloud's Graph, or of the sandbox's own, as one of the global Graph; one
    of another cloud's is of a resource that is not known here."""
    for root in (graph, base.lower()):
        if lowered.startswith(root + "/"):
            return GRAPH + lowered[len(root) :]
    for root in GRAPHS.values():
        if lowered.startswith(root + "/"):
            raise EntraError(500011, (root,))
    return lowered


def canonical(word: str, base: str, graph: str = GRAPH) -> str:
    """One word of a request in full spelling; `base` is the root of the sandbox's own Graph,
    `graph` that of the cloud it imitates."""
    lowered = word.lower()
    if lowered in OPENID:
        return lowered
    full = to_graph(lowered, base, graph) if "://" in lowered else f"{GRAPH}/{lowered}".lower()
    if full not in KNOWN:
        raise EntraError(650053, (word,))
    return KNOWN[full]


def parse(text: str, base: str, graph: str = GRAPH) -> frozenset[str]:
    """What a scope parameter asks for."""
    found = frozenset(canonical(word, base, graph) for word in text.split())
    defaults = {scope for scope in found if short_name(scope) == ".default"}
    if defaults and len(found - frozenset(OPENID)) > len(defaults):
        raise EntraError(70011, (text,))
    return found


def resources(scopes: Iterable[str]) -> set[str]:
    return {resource_of(scope) for scope in scopes} - {""}


def one_resource(scopes: frozenset[str], text: str) -> str:
    """The resource of a token request, which can be only one; Graph when none is named."""
    found = resources(scopes)
    if len(found) > 1:
        raise EntraError(28000, (text,))
    return found.pop() if found else GRAPH


def answer_text(scopes: Iterable[str], resource: str, style: str, graph: str = GRAPH) -> str:
    """The scope member of a token answer: the resource's scopes, then the OpenID ones; that a
    refresh token was granted is not said."""
    own = sorted(scope for scope in scopes if resource_of(scope) == resource)
    if style == "short":
        own = [short_name(scope) for scope in own]
    elif resource == GRAPH:
        own = [graph + scope.removeprefix(GRAPH) for scope in own]
    return " ".join([*own, *(name for name in OPENID[:3] if name in scopes)])
