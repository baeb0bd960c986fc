# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The token endpoint: codes and refresh tokens become access tokens, or are refused.

The checks run in Entra's order: the request, the client, the grant, the scope. A code works once;
a refresh token that was used goes on working, as Entra's do, unless the setting revoke_on_reuse
makes this the strict kind of provider that ends the whole family.
Source: Microsoft, "OAuth 2.0 authorization code flow", "Refresh tokens"; RFC 6749, RFC 7636.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import uuid

import access
import accounts
import behalf
import scopes as scope_rules
from aadsts import EntraError, entra_headers, error_response
from authorize import Params, check_known, check_tenant, client_info, once, wants_cae
from clients import basic_credentials, check_shown
from keys import b64url
from ledger import fingerprint
from people import CLIENT_ID, PERSONAL_TENANT, Person, account_at
from state import Code, Demand, RefreshToken, World
from wire import Request, Response, json_response, parse_pairs

FORM = "application/x-www-form-urlencoded"
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
LOOP_SECONDS = 300
LOOPED = ("refresh_token", "code", "assertion", "scope", "password", "username")


def check_client(world: World, request: Request, params: Params, tenant: str) -> None:
    basic = basic_credentials(request)
    client_id = params.get("client_id") or (basic[0] if basic else "")
    if not client_id:
        raise EntraError(900144, ("client_id",))
    if basic and basic[0] != client_id:
        raise EntraError(700016, (client_id, tenant))
    client = check_known(world, tenant, client_id)
    shows = basic or "client_secret" in params or "client_assertion" in params
    is_public = params.get("grant_type") in accounts.PUBLIC_GRANTS and world.settings.public_flows
    if shows or not is_public:
        check_shown(world, request, params, tenant, client)
    else:
        request.notes["client"] = "public"
    params["client_id"] = request.notes["client_id"] = client_id


def read_form(request: Request) -> Params:
    if request.method != "POST":
        raise EntraError(900561, (request.method,))
    if request.media_type != FORM or not request.body:
        raise EntraError(900144, ("grant_type",))
    try:
        pairs = parse_pairs(request.body.decode())
    except ValueError as bad:
        raise EntraError(9002313) from bad
    return once(pairs)


def check_loop(world: World, params: Params) -> None:
    """Entra's guard against clients that ask the same thing again and again."""
    limit = world.settings.loop_guard
    if not limit:
        return
    now = time.monotonic()
    text = "&".join(params.get(name, "") for name in LOOPED)
    key = fingerprint(text)
    seen = [at for at in world.recent.get(key, []) if now - at < LOOP_SECONDS]
    world.recent[key] = [*seen, now]
    if len(seen) >= limit:
        raise EntraError(50196)


def check_verifier(code: Code, verifier: str) -> None:
    if not code.challenge:
        if verifier:
            raise EntraError(501481)
        return
    if not verifier:
        raise EntraError(50148)
    if not VERIFIER.match(verifier):
        raise EntraError(50147)
    made = b64url(hashlib.sha256(verifier.encode()).digest())
    if code.challenge.startswith("plain:"):
        made = "plain:" + verifier
    if not hmac.compare_digest(made, code.challenge):
        raise EntraError(501481)


def find_code(world: World, params: Params, tenant: str) -> Code:
    for name in ("code", "redirect_uri"):
        if not params.get(name):
            raise EntraError(900144, (name,))
    world.secrets.see("code", params["code"])
    world.secrets.see("verifier", params.get("code_verifier", ""))
    code = world.codes.get(params["code"])
    if code is None:
        raise EntraError(9002313, error="invalid_grant", suberror="bad_token")
    if code.is_used:
        raise EntraError(54005)
    if time.time() - code.issued > world.settings.code_seconds:
        raise EntraError(70008)
    if code.client_id != params["client_id"]:
        raise EntraError(70000)
    if account_at(code.person, tenant) != code.person:
        raise EntraError(700005)
    if params["redirect_uri"] != code.redirect_uri:
        raise EntraError(500112, (params["redirect_uri"], code.redirect_uri))
    check_verifier(code, params.get("code_verifier", ""))
    return code


