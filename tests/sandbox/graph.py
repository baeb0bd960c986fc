# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Microsoft Graph v1.0, as far as a calendar goes: who may, what there is, and the answers.

The bearer is looked at before the path, as the real one does. Source: Microsoft Graph v1.0
reference; "Microsoft Graph error responses and resource types".
"""

from __future__ import annotations

import json
import re
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

import access
import groups
import odata
import zones
from events import Calendar, Event, Members, zone_of
from people import APPLICATION, CLIENT_ID, Person, find_person
from schema import GraphError, read_event
from scopes import GRAPH, short_name
from state import AccessToken, Demand, World
from wire import Pairs, Request, Response, json_text

JSON_TYPE = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)
BODY_LIMIT = 4 * 1024 * 1024
LONGEST_DAYS = 1825
METADATA = "https://graph.microsoft.com/v1.0/$metadata#"
READ_SHARED = ("Calendars.Read.Shared", "Calendars.ReadWrite.Shared")
WRITE_SHARED = ("Calendars.ReadWrite.Shared",)
READ = ("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite")
WRITE = ("Calendars.ReadWrite",)
ANSWERS = ("accept", "decline", "tentativelyaccept")
PREFER = re.compile(r"([A-Za-z.-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s,;]+))")
NEEDS: dict[str, tuple[str, ...]] = {
    "profile": ("User.Read",),
    "revokesigninsessions": ("User.RevokeSessions.All",),
}


@dataclass
class Ask:
    """What a path was understood to mean. `kind`: a key of ROUTES."""

    kind: str
    id: str = ""
    name: str = ""  # of an extension, of a folder
    calendar: str = ""  # the id of the one that is named; "": the default one


@dataclass
class Prefer:
    zone: str = "UTC"
    wants_text: bool = False
    is_immutable: bool = False
    page: int = 0
    applied: str = ""


def reply(status: int, body: object, headers: Pairs | None = None) -> Response:
    own = [("Content-Type", JSON_TYPE), ("OData-Version", "4.0"), *(headers or [])]
    return Response(status, own, json_text(body), can_zip=True)


def error_body(error: GraphError, request_id: str, client_id: str) -> Members:
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "innerError": {
                "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
                "request-id": request_id,
                "client-request-id": client_id,
            },
        }
    }


def challenge(world: World, claims: str = "") -> Pairs:
    """The WWW-Authenticate field of every 401; with claims, the challenge of continuous access
    evaluation."""
    text = (
        f'Bearer realm="", authorization_uri="{world.base}/common/oauth2/authorize", '
        'client_id="00000003-0000-0000-c000-000000000000"'
    )
    if claims:
        packed = b64encode(claims.encode()).decode()
        text += f', error="insufficient_claims", claims="{packed}"'
    return [("WWW-Authenticate", text)]


def no_token(world: World, message: str, claims: str = "") -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message, challenge(world, claims))


def claims_challenge(world: World, demand: Demand | None = None) -> GraphError:
    if demand is None:
        demand = Demand({"nbf": {"essential": True, "value": str(int(time.time()))}}, False)
    text = (
        "Continuous access evaluation resulted in claims challenge with result: "
        "InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp"
    )
    return no_token(world, text, demand.text())


def bearer_text(request: Request) -> str:
    kind, _, text = request.header("authorization").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def mailbox_of(world: World, request: Request) -> Person | None:
    """Whose mailbox a request is for, good token or not: what the limits count by."""
    token = world.access_tokens.get(bearer_text(request))
    group = groups.named_in(world.groups, request.path)
    return group.mailbox if token and group else token.person if token else None


def check_bearer(world: World, request: Request) -> AccessToken:
    text = bearer_text(request)
    if not text:
        raise no_token(world, "Access token is empty.")
    world.secrets.see("access_token", text)
    token = world.access_tokens.get(text)
    if token is None:
        message = "CompactToken parsing failed with error code: 80049217"
        if text.count(".") == 2:
            message = "IDX14100: JWT is not well formed, there are no dots (.)."
        raise no_token(world, message)
    request.notes["person"] = token.person.address
    if token.resource != GRAPH:
        raise no_token(world, "Access token validation failure. Invalid audience.")
    if time.time() >= token.ends_at:
        raise no_token(world, "Lifetime validation failed, the token is expired.")
    demand = access.open_demand(world, token)
    if demand:
        raise claims_challenge(world, demand)
    if token.is_revoked and token.has_cae:
        raise claims_challenge(world)
    if token.is_revoked:
        raise no_token(world, "Access token validation failure.")
    return token


def check_scope(token: AccessToken, kind: str, method: str) -> None:
    needed = NEEDS.get(kind) or NEEDS.get(f"{method} {kind}") or (READ if method == "GET" else WRITE)
    if not {short_name(scope) for scope in token.scopes} & set(needed):
        raise groups.denied()


def check_shared(token: AccessToken, calendar: Calendar, method: str) -> None:
    """Another's calendar needs a scope of its own and its owner's leave."""
    needed = READ_SHARED if method == "GET" else WRITE_SHARED
    has_scope = {short_name(scope) for scope in token.scopes} & set(needed)
    if not has_scope or token.person.oid not in calendar.shared_with:
        raise groups.denied()


# Rooms of a mailbox that files of their own know: by the first segment behind the mailbox.
BELOW: dict[str, Callable[[list[str], list[str]], Ask]] = {}


def unknown_segment(name: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{name}'.")


def below_me(rest: list[str]) -> Ask:
    """What is meant by the segments after /me; names without regard to case, ids with."""
    names = [part.lower() for part in rest]
    calendar = ""
    if not rest:
        return Ask("profile")
    if names[0] in BELOW:
        return BELOW[names[0]](rest, names)
    if names[0] == "calendars" and len(rest) > 1:
        calendar = rest[1]
        names, rest = ["calendar", *names[2:]], ["calendar", *rest[2:]]
    if names[0] == "calendar" and len(rest) > 1 and names[1] in ("events", "calendarview"):
        names, rest = names[1:], rest[1:]
    if names[0] in ("calendar", "calendars", "calendarview", "events", "revokesigninsessions"):
        if len(rest) == 1:
            return Ask(names[0], calendar=calendar)
        if names[0] == "events":
            return replace(below_event(rest, names), calendar=calendar)
        raise unknown_segment(rest[1])
    raise unknown_segment(rest[0])


def below_event(rest: list[str], names: list[str]) -> Ask:
    if len(rest) == 2:
        return Ask("event", rest[1])
    kinds = {**dict.fromkeys(ANSWERS, "answer"), "instances": "instances", "cancel": "cancel"}
    if names[2] == "extensions" and len(rest) < 5:
        is_one = len(rest) == 4
        return Ask("extension" if is_one else "extensions", rest[1], rest[3] if is_one else "")
    if len(rest) > 3 or names[2] not in kinds:
        raise unknown_segment(rest[2])
    return Ask(kinds[names[2]], rest[1])


def below_group(rest: list[str]) -> Ask:
    """A group has one calendar, and nothing else that is imitated here."""
    ask = below_me(rest)
    if ask.calendar or ask.kind in ("profile", "calendars", "revokesigninsessions", "answer"):
        raise unknown_segment(rest[0] if rest else "groups")
    return ask


def understand(request: Request) -> tuple[str, str, Ask]:
    """Whose mailbox ("me", "users", "groups"), the name of the user or group, and what of it."""
    parts = unquote(request.raw_path).split("/")[1:]  # as Graph does it: decoded, then split
    while parts and not parts[-1]:
        parts.pop()
    if not parts or parts[0].lower() != "v1.0":
        raise GraphError(400, "BadRequest", f"Invalid version: {parts[0] if parts else ''}")
    root = parts[1].lower() if len(parts) > 1 else ""
    has_name = root in ("users", "groups") and len(parts) > 3
    if root != "me" and not has_name:
        raise unknown_segment(parts[1] if len(parts) > 1 else "")
    rest = parts[3 if has_name else 2 :]
    ask = below_group(rest) if root == "groups" else below_me(rest)
    if request.method not in ROUTES[ask.kind]:
        raise wrong_verb(ask.kind)
    return root, parts[2] if has_name else "", ask


def mailbox_named(world: World, name: str, token: AccessToken) -> Person:
    if token.person is APPLICATION and not name:
        text = "/me request is only valid with delegated authentication flow."
        raise GraphError(400, "BadRequest", text)
    person = find_person(name) if name else token.person
    if person is None:
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{name}' is invalid.")
    return person


def wrong_verb(kind: str) -> GraphError:
    """The directory and Outlook, behind the same Graph, say it in words of their own."""
    allow = [("Allow", ", ".join(ROUTES[kind]))]
    if kind == "profile":
        message = "Specified HTTP method is not allowed for the request target."
        return GraphError(405, "Request_BadRequest", message, allow)
    return GraphError(405, "ErrorInvalidRequest", "The OData request is not supported.", allow)


def read_prefer(request: Request) -> Prefer:
    prefer = Prefer()
    applied = []
    for name, quoted, bare in PREFER.findall(request.header("prefer")):
        key, value = name.lower(), quoted or bare
        if key == "outlook.timezone":
            if zones.find(value) is None:
                text = "A valid TimeZone value must be specified. The following TimeZone value "
                text += f"is not supported: '{value}'."
                raise GraphError(400, "TimeZoneNotSupportedException", text)
            prefer.zone = value
            applied.append(f'outlook.timezone="{value}"')
        elif key == "outlook.body-content-type" and value.lower() in ("text", "html"):
            prefer.wants_text = value.lower() == "text"
            applied.append(f'outlook.body-content-type="{value}"')
        elif key == "idtype" and value.lower() == "immutableid":
            prefer.is_immutable = True
            applied.append('IdType="ImmutableId"')
        elif key == "odata.maxpagesize" and value.isdigit() and 0 < int(value) <= 1000:
            prefer.page = int(value)
            applied.append(f"odata.maxpagesize={value}")
    prefer.applied = ", ".join(applied)
    return prefer


def applied(prefer: Prefer) -> Pairs:
    return [("Preference-Applied", prefer.applied)] if prefer.applied else []


def collection_pieces(context: str, rows: list[Members], tail: Members) -> Iterator[bytes]:
    """The text of a collection, a row at a time, however large it is."""
    yield b'{"@odata.context":' + json_text(context) + b',"value":['
    for index, row in enumerate(rows):
        yield (b"," if index else b"") + json_text(row)
    yield b"]" + b"".join(b"," + json_text(n) + b":" + json_text(v) for n, v in tail.items()) + b"}"


def window_of(pairs: Pairs) -> tuple[zones.datetime.datetime, zones.datetime.datetime]:
    """startDateTime and endDateTime, both demanded."""
    values = {name.lower(): value for name, value in pairs}
    texts = [values.get("startdatetime", ""), values.get("enddatetime", "")]
    if not all(texts):
        text = "This request requires a time window specified by the query string parameters "
        raise GraphError(400, "ErrorInvalidParameter", f"{text}StartDateTime and EndDateTime.")
    try:
        start, end = (zones.parse_instant(text) for text in texts)
    except (ValueError, OverflowError) as bad:
        text = "The value of a date-time query parameter is invalid."
        raise GraphError(400, "ErrorInvalidParameter", text) from bad
    if end < start:
        text = "The end date-time must be after the start date-time."
        raise GraphError(400, "ErrorInvalidParameter", text)
    if (end - start).days > LONGEST_DAYS:
        text = "The requested time duration specified for calendar view is too long. The limit is "
        raise GraphError(400, "ErrorInvalidRequest", f"{text}{LONGEST_DAYS} days.")
    return start, end


class Graph:
    """One request on behalf of one person."""

    def __init__(self, world: World, request: Request, token: AccessToken) -> None:
        self.world = world
        self.request = request
        self.token = token
        self.person = token.person
        self.calendar = self.default = world.calendars.get(self.person.oid, Calendar(self.person))
        self.root = "users"
        self.prefer = Prefer()

    def context(self, tail: str) -> str:
        return f"{METADATA}{self.root}('{quote(self.person.oid)}')/{tail}"

    def answer(self) -> Response:
        root, name, ask = understand(self.request)
        if root == "groups":
            self.enter_group(name)
        else:
            self.enter_mailbox(name, ask)
        self.default = self.calendar
        if ask.calendar:
            self.calendar = self.calendar.of_id(ask.calendar)
        elif ask.id:
            self.calendar = self.calendar.holder(ask.id)
        self.prefer = read_prefer(self.request)
        return ROUTES[ask.kind][self.request.method](self, ask)

    def enter_group(self, name: str) -> None:
        token, method = self.token, self.request.method
        group = groups.opened(self.world.groups, name, token.person, token.scopes, method)
        self.root, self.person, self.calendar = "groups", group.mailbox, group.calendar

    def enter_mailbox(self, name: str, ask: Ask) -> None:
        self.person = mailbox_named(self.world, name, self.token)
        self.calendar = self.world.calendars[self.person.oid]
        if self.person.home and ask.kind != "profile":
            text = "REST API is not yet supported for this mailbox."
            raise GraphError(404, "MailboxNotEnabledForRESTAPI", text)
        if self.token.person is APPLICATION:
            pass  # what the registration was given holds for each mailbox of the tenant
        elif self.person is self.token.person:
            check_scope(self.token, ask.kind, self.request.method)
        else:
            check_shared(self.token, self.calendar, self.request.method)

    def get_profile(self, ask: Ask) -> Response:
        profile = self.person.profile()
        usual = list(profile)
        profile["proxyAddresses"] = [f"SMTP:{self.person.address}", *self.person.aliases()]
        wanted = dict(self.request.query).get("$select", "")
        names = [name.strip() for name in wanted.split(",") if name.strip()]
        for name in names:
            if name not in profile:
                text = f"Could not find a property named '{name}' on type 'microsoft.graph.user'."
                raise odata.bad_uri(text)
        shown = {name: profile[name] for name in names or usual}
        return reply(200, {"@odata.context": f"{METADATA}users/$entity", **shown})

    def get_calendar(self, ask: Ask) -> Response:
        body = {"@odata.context": self.context("calendar/$entity"), **self.calendar.as_json()}
        return reply(200, body)

    def get_calendars(self, ask: Ask) -> Response:
        context = self.context("calendars")
        shown = [calendar.as_json() for calendar in (self.default, *self.default.others)]
        return reply(200, {"@odata.context": context, "value": shown})

    def render(self, event: Event) -> Members:
        prefer = self.prefer
        return self.calendar.render(event, prefer.zone, prefer.wants_text, prefer.is_immutable)

    def collection(self, events: list[Event], context: str) -> Response:
        pairs = self.request.query
        options = odata.parse(pairs, self.world.settings.page_limit)
        if self.prefer.page and "$top" not in [name.lower() for name, _ in pairs]:
            options.top = self.prefer.page
        whole = [(self.render(event), event) for event in events]
        held = {str(row["id"]): event for row, event in whole}
        rows = odata.apply(options, [row for row, _ in whole])
        page = rows[options.skip : options.skip + options.top]
        tail: Members = {"@odata.count": len(rows)} if options.wants_count else {}
        reached = options.skip + options.top
        if reached < len(rows):
            here = self.world.base + self.request.raw_path
            style = self.world.settings.paging
            tail["@odata.nextLink"] = odata.next_link(here, pairs, reached, style)
        own = [("Content-Type", JSON_TYPE), ("OData-Version", "4.0"), *applied(self.prefer)]
        chosen = [
            odata.select(options, row) | held[str(row["id"])].extras.expanded(options.expand)
            for row in page
        ]
        return Response(200, own, collection_pieces(context, chosen, tail), can_zip=True)

    def get_events(self, ask: Ask) -> Response:
        masters = list(self.calendar.events.values())
        return self.collection(masters, self.context("events"))

    def get_view(self, ask: Ask) -> Response:
        found = self.calendar.view(window_of(self.request.query), zone_of(self.prefer.zone))
        return self.collection(found, self.context("calendarView"))

    def get_instances(self, ask: Ask) -> Response:
        window = window_of(self.request.query)
        event = self.calendar.find(ask.id)
        zone = zone_of(self.prefer.zone)
        found = [] if event.recurrence is None else list(event.in_window(window, zone))
        return self.collection(found, self.context("instances"))

    def one(self, event: Event, status: int, headers: Pairs) -> Response:
        options = odata.parse(self.request.query, self.world.settings.page_limit)
        # Only on $select, and only of one event (Microsoft Graph, "event resource type").
        cancelled = self.calendar.cancelled_occurrences(event)
        rare = {"cancelledOccurrences": cancelled} if options.select else {}
        row = odata.select(options, self.render(event) | rare)
        row |= event.extras.expanded(options.expand)
        body = {"@odata.context": self.context("events/$entity"), **row}
        etag = ("ETag", f'W/"{event.change_key}"')
        return reply(status, body, [etag, *headers, *applied(self.prefer)])

    def get_event(self, ask: Ask) -> Response:
        event = self.calendar.find(ask.id)
        tag = f'W/"{event.change_key}"'
        known = [text.strip() for text in self.request.header("if-none-match").split(",")]
        if tag in known or known == ["*"]:
            return Response(304, [("ETag", tag)], b"")
        return self.one(event, 200, [])

    def read_body(self) -> Members:
        if len(self.request.body) > BODY_LIMIT:
            text = "The maximum request length supported is 4MB."
            raise GraphError(413, "RequestEntityTooLarge", text)
        if self.request.body and self.request.media_type != "application/json":
            text = f"The content type '{self.request.media_type}' is not taken."
            raise GraphError(415, "UnsupportedMediaType", text)
        return read_event(self.request.body)

    def post_events(self, ask: Ask) -> Response:
        event, _ = self.calendar.add(self.read_body())
        place = f"{self.world.base}/v1.0/{self.root}('{self.person.oid}')/events('{quote(event.id)}')"
        return self.one(event, 201, [("Location", place)])

    def check_match(self, event: Event) -> None:
        wanted = self.request.header("if-match")
        if wanted and wanted not in ("*", f'W/"{event.change_key}"'):
            text = "The send or update operation could not be performed because the change key "
            raise GraphError(412, "ErrorIrresolvableConflict", f"{text}passed does not match.")

    def patch_event(self, ask: Ask) -> Response:
        given = self.read_body()
        event = self.calendar.find(ask.id)
        self.check_match(event)
        return self.one(self.calendar.change(event, given), 200, [])

    def delete_event(self, ask: Ask) -> Response:
        event = self.calendar.find(ask.id)
        self.check_match(event)
        self.calendar.remove(event)
        return Response(204, [], b"")

    def read_extension(self) -> Members:
        try:
            value = json.loads(self.request.body)
        except ValueError as bad:
            raise GraphError(400, "BadRequest", "The payload is no JSON.") from bad
        if not isinstance(value, dict):
            raise GraphError(400, "BadRequest", "The payload is no object.")
        return value

    def post_extension(self, ask: Ask) -> Response:
        held = self.calendar.find(ask.id).extras
        return reply(201, held.extend(self.read_extension()))

    def patch_extension(self, ask: Ask) -> Response:
        held = self.calendar.find(ask.id).extras
        return reply(200, held.extend(self.read_extension(), ask.name))

    def get_extension(self, ask: Ask) -> Response:
        return reply(200, self.calendar.find(ask.id).extras.shown(ask.name))

    def delete_extension(self, ask: Ask) -> Response:
        held = self.calendar.find(ask.id).extras
        del held.extensions[str(held.find(ask.name)["extensionName"])]
        return Response(204, [], b"")

    def post_answer(self, ask: Ask) -> Response:
        """Each person organizes their own events here, and cannot answer those."""
        self.calendar.find(ask.id)
        text = "Your request can't be completed. You can't respond to this meeting because you're "
        raise GraphError(400, "ErrorInvalidRequest", f"{text}the meeting organizer.")

    def post_cancel(self, ask: Ask) -> Response:
        self.calendar.remove(self.calendar.find(ask.id))
        return Response(202, [], b"")

    def post_revocation(self, ask: Ask) -> Response:
        self.world.revoke(self.person, 50173)
        return reply(200, {"@odata.context": f"{METADATA}Edm.Boolean", "value": True})


Handler = Callable[[Graph, Ask], Response]
ROUTES: dict[str, dict[str, Handler]] = {
    "profile": {"GET": Graph.get_profile},
    "calendar": {"GET": Graph.get_calendar},
    "calendars": {"GET": Graph.get_calendars},
    "events": {"GET": Graph.get_events, "POST": Graph.post_events},
    "calendarview": {"GET": Graph.get_view},
    "event": {"GET": Graph.get_event, "PATCH": Graph.patch_event, "DELETE": Graph.delete_event},
    "instances": {"GET": Graph.get_instances},
    "extensions": {"POST": Graph.post_extension},
    "extension": {
        "GET": Graph.get_extension,
        "PATCH": Graph.patch_extension,
        "DELETE": Graph.delete_extension,
    },
    "answer": {"POST": Graph.post_answer},
    "cancel": {"POST": Graph.post_cancel},
    "revokesigninsessions": {"POST": Graph.post_revocation},
}


def finish(request: Request, response: Response) -> Response:
    """The fields that every answer of Graph carries."""
    request_id = str(request.notes["request_id"])
    diagnostic = {
        "ServerInfo": {
            "DataCenter": "Sandbox",
            "Slice": "E",
            "Ring": "5",
            "ScaleUnit": "000",
            "RoleInstance": "SB1PEPF00000001",
        }
    }
    response.headers += [
        ("request-id", request_id),
        ("client-request-id", request.header("client-request-id") or request_id),
        ("x-ms-ags-diagnostic", json_text(diagnostic).decode()),
        ("Strict-Transport-Security", "max-age=31536000"),
    ]
    if response.status < 400:
        response.headers.append(("Cache-Control", "private"))
    return response


def refuse(request: Request, error: GraphError) -> Response:
    """A refusal as Graph says it."""
    request_id = str(request.notes.setdefault("request_id", str(uuid.uuid4())))
    request.notes["error_code"] = error.code
    client_id = request.header("client-request-id") or request_id
    body = json_text(error_body(error, request_id, client_id))
    headers = [("Content-Type", "application/json"), *error.headers]
    return finish(request, Response(error.status, headers, body, can_zip=True))


def handle(world: World, request: Request) -> Response:
    """Any request below the Graph root."""
    request.notes["request_id"] = str(uuid.uuid4())
    try:
        token = check_bearer(world, request)
        response = Graph(world, request, token).answer()
    except GraphError as error:
        return refuse(request, error)
    return finish(request, response)


def userinfo(world: World, request: Request) -> Response:
    """GET or POST /oidc/userinfo."""
    request.notes["request_id"] = str(uuid.uuid4())
    try:
        token = check_bearer(world, request)
    except GraphError as error:
        return refuse(request, error)
    person = token.person
    body = {
        "sub": f"{CLIENT_ID}{person.oid}",
        "name": person.name,
        "family_name": person.surname,
        "given_name": person.given_name,
        "picture": f"{GRAPH}/v1.0/me/photo/$value",
        "email": person.address,
    }
    return finish(request, reply(200, body))
