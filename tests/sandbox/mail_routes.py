# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Graph's routes of mail: lists, one message, drafts, replies.

Source: Microsoft Graph v1.0, "List messages" (with its rule for $filter and $orderby together),
"Create message", "Update message", "message: createReply", "message: createReplyAll".
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import odata
from extras import SINGLE
from graph import (
    BELOW, BODY_LIMIT, JSON_TYPE, NEEDS, ROUTES, Ask, Graph, applied, collection_pieces, reply,
    unknown_segment,
)  # fmt: skip
from mail import FOLDERS, PROPERTIES, RARE, Mailbox, Message, read_message
from schema import GraphError
from state import World
from wire import Pairs, Response

MESSAGE = odata.Kind("message", PROPERTIES)
READ = ("Mail.Read", "Mail.ReadWrite")
WRITE = ("Mail.ReadWrite",)
REPLIES = ("createreply", "createreplyall")
EXTENDED = re.compile(
    rf"{SINGLE}/Any\(ep:\s*ep/id eq '((?:[^']|'')+)' and ep/value eq '((?:[^']|'')*)'\)\Z", re.I
)


def below_messages(rest: list[str], names: list[str]) -> Ask:
    """What is meant by the segments from messages on."""
    if len(rest) == 1:
        return Ask("messages")
    if len(rest) == 2:
        return Ask("message", rest[1])
    if len(rest) == 3 and names[2] in REPLIES:
        return Ask(names[2], rest[1])
    raise unknown_segment(rest[2])


def below_folders(rest: list[str], names: list[str]) -> Ask:
    if len(rest) == 3 and names[1] in FOLDERS and names[2] == "messages":
        return Ask("foldermessages", name=names[1])
    raise unknown_segment(rest[-1])


def mailbox_of(graph: Graph) -> Mailbox:
    world: World = graph.world
    found = world.mailboxes.get(graph.person.oid)
    if found is None:
        raise GraphError(404, "ErrorInvalidUser", "There is no mailbox of this name.")
    return found


def rendered(graph: Graph, message: Message) -> odata.Row:
    prefer = graph.prefer
    return mailbox_of(graph).render(message, prefer.wants_text, prefer.is_immutable)


def shown(options: odata.Options, row: odata.Row) -> odata.Row:
    if options.select:
        chosen = odata.select(options, row)
        kind = {"@odata.type": row["@odata.type"]} if "@odata.type" in row else {}
        return kind | chosen
    return {name: value for name, value in row.items() if name not in RARE}


def check_order(options: odata.Options) -> None:
    """What a list is ordered by stands first in its filter, in the same order."""
    if not options.filter or not options.orderby:
        return
    paths = re.findall(r"(?:\A|\band\b)\s*([A-Za-z/]+)\s+(?:eq|ne|ge|gt|le|lt)\b", options.filter)
    if [path for path, _ in options.orderby] != paths[: len(options.orderby)]:
        text = "The restriction or sort order is too complex for this operation."
        raise GraphError(400, "InefficientFilter", text)


def filtered(options: odata.Options, messages: list[Message]) -> list[Message]:
    """Those that have an extended property, when the filter asks for one."""
    match = EXTENDED.match(options.filter.strip())
    if match is None:
        return messages
    options.filter = ""
    wanted, value = match[1].replace("''", "'"), match[2].replace("''", "'")
    return [one for one in messages if one.extras.properties[SINGLE].get(wanted) == value]


def get_messages(graph: Graph, ask: Ask) -> Response:
    pairs = graph.request.query
    options = odata.parse(pairs, graph.world.settings.page_limit, MESSAGE)
    check_order(options)
    found = [
        one
        for one in reversed(mailbox_of(graph).messages.values())
        if not ask.name or one.folder == ask.name
    ]
    rows = [rendered(graph, one) for one in filtered(options, found)]
    rows = odata.apply(options, rows)
    tail: odata.Row = {"@odata.count": len(rows)} if options.wants_count else {}
    reached = options.skip + options.top
    if reached < len(rows):
        here = graph.world.base + graph.request.raw_path
        tail["@odata.nextLink"] = odata.next_link(
            here, pairs, reached, graph.world.settings.paging
        )
    page = [shown(options, row) for row in rows[options.skip : reached]]
    own = [("Content-Type", JSON_TYPE), ("OData-Version", "4.0"), *applied(graph.prefer)]
    body = collection_pieces(graph.context("messages"), page, tail)
    return Response(200, own, body, can_zip=True)


def one(graph: Graph, message: Message, status: int, headers: Pairs) -> Response:
    options = odata.parse(graph.request.query, graph.world.settings.page_limit, MESSAGE)
    row = shown(options, rendered(graph, message))
    body = {"@odata.context": graph.context("messages/$entity"), **row}
    return reply(status, body, [*headers, *applied(graph.prefer)])


def read_json(graph: Graph) -> bytes:
    if len(graph.request.body) > BODY_LIMIT:
        raise GraphError(413, "RequestEntityTooLarge", "The maximum request length supported is 4MB.")
    if graph.request.body and graph.request.media_type != "application/json":
        text = f"The content type '{graph.request.media_type}' is not taken."
        raise GraphError(415, "UnsupportedMediaType", text)
    return graph.request.body


def post_message(graph: Graph, ask: Ask) -> Response:
    message = mailbox_of(graph).add(read_message(read_json(graph)), ask.name or "drafts", True)
    place = f"{graph.world.base}/v1.0/users('{graph.person.oid}')/messages('{quote(message.id)}')"
    return one(graph, message, 201, [("Location", place)])


def get_message(graph: Graph, ask: Ask) -> Response:
    return one(graph, mailbox_of(graph).find(ask.id), 200, [])


def patch_message(graph: Graph, ask: Ask) -> Response:
    given = read_message(read_json(graph))
    message = mailbox_of(graph).find(ask.id)
    wanted = graph.request.header("if-match")
    if wanted and wanted not in ("*", f'W/"{message.change_key}"'):
        text = "The send or update operation could not be performed because the change key "
        raise GraphError(412, "ErrorIrresolvableConflict", f"{text}passed does not match.")
    return one(graph, mailbox_of(graph).change(message, given), 200, [])


def delete_message(graph: Graph, ask: Ask) -> Response:
    del mailbox_of(graph).messages[mailbox_of(graph).find(ask.id).id]
    return Response(204, [], b"")


def post_reply(graph: Graph, ask: Ask) -> Response:
    body = read_json(graph)
    given = json.loads(body) if body.strip() else {}
    if not isinstance(given, dict) or set(given) - {"comment", "message"}:
        raise GraphError(400, "BadRequest", "Only comment and message are taken.")
    message = read_message(json.dumps(given.get("message", {})).encode())
    if "comment" in given and "body" in message:
        text = "Specifying both comment and message body is not allowed."
        raise GraphError(400, "ErrorInvalidRequest", text)
    original = mailbox_of(graph).find(ask.id)
    draft = mailbox_of(graph).reply(original, ask.kind == "createreplyall", message)
    return one(graph, draft, 201, [])


BELOW["messages"] = below_messages
BELOW["mailfolders"] = below_folders
ROUTES |= {
    "messages": {"GET": get_messages, "POST": post_message},
    "foldermessages": {"GET": get_messages, "POST": post_message},
    "message": {"GET": get_message, "PATCH": patch_message, "DELETE": delete_message},
    **{name: {"POST": post_reply} for name in REPLIES},
}
for kind in ("messages", "foldermessages", "message", *REPLIES):
    NEEDS |= {f"{verb} {kind}": READ if verb == "GET" else WRITE for verb in ROUTES[kind]}
