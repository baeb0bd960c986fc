# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Files of OneDrive as far as upload sessions go: begun at Graph, filled at another host without a
token, in ranges. Source: Microsoft Graph, "driveItem: createUploadSession".
"""

from __future__ import annotations

import re
import secrets
import time

from graph import BELOW, NEEDS, ROUTES, Ask, Graph, reply, unknown_segment
from schema import GraphError
from state import Upload, World
from wire import Request, Response, json_response

UNIT = 320 * 1024
RANGE_MOST = 60 * 1024 * 1024
LIFE = 900
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def below_drive(rest: list[str], names: list[str]) -> Ask:
    """/me/drive/root:/NAME:/createUploadSession, and /content."""
    kinds = {"createuploadsession": "upload", "content": "content"}
    if len(rest) != 4 or names[1] != "root:" or not rest[2].endswith(":") or names[3] not in kinds:
        raise unknown_segment(rest[min(1, len(rest) - 1)])
    return Ask(kinds[names[3]], rest[2][:-1])


def elsewhere(world: World) -> str:
    """Another host than Graph's, which is this server as well."""
    return world.base.replace("localhost", "127.0.0.1")


def post_session(graph: Graph, ask: Ask) -> Response:
    key = secrets.token_urlsafe(24)
    upload = Upload(graph.person.oid, ask.id, secrets.token_urlsafe(24), time.time() + LIFE)
    graph.world.uploads[key] = upload
    url = f"{elsewhere(graph.world)}/upload/{key}?tempauth={upload.tempauth}"
    return reply(200, {"uploadUrl": url, **state_of(upload)})


def get_content(graph: Graph, ask: Ask) -> Response:
    if (graph.person.oid, ask.id) not in graph.world.files:
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    return Response(302, [("Location", f"{elsewhere(graph.world)}/download/{ask.id}?tempauth=1")], b"")


def state_of(upload: Upload) -> dict[str, object]:
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(upload.ends_at))
    return {"expirationDateTime": ends, "nextExpectedRanges": [f"{len(upload.body)}-"]}


def refuse(status: int, code: str) -> Response:
    return json_response({"error": {"code": code, "message": "The upload session refuses this."}}, status)


def put_range(world: World, key: str, upload: Upload, request: Request) -> Response:
    found = RANGE.fullmatch(request.header("content-range"))
    if not found:
        return refuse(400, "invalidRequest")
    first, last, total = (int(number) for number in found.groups())
    size = last - first + 1
    if size != len(request.body) or last >= total or size > RANGE_MOST:
        return refuse(400, "invalidRequest")
    if first != len(upload.body) or upload.total not in (0, total):
        return refuse(416, "invalidRange")
    if last + 1 < total and size % UNIT:
        return refuse(400, "invalidRange")
    upload.total = total
    upload.body += request.body
    if len(upload.body) < total:
        return json_response(state_of(upload), 202)
    world.files[upload.oid, upload.name] = bytes(upload.body)
    del world.uploads[key]
    return json_response({"id": secrets.token_hex(8), "name": upload.name, "size": total}, 201)


def handle(world: World, request: Request) -> Response:
    """A request to an upload session: the URL alone opens it, and a token is not wanted."""
    key = request.path.rsplit("/", 1)[-1]
    upload = world.uploads.get(key)
    if request.header("authorization"):
        return refuse(401, "unauthenticated")
    if upload is None or time.time() >= upload.ends_at:
        return refuse(404, "itemNotFound")
    if dict(request.query).get("tempauth") != upload.tempauth:
        return refuse(401, "unauthenticated")
    if request.method == "PUT":
        return put_range(world, key, upload, request)
    if request.method == "DELETE":
        del world.uploads[key]
        return Response(204, [], b"")
    return json_response(state_of(upload)) if request.method == "GET" else refuse(405, "notAllowed")


BELOW["drive"] = below_drive
ROUTES |= {"upload": {"POST": post_session}, "content": {"GET": get_content}}
NEEDS |= {"upload": ("Files.ReadWrite",), "content": ("Files.Read", "Files.ReadWrite")}
