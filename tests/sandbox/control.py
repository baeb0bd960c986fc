# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The control routes at /_sandbox/: what tests and the demo turn and ask. Plain JSON, no login."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

import access
import accounts
import behalf
import demo
import gcal
import scopes as scope_rules
import subscriptions
from clients import change_registration
from faults import read_fault
from people import CLIENT_ID, GUESTS, OTHERS, PEOPLE, TENANT, Person, find_person
from schema import GraphError, read_event
from state import Client, World, change_settings, is_of
from tokens import merge
from wire import Request, Response, json_response

Body = dict[str, object]
WAIT_LONGEST = 120.0
MEMBERS = ("count", "done", "in_hand", "abandoned")


class Refused(Exception):
    """A control request that makes no sense; the test that sent it should fail loudly."""


def read_body(request: Request) -> Body:
    if not request.body:
        return {}
    try:
        value = json.loads(request.body)
    except ValueError as bad:
        raise Refused("the body is not JSON") from bad
    if not isinstance(value, dict):
        raise Refused("the body is not an object")
    return value


def person_of(body: Body) -> Person | None:
    """The person named, None when none is: all of them."""
    if "person" not in body:
        return None
    person = find_person(str(body["person"]))
    if person is None:
        raise Refused(f"nobody here is {body['person']}")
    return person


def one_person(body: Body) -> Person:
    person = person_of(body)
    if person is None:
        raise Refused("person is missing")
    return person


def whole(body: Body, name: str, fallback: int, most: int) -> int:
    value = body.get(name, fallback)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Refused(f"{name}: a number from 0 to {most}")
    return value


def about(world: World, body: Body) -> Body:
    return {
        "base": world.base,
        "tenant": TENANT,
        "client_id": CLIENT_ID,
        "people": [{"address": p.address, "name": p.name, "oid": p.oid} for p in PEOPLE],
        "redirect_uris": world.redirect_uris,
        "settings": world.settings_json(),
        "faults": [fault.as_json() for fault in world.faults.waiting],
    }


def reset(world: World, body: Body) -> Body:
    """As after the start, but that keys, redirect URIs and the list of secrets stay."""
    world.faults.clear()
    world.begin()
    world.calls.forget()
    if world.is_demo:
        demo.fill(world)
    return {}


def settings(world: World, body: Body) -> Body:
    try:
        change_settings(world.settings, body)
    except ValueError as bad:
        raise Refused(str(bad)) from bad
    return world.settings_json()


def check_redirect(text: object) -> str:
    """What Entra's registration page takes."""
    if not isinstance(text, str) or len(text) > 256 or set(text) & set("!$'(),;*#\\ "):
        raise Refused("a redirect URI is a text of 256 characters at most, no wildcard, no #")
    parts = urlsplit(text)
    is_local = parts.hostname in ("localhost", "127.0.0.1")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise Refused("a redirect URI is https, or http on localhost")
    return text


def redirect_uris(world: World, body: Body) -> Body:
    given = body.get("add", body.get("set", []))
    if not isinstance(given, list):
        raise Refused("add or set: a list of URIs")
    checked = [check_redirect(text) for text in given]
    kept = [] if "set" in body else world.redirect_uris
    world.redirect_uris = list(dict.fromkeys([*kept, *checked]))
    return {"redirect_uris": world.redirect_uris}


def add_client(world: World, body: Body) -> Body:
    """A registration of one tenant only."""
    client = Client(str(body["client_id"]), str(body["secret"]), str(body["tenant"]))
    world.clients[client.client_id] = client
    world.secrets.see("client_secret", client.secret)
    return {"client_id": client.client_id}


def registration(world: World, body: Body) -> Body:
    """What the application is registered with: see clients.py."""
    try:
        change_registration(world.registration, body)
    except (KeyError, TypeError, ValueError, AttributeError) as bad:
        raise Refused(f"not a registration: {bad}") from bad
    return {}


def rotate_keys(world: World, body: Body) -> Body:
    return {"kid": world.keys.rotate(bool(body.get("keep_old", True)))}


