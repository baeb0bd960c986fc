# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Graph's change notifications: subscriptions, their validation, what they are told.

Source: Microsoft Graph v1.0, "Create subscription", "Update subscription", "subscription:
reauthorize", "Receive change notifications through webhooks", "Reduce missing change notifications".
"""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import secrets
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import zones
from events import Members
from graph import METADATA, check_bearer, finish, refuse, reply
from people import CLIENT_ID, TENANT, Person
from schema import GraphError
from scopes import short_name
from state import AccessToken, World
from wire import Request, Response

ROOT = "/v1.0/subscriptions"
LEAST = datetime.timedelta(minutes=45)
VALIDATE_SECONDS = 10
ANSWER_SECONDS = 3
RETRY_WAITS = (0.2, 0.5, 1, 2, 4, 8, 15, 30)
CHANGES = ("created", "updated", "deleted")
LIVES = ("reauthorizationRequired", "subscriptionRemoved", "missed")
MEMBERS = {
    "changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime",
    "clientState", "latestSupportedTlsVersion",
}  # fmt: skip
KINDS = {
    "events": ("Event", ("Calendars.Read", "Calendars.ReadWrite")),
    "messages": ("Message", ("Mail.Read", "Mail.ReadWrite", "Mail.ReadBasic")),
}
RESOURCE = re.compile(r"/?(?:me|users/([^/]+))/(?:mailFolders\('?\w+'?\)/)?(events|messages)\Z", re.I)
CHANGED = re.compile(r"/v1\.0/me/(?:calendar/)?(events|messages)(?:/([^/]+))?\Z", re.I)
METHODS = {"POST": "created", "PATCH": "updated", "DELETE": "deleted"}


@dataclass
class Subscription:
    id: str
    person: Person
    kind: str  # "events", "messages"
    given: Members
    end: datetime.datetime

    def as_json(self) -> Members:
        shown = {**self.given, "expirationDateTime": stamp(self.end)}
        return {"id": self.id, "applicationId": CLIENT_ID, "creatorId": self.person.oid, **shown}


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def bad(message: str, code: str = "InvalidRequest") -> GraphError:
    return GraphError(400, code, message)


def unknown() -> GraphError:
    return GraphError(404, "ResourceNotFound", "The object was not found.")


def check_url(name: str, given: object) -> str:
    """https; http to this machine alone, as tests have it."""
    text = given if isinstance(given, str) else ""
    parts = urlsplit(text)
    is_local = parts.hostname in ("localhost", "127.0.0.1")
    if not (parts.scheme == "https" or (parts.scheme == "http" and is_local)) or len(text) > 2048:
        raise bad(f"{name}: The URL '{text}' must be https.")
    return text


def read_end(world: World, given: object) -> datetime.datetime:
    try:
        end = zones.parse_instant(str(given))
    except (ValueError, OverflowError) as wrong:
        raise bad("ExpirationDateTime is not valid.") from wrong
    most = datetime.timedelta(minutes=world.settings.subscription_minutes)
    if end < now():
        raise bad("Subscription expiration must be in the future.")
    if end > now() + most:
        raise bad("Subscription expiration can only be "
                  f"{world.settings.subscription_minutes} minutes in the future.")  # fmt: skip
    return max(end, now() + LEAST)


def read_body(request: Request, known: set[str]) -> Members:
    try:
        given = json.loads(request.body)
    except ValueError as wrong:
        raise bad("Unable to read JSON request payload.", "BadRequest") from wrong
    if request.media_type != "application/json" or not isinstance(given, dict):
        raise bad("The request body is not an application/json object.", "BadRequest")
    for name in given:
        if name not in known:
            raise bad(f"The property '{name}' does not exist on type 'microsoft.graph.subscription'.",
                      "BadRequest")  # fmt: skip
    return given


def read_new(world: World, request: Request, token: AccessToken) -> Subscription:
    given = read_body(request, MEMBERS)
    changes = str(given.get("changeType", "")).split(",")
    if not set(changes) <= set(CHANGES) or len(set(changes)) != len(changes):
        raise bad("ChangeType is not valid.")
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if name in given or name == "notificationUrl":
            check_url(name, given.get(name))
    state = given.get("clientState", "")
    if not isinstance(state, str) or len(state) > 128:
        raise bad("ClientState must be at most 128 characters.")
    found = RESOURCE.match(str(given.get("resource", "")))
    if found is None or "expirationDateTime" not in given:
        raise bad(f"Resource '{given.get('resource')}' is not supported.", "ExtensionError")
    if found.group(1) and unquote(found.group(1)) not in (token.person.oid, token.person.address):
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    kind = found.group(2).lower()
    if not {short_name(scope) for scope in token.scopes} & set(KINDS[kind][1]):
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    world.secrets.see("client_state", state)
    end = read_end(world, given["expirationDateTime"])
    return Subscription(str(uuid.uuid4()), token.person, kind, given, end)


def handshake(url: str) -> str:
    """Ask the address; what is wrong with its answer, or nothing."""
    text = f"Validation: Testing client application reachability + <b>{secrets.token_hex(8)}</b>"
    joint = "&" if urlsplit(url).query else "?"
    asked = urllib.request.Request(
        f"{url}{joint}validationToken={quote(text, safe='')}", b"", method="POST"
    )
    asked.add_header("Content-Type", "text/plain; charset=utf-8")
    try:
        with OPENER.open(asked, timeout=VALIDATE_SECONDS) as answer:
            kind = answer.headers.get_content_type()
            if answer.status != 200 or kind != "text/plain":
                return f"HTTP status {answer.status}, {kind}"
            body: bytes = answer.read(4096)
            return "" if body == text.encode() else "The response body is not the token."
    except urllib.error.HTTPError as error:
        with error:
            return f"Notification endpoint must respond with 200 OK, not {error.code}."
    except OSError as error:
        return f"The operation failed: {error}"


async def validate(sub: Subscription) -> None:
    """Each address by itself, also when both are the same."""
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if name in sub.given:
            wrong = await asyncio.to_thread(handshake, str(sub.given[name]))
            if wrong:
                raise bad(f"Subscription validation request failed. {wrong}", "ValidationError")


def own(world: World, token: AccessToken, name: str) -> Subscription:
    sub = world.subscriptions.get(name)
    if not isinstance(sub, Subscription) or sub.person is not token.person or sub.end < now():
        raise unknown()
    return sub


def shown(sub: Subscription, status: int) -> Response:
    return reply(status, {"@odata.context": f"{METADATA}subscriptions/$entity", **sub.as_json()})


async def served(world: World, request: Request, token: AccessToken) -> Response:
    parts = [unquote(part) for part in request.raw_path.removeprefix(ROOT).split("/") if part]
    if not parts and request.method == "POST":
        sub = read_new(world, request, token)
        await validate(sub)
        world.subscriptions[sub.id] = sub
        return shown(sub, 201)
    if not parts and request.method == "GET":
        mine = [one.as_json() for one in listed(world) if one.person is token.person]
        return reply(200, {"@odata.context": f"{METADATA}subscriptions", "value": mine})
    if not parts:
        raise GraphError(405, "Request_BadRequest", "This method is not supported.")
    sub = own(world, token, parts[0])
    if len(parts) == 2 and parts[1] == "reauthorize" and request.method == "POST":
        return Response(204, [], b"")
    if len(parts) > 1 or request.method not in ("GET", "PATCH", "DELETE"):
        raise GraphError(405, "Request_BadRequest", "This method is not supported.")
    if request.method == "DELETE":
        del world.subscriptions[sub.id]
        return Response(204, [], b"")
    if request.method == "PATCH":
        given = read_body(request, {"expirationDateTime"})
        sub.end = read_end(world, given.get("expirationDateTime"))
    return shown(sub, 200)


def is_asked(request: Request) -> bool:
    return request.path == ROOT or request.path.startswith(ROOT + "/")


async def handle(world: World, request: Request) -> Response:
    request.notes["request_id"] = str(uuid.uuid4())
    try:
        return finish(request, await served(world, request, check_bearer(world, request)))
    except GraphError as error:
        return refuse(request, error)


# ---- what they are told ----


def listed(world: World) -> list[Subscription]:
    return [one for one in world.subscriptions.values() if isinstance(one, Subscription)]


def notice(sub: Subscription, change: str, name: str, etag: str) -> Members:
    kind = KINDS[sub.kind][0]
    place = f"Users/{sub.person.oid}/{kind}s/{name}"
    data = {"@odata.type": f"#Microsoft.Graph.{kind}", "@odata.id": place, "id": name}
    if etag:
        data["@odata.etag"] = etag
    return {
        "subscriptionId": sub.id,
        "subscriptionExpirationDateTime": stamp(sub.end),
        "clientState": sub.given.get("clientState"),
        "changeType": change,
        "resource": place,
        "tenantId": TENANT,
        "resourceData": data,
    }


def lifecycle(sub: Subscription, event: str) -> Members:
    return {
        "subscriptionId": sub.id,
        "subscriptionExpirationDateTime": stamp(sub.end),
        "clientState": sub.given.get("clientState"),
        "lifecycleEvent": event,
        "tenantId": TENANT,
    }


def post(url: str, value: list[Members]) -> bool:
    asked = urllib.request.Request(url, json.dumps({"value": value}).encode(), method="POST")
    asked.add_header("Content-Type", "application/json; charset=utf-8")
    try:
        with OPENER.open(asked, timeout=ANSWER_SECONDS) as answer:
            return 200 <= answer.status < 300
    except OSError:
        return False


async def send(url: str, value: list[Members]) -> None:
    """As often as it takes, with growing waits."""
    for wait in (*RETRY_WAITS, 0):
        if await asyncio.to_thread(post, url, value):
            return
        await asyncio.sleep(wait)


def begin(world: World, url: str, value: list[Members]) -> None:
    task = asyncio.get_running_loop().create_task(send(url, value))
    world.sending.add(task)
    task.add_done_callback(world.sending.discard)


def tell(world: World, request: Request, response: Response) -> None:
    """A change that was carried out is told of to those that listen."""
    found = CHANGED.match(request.path)
    token = world.access_tokens.get(request.header("authorization").partition(" ")[2].strip())
    if found is None or token is None or response.status >= 300 or request.method not in METHODS:
        return
    row = json.loads(response.body) if isinstance(response.body, bytes) and response.body else {}
    name = str(row.get("id") or found.group(2))
    etag = str(row.get("@odata.etag", f'W/"{uuid.uuid4().hex}"'))
    for sub in listed(world):
        change = METHODS[request.method]
        is_heard = change in str(sub.given["changeType"]).split(",") and sub.end >= now()
        if sub.person is token.person and sub.kind == found.group(1).lower() and is_heard:
            begin(world, str(sub.given["notificationUrl"]), [notice(sub, change, name, etag)])


def tell_life(world: World, sub: Subscription, event: str) -> None:
    """One that Graph removes is gone before it is told of."""
    if event == "subscriptionRemoved":
        del world.subscriptions[sub.id]
    url = str(sub.given.get("lifecycleNotificationUrl", ""))
    if url:
        begin(world, url, [lifecycle(sub, event)])