def by_code(world: World, request: Request, params: Params, tenant: str) -> Response:
    code = find_code(world, params, tenant)
    request.notes["person"] = code.person.address
    text = params.get("scope", "")
    asked = world.asked_scopes(text) or code.scopes
    if not asked <= code.scopes:
        raise EntraError(65001, (CLIENT_ID,))
    resource = scope_rules.one_resource(asked, text) if text.strip() else first_resource(code)
    code.is_used = True
    world.families += 1
    refresh = None
    if "offline_access" in code.scopes:
        refresh = world.new_refresh(
            code.person, code.scopes, world.families, params["client_id"]
        )
    if refresh is not None:
        refresh.met = code.met
    has_cae = wants_cae(params) and code.has_cae
    granted = Granted(world, code.person, code.scopes, resource, has_cae, params["client_id"])
    granted.met = code.met
    return granted.answer(params, asked, refresh, code.nonce)


def first_resource(code: Code) -> str:
    """Consent may be asked for several resources at once; a code redeemed without naming one is
    for Graph when that is among them."""
    found = sorted(scope_rules.resources(code.scopes))
    return scope_rules.GRAPH if not found or scope_rules.GRAPH in found else found[0]


def find_refresh(world: World, params: Params) -> RefreshToken:
    if not params.get("refresh_token"):
        raise EntraError(900144, ("refresh_token",))
    world.secrets.see("refresh_token", params["refresh_token"])
    token = world.refresh_tokens.get(params["refresh_token"])
    if token is None:
        raise EntraError(9002313, error="invalid_grant", suberror="bad_token")
    if token.client_id != params["client_id"]:
        raise EntraError(70000)
    if token.ended:
        raise EntraError(token.ended)
    if time.time() - token.used_at > world.settings.refresh_seconds:
        raise EntraError(700082)
    if token.uses and world.settings.revoke_on_reuse:
        world.revoke_family(token.family, 70000)
        raise EntraError(70000)
    return token


def by_refresh(world: World, request: Request, params: Params, tenant: str) -> Response:
    """A refresh token is a person's, of no tenant: whose account it is for, the endpoint says."""
    token = find_refresh(world, params)
    request.notes["person"] = token.person.address
    person = account_at(token.person, tenant)
    if person is None:
        raise EntraError(65001 if tenant == "consumers" else 50020, (CLIENT_ID,))
    text = params.get("scope", "")
    asked = world.asked_scopes(text) or token.scopes
    consented = world.consents[token.person.oid] | world.consents[person.oid]
    named = {scope for scope in asked if not scope.endswith("/.default")}
    if not world.settings.admin_consented and not named <= consented:
        raise EntraError(65001, (CLIENT_ID,))
    resource = scope_rules.one_resource(asked, text) if text.strip() else scope_rules.GRAPH
    has_cae = wants_cae(params)
    if has_cae:
        token.met = access.check_refresh(world, person, token.met, params["claims"])
    token.uses += 1
    token.used_at = time.time()
    fresh = None
    if world.settings.rotate:
        fresh = world.new_refresh(
            token.person, token.scopes, token.family, token.client_id
        )
        fresh.met = token.met
    granted = Granted(world, person, token.scopes, resource, has_cae, params["client_id"])
    granted.met = token.met
    return granted.answer(params, asked, fresh, "")


class Granted:
    """A grant found good: what its answer holds."""

    def __init__(
        self,
        world: World,
        person: Person,
        scopes: frozenset[str],
        resource: str,
        has_cae: bool,
        client_id: str,
    ) -> None:
        self.client_id = client_id
        self.world = world
        self.person = person
        self.scopes = scopes
        self.resource = resource
        self.has_cae = has_cae
        self.met: Demand | None = None

    def id_token(self, nonce: str) -> str:
        now = int(self.world.now())
        claims: dict[str, object] = {
            "aud": self.client_id,
            "iss": f"{self.world.base}/{self.person.tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "aio": b64url(hashlib.sha256(str(now).encode()).digest()),
            "oid": self.person.oid,
            "rh": "1.AUsA.",
            "sid": str(uuid.uuid4()),
            "sub": b64url(hashlib.sha256(f"{self.client_id}{self.person.oid}".encode()).digest()),
            "tid": self.person.tenant,
            "uti": uuid.uuid4().hex[:22],
            "ver": "2.0",
        }
        if "profile" in self.scopes:
            claims |= {"name": self.person.name, "preferred_username": self.person.address}
        if "email" in self.scopes:
            claims["email"] = self.person.address
        if nonce:
            claims["nonce"] = nonce
        settings = self.world.settings
        claims = merge(claims, settings.id_token_claims)
        secret = self.world.client_secret
        key = settings.sign_with
        if key == "current" and self.person.tenant == PERSONAL_TENANT:
            key = "personal"
        text = self.world.keys.sign(claims, settings.id_token_alg, key, secret)
        return self.world.secrets.see("id_token", text)

    def answer(
        self, params: Params, asked: frozenset[str], refresh: RefreshToken | None, nonce: str
    ) -> Response:
        """More may be granted than was asked: what was consented to before comes along."""
        own = {
            scope
            for scope in self.world.consents[self.person.oid] | asked
            if scope_rules.resource_of(scope) == self.resource and not scope.endswith("/.default")
        }
        granted = frozenset(own | {name for name in scope_rules.OPENID if name in self.scopes})
        token, life = self.world.new_access(self.person, granted, self.resource, self.has_cae)
        token.met = self.met
        style = self.world.settings.scope_style
        body: dict[str, object] = {
            "token_type": "Bearer",
            "scope": scope_rules.answer_text(granted, self.resource, style, self.world.graph),
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": token.text,
        }
        if refresh is not None:
            body["refresh_token"] = refresh.text
        if "openid" in self.scopes:
            body["id_token"] = self.id_token(nonce)
        if params.get("client_info") == "1":
            body["client_info"] = client_info(self.person)
        body = merge(body, self.world.settings.token_members)
        return json_response(body, 200, entra_headers(str(uuid.uuid4())))