def revoke(world: World, body: Body) -> Body:
    """Refresh tokens end; access tokens too (with a challenge for those of cp1) when asked."""
    person = person_of(body)
    code = whole(body, "code", 50173, 99_999_999)
    ended = {"refresh_tokens": world.revoke(person, code)}
    if body.get("access"):
        ended["access_tokens"] = world.end_access(person, is_revoked=True)
    if body.get("consent"):
        for known in (*PEOPLE, *OTHERS, *GUESTS):
            if is_of(known, person):
                world.consents[known.oid] = set()
    return dict(ended)


def access_event(world: World, body: Body) -> Body:
    """What ends a person's access at once, for clients of cp1: see access.py."""
    event = str(body.get("event", ""))
    if event not in access.EVENTS:
        raise Refused(f"event: one of {' '.join(access.EVENTS)}")
    demand = access.happen(world, one_person(body), event, bool(body.get("needs_user")))
    return {"claims": demand.text()}


def add_google_events(world: World, body: Body) -> list[str]:
    """Events as Google has them, into a person's primary calendar."""
    person = one_person(body)
    place = gcal.calendars_of(world, person)[person.address]
    given = body["events"]
    if not isinstance(given, list):
        raise Refused("events: a list")
    if body.get("clear"):
        place.events.clear()
    try:
        return [str(gcal.insert(place, person, item)["id"]) for item in given]
    except gcal.CalendarError as bad:
        raise Refused(bad.message) from bad


def google_account(world: World, body: Body) -> Body:
    """What happens to a person's account at Google, or to all: `end` (why refresh tokens are refused
    from now on: expired, invalid_rapt, rapt_required), `expire_access`, `disconnect`; and to the
    primary calendar: `events` (with `clear` in place of what is there), `share`, `list`."""
    person = person_of(body)
    done: Body = {}
    if "end" in body:
        done["refresh_tokens"] = world.google.end(person, str(body["end"]))
    if body.get("expire_access"):
        done["access_tokens"] = world.google.end_access(person)
    if body.get("disconnect"):
        world.google.disconnect(one_person(body))
    if "events" in body:
        done["ids"] = add_google_events(world, body)
    if "share" in body:
        place = gcal.calendars_of(world, one_person(body))[one_person(body).address]
        place.shared_with.add(one_person({"person": body["share"]}).address)
    if body.get("list"):
        place = gcal.calendars_of(world, one_person(body))[one_person(body).address]
        done["events"] = list(place.events.values())
    return done


def expire_access(world: World, body: Body) -> Body:
    return {"access_tokens": world.end_access(person_of(body), is_revoked=False)}


def issue(world: World, body: Body) -> Body:
    """Tokens as the sign-in of another application of the same registration got them."""
    person = one_person(body)
    wanted = "openid profile email offline_access User.Read Calendars.ReadWrite"
    scopes = scope_rules.parse(str(body.get("scope", wanted)), world.base, world.graph)
    world.consents[person.oid] |= scopes
    world.families += 1
    token, life = world.new_access(person, scopes, scope_rules.GRAPH, False)
    refresh = world.new_refresh(person, scopes, world.families)
    return {"access_token": token.text, "refresh_token": refresh.text, "expires_in": life}


def user_token(world: World, body: Body) -> Body:
    """A user's access token for our own API; `claims` changes it, null takes one away."""
    changes = body.get("claims", {})
    if not isinstance(changes, dict):
        raise Refused("claims: an object")
    person = one_person(body)
    wanted = str(body.get("consent", "User.Read Calendars.ReadWrite"))
    world.consents[person.oid] |= scope_rules.parse(wanted, world.base, world.graph)
    which = str(body.get("sign_with", ""))
    return {"access_token": behalf.user_token(world, person, changes, which)}


def login(world: World, body: Body) -> Body:
    """How a person's password is answered: `password`, `code` (refused with it although right),
    `is_federated`; the account is locked no more."""
    person = one_person(body)
    known = accounts.login_of(world, person)
    known.password = str(body.get("password", known.password))
    known.code = whole(body, "code", 0, 99_999_999)
    known.is_federated = bool(body.get("is_federated", False))
    known.wrong = 0
    if body.get("consent"):
        world.consents[person.oid] |= scope_rules.parse(
            str(body["consent"]), world.base, world.graph
        )
    world.secrets.see("password", known.password)
    return {"password": known.password}


