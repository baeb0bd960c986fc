# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Graph's $batch: up to 20 requests in one, each answered, throttled and refused by itself.

Outlook carries out at most four requests of one mailbox at a time, those of a batch as well: those
that find no place are answered 429 within the batch. The answers come in another order than the
requests, as they may. Source: Microsoft Graph, "Combine multiple HTTP requests using JSON batching",
"Microsoft Graph throttling guidance".
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

from schema import GraphError
from state import World
from throttle import Load, over
from wire import Request, Response, json_text

MOST = 20
AT_ONCE = 4
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
Serve = Callable[[Request], Response]


def bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)


def read_part(item: object, seen: set[str], ids: set[str]) -> dict[str, object]:
    if not isinstance(item, dict):
        raise bad("Invalid batch payload format.")
    known, method, url = item.get("id"), item.get("method"), item.get("url")
    if not isinstance(known, str) or not known or known in seen:
        raise bad("Each request of a batch needs an id of its own.")
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise bad(f"The method of request '{known}' is not known.")
    if not isinstance(url, str) or not url.startswith("/") or url.lower().startswith("/$batch"):
        raise bad(f"The url of request '{known}' is not relative to the version.")
    headers = item.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(one, str) for one in headers.values()):
        raise bad(f"The headers of request '{known}' are not valid.")
    if "body" in item and "content-type" not in {name.lower() for name in headers}:
        raise bad(f"Request '{known}' has a body and no Content-Type header.")
    if not set(item.get("dependsOn", [])) <= ids - {known}:
        raise bad(f"Request '{known}' depends on one that is not there.")
    seen.add(known)
    return item


def read(body: bytes) -> list[dict[str, object]]:
    try:
        given = json.loads(body)["requests"]
    except (ValueError, KeyError, TypeError) as wrong:
        raise bad("Invalid batch payload format.") from wrong
    if not isinstance(given, list) or not given:
        raise bad("Invalid batch payload format.")
    if len(given) > MOST:
        raise bad(f"Number of batch request steps exceeds the maximum value of {MOST}.")
    ids = {str(item.get("id")) for item in given if isinstance(item, dict)}
    seen: set[str] = set()
    return [read_part(item, seen, ids) for item in given]


def as_request(outer: Request, part: dict[str, object]) -> Request:
    headers = {str(name).lower(): value for name, value in dict(part.get("headers", {})).items()}  # type: ignore[call-overload]
    headers["authorization"] = outer.header("authorization")
    body = json_text(part["body"]) if "body" in part else b""
    target = f"/v1.0{part['url']}"
    return Request(str(part["method"]).upper(), target, headers, body, outer.connection)


def as_part(known: str, response: Response) -> dict[str, object]:
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    kind = response.header("content-type") or ""
    shown: object = json.loads(body) if body and "json" in kind else b64encode(body).decode()
    part: dict[str, object] = {
        "id": known,
        "status": response.status,
        "headers": dict(response.headers),
    }
    return part | ({"body": shown} if body else {})


def answer(world: World, request: Request, load: Load | None, serve: Serve) -> Response:
    """All parts, in groups of as many as Outlook carries out at once."""
    if request.media_type != "application/json":
        raise GraphError(415, "UnsupportedMediaType", "The content type is not taken.")
    parts = read(request.body)
    limit = world.settings.mailbox_concurrency
    beside = load.in_hand - 1 if load else 0
    places = max(limit - beside, 0) if limit else len(parts)
    statuses: dict[str, int] = {}
    answers = []
    for index, part in enumerate(parts):
        known, asked = str(part["id"]), as_request(request, part)
        failed = any(statuses.get(str(one), 200) >= 400 for one in part.get("dependsOn", []))  # type: ignore[attr-defined]
        if failed:
            made = world_refusal(GraphError(424, "FailedDependency", "A request before it failed."))
        elif index % AT_ONCE >= places:
            made = world_refusal(over("MailboxConcurrency", 1))
        else:
            made = serve(asked)
        statuses[known] = made.status
        answers.append(as_part(known, made))
    body = json_text({"responses": list(reversed(answers))})
    return Response(200, [("Content-Type", "application/json")], body, can_zip=True)


def world_refusal(error: GraphError) -> Response:
    body = json_text({"error": {"code": error.code, "message": error.message}})
    headers = [("Content-Type", "application/json"), *error.headers]
    return Response(error.status, headers, body)