def merge(body: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    """Members replaced or added; null takes one away."""
    merged = {**body, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def by_assertion(world: World, request: Request, params: Params, tenant: str) -> Response:
    world.secrets.see("access_token", params.get("assertion", ""))
    person, asked, resource = behalf.redeem(world, params, World.asked_scopes)
    request.notes["person"] = person.address
    refresh = None
    if "offline_access" in asked:
        world.families += 1
        refresh = world.new_refresh(person, asked, world.families, params["client_id"])
    granted = Granted(world, person, asked, resource, wants_cae(params), params["client_id"])
    return granted.answer(params, asked, refresh, "")


def to_person(
    world: World, params: Params, found: tuple[Person, frozenset[str], str]
) -> Response:
    """The first tokens of a sign-in that was found good."""
    person, asked, resource = found
    refresh = None
    if "offline_access" in asked:
        world.families += 1
        refresh = world.new_refresh(person, asked, world.families, params["client_id"])
    granted = Granted(world, person, asked, resource, wants_cae(params), params["client_id"])
    return granted.answer(params, asked, refresh, "")


def by_password(world: World, request: Request, params: Params, tenant: str) -> Response:
    return to_person(world, params, accounts.by_password(world, request, params, tenant))


def by_device(world: World, request: Request, params: Params, tenant: str) -> Response:
    return to_person(world, params, accounts.by_device(world, request, params, tenant))


def by_application(world: World, _request: Request, params: Params, tenant: str) -> Response:
    return accounts.by_application(world, params, tenant)


GRANTS = {
    "password": by_password,
    "client_credentials": by_application,
    accounts.DEVICE_GRANT: by_device,
    "authorization_code": by_code,
    "refresh_token": by_refresh,
    behalf.GRANT: by_assertion,
}


def check_and_grant(world: World, request: Request, tenant_word: str) -> Response:
    tenant = check_tenant(tenant_word)
    params = read_form(request)
    kind = params.get("grant_type", "")
    request.notes["grant_type"] = kind
    request.notes["scope"] = params.get("scope", "")
    for name in ("refresh_token", "code", "password"):
        if params.get(name):
            request.notes[name] = fingerprint(params[name])
    if not kind:
        raise EntraError(900144, ("grant_type",))
    if "resource" in params:
        raise EntraError(901002)
    check_client(world, request, params, tenant_word)
    if kind not in GRANTS:
        raise EntraError(70003, (kind,))
    check_loop(world, params)
    return GRANTS[kind](world, request, params, tenant)


def device(world: World, request: Request, tenant_word: str) -> Response:
    """POST …/oauth2/v2.0/devicecode."""
    correlation = correlation_of(request)
    try:
        return accounts.begin_device(world, read_form(request), check_tenant(tenant_word))
    except EntraError as error:
        request.notes["error_code"] = error.code
        return error_response(error, correlation, world.settings.error_separator)


def correlation_of(request: Request) -> str:
    return request.header("client-request-id") or str(uuid.uuid4())


def token(world: World, request: Request, tenant_word: str) -> Response:
    """POST …/oauth2/v2.0/token."""
    correlation = correlation_of(request)
    try:
        response = check_and_grant(world, request, tenant_word)
    except EntraError as error:
        request.notes["error_code"] = error.code
        response = error_response(error, correlation, world.settings.error_separator)
    if request.header("return-client-request-id").lower() == "true":
        response.headers.append(("client-request-id", correlation))
    return response
