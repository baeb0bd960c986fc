# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Grants without a browser of ours: a user's password, the application itself, and a device code.

A password is refused wherever Entra refuses it, and too many wrong ones lock the account. A device
code that is asked for faster than its interval is told to slow down, by five seconds each time.
Source: Microsoft, "OAuth 2.0 Resource Owner Password Credentials", "OAuth 2.0 client credentials
flow", "OAuth 2.0 device authorization grant flow"; RFC 8628.
"""

from __future__ import annotations

import hmac
import secrets
import time
from html import escape

import scopes as scope_rules
from aadsts import EntraError, entra_headers
from authorize import Params, check_known
from pages import button, page
from people import APPLICATION, PERSONAL_TENANT, Person, account_at, find_person
from state import Device, Login, World
from wire import Request, Response, json_response, parse_pairs

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PUBLIC_GRANTS = ("password", DEVICE_GRANT, "refresh_token")
ALL = "/.default"
LETTERS = "BCDFGHJKLMNPQRSTVWXYZ23456789"


def login_of(world: World, person: Person) -> Login:
    return world.logins.setdefault(person.oid, Login(f"{person.given_name} & 1 pass+word%"))


def consented(world: World, person: Person, asked: frozenset[str]) -> bool:
    named = {scope for scope in asked if not scope.endswith(ALL)} - set(scope_rules.OPENID)
    return world.settings.admin_consented or named <= world.consents[person.oid]


def check_password(world: World, person: Person, password: str) -> None:
    login = login_of(world, person)
    if login.wrong >= world.settings.lockout_threshold:
        raise EntraError(50053)
    is_right = hmac.compare_digest(login.password.encode(), password.encode())
    if login.is_federated or not is_right:
        login.wrong += 1
        raise EntraError(50126)
    login.wrong = 0
    if login.code:
        claims = '{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}'
        raise EntraError(login.code, claims=claims if login.code == 53003 else "")


def by_password(
    world: World, request: Request, params: Params, tenant: str
) -> tuple[Person, frozenset[str], str]:
    """Whose tokens, with which scopes, for which resource."""
    for name in ("username", "password", "scope"):
        if not params.get(name):
            raise EntraError(900144, (name,))
    world.secrets.see("password", params["password"])
    if tenant in ("common", "consumers"):
        raise EntraError(9001023)
    person = find_person(params["username"])
    request.notes["person"] = person.address if person else ""
    account = account_at(person, tenant) if person else None
    if person is None or account is None or person.tenant == PERSONAL_TENANT:
        raise EntraError(50034)
    check_password(world, person, params["password"])
    asked = world.asked_scopes(params["scope"])
    if not consented(world, account, asked):
        raise EntraError(65001, (params["client_id"],))
    return account, asked, scope_rules.one_resource(asked, params["scope"])


def by_application(world: World, params: Params, tenant: str) -> Response:
    """A token of the application itself: no user, no refresh token, no id_token."""
    if tenant in ("common", "organizations", "consumers"):
        raise EntraError(90019)
    if not params.get("scope"):
        raise EntraError(900144, ("scope",))
    asked = world.asked_scopes(params["scope"])
    if len(asked) != 1 or not next(iter(asked)).endswith(ALL):
        raise EntraError(1002012, (params["scope"],))
    resource = scope_rules.one_resource(asked, params["scope"])
    access, life = world.new_access(APPLICATION, asked, resource, False)
    body = {
        "token_type": "Bearer",
        "expires_in": life,
        "ext_expires_in": life,
        "access_token": access.text,
    }
    return json_response(body, 200, entra_headers(secrets.token_hex(8)))


# ---- device codes ----


def begin_device(world: World, params: Params, tenant: str) -> Response:
    """POST …/devicecode."""
    for name in ("client_id", "scope"):
        if not params.get(name):
            raise EntraError(900144, (name,))
    check_known(world, tenant, params["client_id"])
    world.asked_scopes(params["scope"])
    if "client_secret" in params:
        world.secrets.see("client_secret", params["client_secret"])
    settings = world.settings
    letters = "".join(secrets.choice(LETTERS) for _ in range(9))
    device = Device(
        world.secrets.see("device_code", "DAQ" + secrets.token_urlsafe(160)),
        letters,
        params["client_id"],
        tenant,
        params["scope"],
        time.time() + settings.device_seconds,
        settings.device_interval,
    )
    world.devices[letters] = device
    place = f"{world.browser_base}/devicelogin"
    body = {
        "user_code": letters,
        "device_code": device.code,
        "verification_uri": place,
        "expires_in": settings.device_seconds,
        "interval": settings.device_interval,
        "message": f"To sign in, use a web browser to open the page {place} and enter the code "
        f"{letters} to authenticate.",
    }
    return json_response(body, 200, entra_headers(secrets.token_hex(8)))


def check_pace(device: Device) -> None:
    """A poll that comes too early makes the next ones later (RFC 8628 3.5)."""
    now = time.monotonic()
    is_early = device.polled_at and now - device.polled_at < device.interval - 0.2
    device.polled_at = now
    if is_early:
        device.interval += 5
        raise EntraError(70016, error="slow_down")


def by_device(
    world: World, request: Request, params: Params, tenant: str
) -> tuple[Person, frozenset[str], str]:
    world.secrets.see("device_code", params.get("device_code", ""))
    given = params.get("device_code")
    if not given:
        raise EntraError(900144, ("device_code",))
    device = next((one for one in world.devices.values() if one.code == given), None)
    if device is None or (device.client_id, device.tenant) != (params["client_id"], tenant):
        raise EntraError(70018)
    if device.ended == "expired" or time.time() > device.ends_at:
        raise EntraError(70019)
    if device.ended == "declined":
        raise EntraError(70016, error="authorization_declined")
    if device.ended:
        raise EntraError(54005)
    check_pace(device)
    if device.person is None:
        raise EntraError(70016)
    request.notes["person"] = device.person.address
    account = account_at(device.person, tenant)
    if account is None:
        raise EntraError(50020, (device.person.address,))
    device.ended = "redeemed"
    world.consents[account.oid] |= world.asked_scopes(device.scope)
    text = params.get("scope") or device.scope
    asked = world.asked_scopes(text)
    return account, asked, scope_rules.one_resource(asked, text)


def decide(world: World, user_code: str, choice: str) -> bool:
    """What a person does with a code: an address agrees, `decline` and `expire` end it."""
    device = world.devices.get(user_code.strip().upper().replace("-", ""))
    person = find_person(choice)
    if device is None or device.ended or (person is None and choice not in ("decline", "expire")):
        return False
    if person is None:
        device.ended = {"decline": "declined", "expire": "expired"}[choice]
    device.person = person
    return True


def login_page(world: World, request: Request) -> Response:
    """/devicelogin: the code is typed in, an account chosen."""
    form = dict(parse_pairs(request.body.decode("latin-1"))) if request.method == "POST" else {}
    if form.get("choice") and decide(world, form.get("user_code", ""), form["choice"]):
        return page("You have signed in to the application on your device", "<p>Close this.</p>")
    told = "<p>That code did not work.</p>" if form else ""
    code = escape(form.get("user_code", ""))
    choices = "".join(button(escape(p.name), p.address) for p in world.people())
    inner = (
        f'{told}<form method="post"><label>Code <input name="user_code" value="{code}"></label>'
        f'{choices}{button("Decline", "decline", True)}</form>'
    )
    return page("Enter the code that your device shows", inner)
