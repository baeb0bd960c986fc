# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Changes of a calendar's view since the last look, in pages. Source: Microsoft Graph, "event: delta".
"""

from __future__ import annotations

import secrets

import odata
from events import Members, zone_of
from graph import BELOW, NEEDS, READ, ROUTES, Ask, Graph, reply, unknown_segment, window_of
from schema import GraphError
from state import Look
from wire import Response

PAGE = 10
REFUSED = {"$filter", "$select", "$orderby", "$expand", "$search"}


def below_view(rest: list[str], names: list[str]) -> Ask:
    if len(rest) == 1:
        return Ask("calendarview")
    if len(rest) > 2 or names[1] != "delta":
        raise unknown_segment(rest[1])
    return Ask("viewdelta")


def begin(graph: Graph, query: dict[str, str]) -> Look:
    if REFUSED & {name.lower() for name in query}:
        raise odata.bad_uri("This query option is not supported by a change tracking call.")
    return Look(window_of(graph.request.query))


def follow(graph: Graph, query: dict[str, str]) -> Look:
    look = graph.world.looks.get(query.get("$skiptoken") or query.get("$deltatoken", ""))
    if look is None:
        raise GraphError(410, "SyncStateNotFound", "The sync state generation is not found.")
    return look


def changes(graph: Graph, look: Look) -> list[Members]:
    """What is new or other than the client knows it, and what is gone."""
    found = {str(row["id"]): row for row in map(
        graph.render, graph.calendar.view(look.window, zone_of(graph.prefer.zone)))}
    told = [row for key, row in found.items() if look.known.get(key) != row["@odata.etag"]]
    gone: list[Members] = [{"id": key, "@removed": {"reason": "deleted"}}
                           for key in look.known if key not in found]
    look.known = {key: row["@odata.etag"] for key, row in found.items()}
    return told + gone


def get_delta(graph: Graph, ask: Ask) -> Response:
    query = {name.lower(): value for name, value in graph.request.query}
    is_more = "$skiptoken" in query
    look = follow(graph, query) if is_more or "$deltatoken" in query else begin(graph, query)
    if not is_more:
        look.left = changes(graph, look)
    size = graph.prefer.page or PAGE
    page, look.left = look.left[:size], look.left[size:]
    token = secrets.token_urlsafe(30)
    graph.world.looks[token] = look
    here = graph.world.base + graph.request.raw_path
    link = {"@odata.nextLink": f"{here}?$skiptoken={token}"} if look.left else {
        "@odata.deltaLink": f"{here}?$deltatoken={token}"}
    return reply(200, {"@odata.context": graph.context("calendarView"), "value": page, **link})


BELOW["calendarview"] = below_view
ROUTES["viewdelta"] = {"GET": get_delta}
NEEDS["GET viewdelta"] = READ