def device(world: World, body: Body) -> Body:
    """A person's decision about a device code: an address, `decline` or `expire`; without a code
    about the one that was given last."""
    code = str(body.get("user_code", next(reversed(world.devices), "")))
    return {"done": accounts.decide(world, code, str(body.get("choice", ""))), "user_code": code}


def logout_token(world: World, body: Body) -> Body:
    """What the provider would post to an application whose user signed out there: claims given are in
    the place of those that it has (null: left out)."""
    now = int(world.now())
    claims: dict[str, object] = {
        "iss": f"{world.base}/{TENANT}/v2.0",
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": str(uuid.uuid4()),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    given = body.get("claims", {})
    if not isinstance(given, dict):
        raise Refused("claims: an object")
    claims = merge(claims, given)
    settings = world.settings
    signed = world.keys.sign(claims, settings.id_token_alg, settings.sign_with, world.client_secret)
    return {"logout_token": signed}


def list_events(world: World, body: Body) -> Body:
    calendar = world.calendars[one_person(body).oid]
    shown = [calendar.render(event, "UTC", False) for event in calendar.events.values()]
    return {"events": shown}


def add_events(world: World, body: Body) -> Body:
    calendar = world.calendars[one_person(body).oid]
    given = body.get("events", [])
    if not isinstance(given, list):
        raise Refused("events: a list")
    if body.get("clear"):
        calendar.events.clear()
        calendar.transactions.clear()
    try:
        made = [calendar.add(read_event(json.dumps(item).encode()))[0] for item in given]
    except GraphError as bad:
        raise Refused(f"{bad.code}: {bad.message}") from bad
    return {"ids": [event.id for event in made]}


def list_mail(world: World, body: Body) -> Body:
    mailbox = world.mailboxes[one_person(body).oid]
    rows = [mailbox.render(one, False, False) | {"folder": one.folder, "extras": one.extras.properties}
            for one in mailbox.messages.values()]  # fmt: skip
    return {"messages": rows}


def add_mail(world: World, body: Body) -> Body:
    """Messages that have come in; besides Graph's members `type`, `folder`, `at` (seconds ago)."""
    mailbox = world.mailboxes[one_person(body).oid]
    given = body.get("messages", [])
    if not isinstance(given, list):
        raise Refused("messages: a list")
    if body.get("clear"):
        mailbox.messages.clear()
    try:
        made = [mailbox.deliver(dict(item)) for item in given]
    except GraphError as bad:
        raise Refused(f"{bad.code}: {bad.message}") from bad
    return {"ids": [message.id for message in made]}


def list_subscriptions(world: World, body: Body) -> Body:
    """Those that live, with their secrets."""
    return {"subscriptions": [one.as_json() for one in subscriptions.listed(world)]}


def notify(world: World, body: Body) -> Body:
    """Tell a subscription (id) of a lifecycle event (life), or of a change of `name`."""
    sub = world.subscriptions.get(str(body.get("id")))
    if not isinstance(sub, subscriptions.Subscription):
        raise Refused("id: of no subscription")
    if body.get("life") in subscriptions.LIVES:
        subscriptions.tell_life(world, sub, str(body["life"]))
        return {}
    change = str(body.get("change", "updated"))
    value = [subscriptions.notice(sub, change, str(body.get("name")), str(body.get("etag", "")))]
    subscriptions.begin(world, str(sub.given["notificationUrl"]), value)
    return {}


def share(world: World, body: Body) -> Body:
    """Another calendar called `name` for a person, and leave for `with` to open the mailbox."""
    calendar = world.calendars[one_person(body).oid]
    made = calendar.add_calendar(str(body["name"])).id if "name" in body else calendar.id
    if "with" in body:
        calendar.shared_with.add(one_person({"person": body["with"]}).oid)
    return {"calendar": made}


def group(world: World, body: Body) -> Body:
    """A group: `add` or `remove` a person as its member. The subjects of its events."""
    found = world.groups.get(str(body.get("group", "")))
    if found is None:
        raise Refused(f"group: one of {' '.join(world.groups)}")
    if "add" in body:
        found.members.add(one_person({"person": body["add"]}).oid)
    if "remove" in body:
        found.members.discard(one_person({"person": body["remove"]}).oid)
    return {"events": [event.members["subject"] for event in found.calendar.events.values()]}


def bulk_events(world: World, body: Body) -> Body:
    """Many events, or few large ones: `mib` spread over `count` bodies."""
    calendar = world.calendars[one_person(body).oid]
    mib = whole(body, "mib", 0, 1024)
    count = whole(body, "count", max(1, min(mib * 8, 1000)), 100_000)
    demo.bulk(calendar, count, mib * 1024 * 1024 // max(count, 1))
    return {"count": count}


def fault(world: World, body: Body) -> Body:
    """Add one fault, or several in a list called faults; `clear` first if asked."""
    given = body.pop("faults", None)
    if body.pop("clear", False):
        world.faults.clear()
    items = given if isinstance(given, list) else [body] if body else []
    try:
        made = [read_fault(item) for item in items]
    except ValueError as bad:
        raise Refused(str(bad)) from bad
    world.faults.waiting += made
    return list_faults(world, body)


def list_faults(world: World, body: Body) -> Body:
    return {"faults": [one.as_json() for one in world.faults.waiting]}


def list_calls(world: World, body: Body) -> Body:
    return {name: tally.as_json() for name, tally in sorted(world.calls.tallies.items())}


def forget_calls(world: World, body: Body) -> Body:
    world.calls.forget()
    return {}


def list_secrets(world: World, body: Body) -> Body:
    return world.secrets.as_json()


Action = Callable[[World, Body], Body]
GET: dict[str, Action] = {
    "": about,
    "settings": lambda world, body: world.settings_json(),
    "redirect_uris": lambda world, body: {"redirect_uris": world.redirect_uris},
    "events": list_events,
    "mail": list_mail,
    "subscriptions": list_subscriptions,
    "fault": list_faults,
    "calls": list_calls,
    "secrets": list_secrets,
}
POST: dict[str, Action] = {
    "reset": reset,
    "settings": settings,
    "redirect_uris": redirect_uris,
    "client": add_client,
    "registration": registration,
    "rotate_keys": rotate_keys,
    "revoke": revoke,
    "access_event": access_event,
    "expire_access": expire_access,
    "google": google_account,
    "issue": issue,
    "user_token": user_token,
    "logout_token": logout_token,
    "login": login,
    "device": device,
    "events": add_events,
    "mail": add_mail,
    "notify": notify,
    "share": share,
    "group": group,
    "bulk_events": bulk_events,
    "fault": fault,
    "calls": forget_calls,
}


async def wait(world: World, query: dict[str, str]) -> Body:
    """Until an endpoint's tally has reached a number, so that no test need sleep."""
    name, member = query.get("where", ""), query.get("member", "count")
    if not name or member not in MEMBERS:
        raise Refused(f"where is missing, or member is none of {' '.join(MEMBERS)}")
    try:
        wanted, seconds = int(query.get("count", "1")), float(query.get("seconds", "10"))
    except ValueError as bad:
        raise Refused("count and seconds are numbers") from bad
    reached = await world.calls.wait(name, member, wanted, min(seconds, WAIT_LONGEST))
    return {"reached": reached, "value": getattr(world.calls.of(name), member)}


async def handle(world: World, request: Request) -> Response:
    name = request.path.removeprefix("/_sandbox/")
    query = dict(request.query)
    try:
        if name == "wait" and request.method == "GET":
            return json_response(await wait(world, query))
        if name == "fault" and request.method == "DELETE":
            world.faults.clear()
            return json_response({"faults": []})
        table = {"GET": GET, "POST": POST}.get(request.method, {})
        if name not in table:
            return json_response({"error": "no such control route"}, 404)
        body = dict(query) if request.method == "GET" else read_body(request)
        return json_response(table[name](world, body))
    except Refused as refusal:
        return json_response({"error": str(refusal)}, 400)
