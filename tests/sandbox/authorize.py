# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The authorize endpoint: what the browser is sent to, and how it is sent back.

Until the application and its redirect URI are known to be right, every fault is shown on a page of
Entra's own and nothing reaches the application (RFC 6749 4.1.2.1); after that it is told by
redirect. A login_hint of a known person stands for a browser that is signed in already.
Source: Microsoft, "OAuth 2.0 authorization code flow"; RFC 6749, RFC 7636.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import Counter
from urllib.parse import urlencode, urlsplit

import access
import scopes as scope_rules
from aadsts import EntraError, redirect_pairs
from pages import choose_page, consent_page, error_page, relay_page
from people import (
    CLIENT_ID,
    DOMAIN,
    PARTNER_DOMAIN,
    PARTNER_TENANT,
    PERSONAL_TENANT,
    TENANT,
    Person,
    account_at,
    find_person,
)
from state import Client, Code, World, opaque
from keys import b64url
from wire import Pairs, Request, Response, json_text, parse_pairs

QUERY_LIMIT = 16 * 1024
MODES = ("query", "fragment", "form_post")
PROMPTS = ("login", "none", "consent", "select_account")
CHALLENGE = re.compile(r"[A-Za-z0-9._~-]+\Z")
TENANTS = {
    TENANT: TENANT,
    DOMAIN: TENANT,
    PARTNER_TENANT: PARTNER_TENANT,
    PARTNER_DOMAIN: PARTNER_TENANT,
    "common": "common",
    "organizations": "organizations",
}

Params = dict[str, str]


def check_tenant(tenant: str) -> str:
    """The tenant segment in its canonical form, or the refusal of an unknown one."""
    lowered = tenant.lower()
    if lowered in ("consumers", PERSONAL_TENANT):
        return "consumers"
    if lowered not in TENANTS:
        raise EntraError(90002, (tenant,))
    return TENANTS[lowered]


def same_place(registered: str, asked: str) -> bool:
    """The exact same text, but that for localhost the port does not count."""
    if registered == asked:
        return True
    ours, theirs = urlsplit(registered), urlsplit(asked)
    if ours.hostname != "localhost" or theirs.hostname != "localhost":
        return False
    try:
        asked_port = theirs.port
    except ValueError:
        return False
    suffix = f":{asked_port}" if asked_port else ""
    return ours._replace(netloc="localhost" + suffix).geturl() == asked


def once(pairs: Pairs) -> Params:
    """Every parameter may come once (RFC 6749 3.1)."""
    if any(count > 1 for count in Counter(name for name, _ in pairs).values()):
        raise EntraError(9002313)
    return dict(pairs)


def check_known(world: World, tenant_word: str, client_id: str) -> Client:
    """The registration: known to all tenants, or to one, whose own endpoints it must use."""
    client = world.clients.get(client_id)
    if client is None:
        raise EntraError(700016, (client_id, tenant_word))
    tenant = check_tenant(tenant_word)
    is_of_one = bool(client.tenant) or world.settings.single_tenant
    if tenant in ("common", "organizations") and is_of_one:
        raise EntraError(50194, (client_id,))
    if client.tenant and tenant != client.tenant:
        raise EntraError(700016, (client_id, tenant_word))
    return client


def check_target(world: World, tenant: str, params: Params) -> None:
    """Who asks, and where the answer would go: the faults that only a page may tell."""
    if not params.get("client_id"):
        raise EntraError(900144, ("client_id",))
    check_known(world, tenant, params["client_id"])
    if not params.get("redirect_uri"):
        raise EntraError(900144, ("redirect_uri",))
    asked = params["redirect_uri"]
    if not any(same_place(registered, asked) for registered in world.redirect_uris):
        raise EntraError(50011, (asked, params["client_id"]))


def check_challenge(world: World, params: Params) -> None:
    challenge = params.get("code_challenge", "")
    method = params.get("code_challenge_method", "")
    if not challenge:
        if world.settings.require_pkce or method:
            raise EntraError(9002325)
        return
    if method not in ("S256", "plain", ""):
        raise EntraError(50149)
    if world.settings.require_pkce and method != "S256":
        raise EntraError(50149)
    size_is_right = len(challenge) == 43 if method == "S256" else 43 <= len(challenge) <= 128
    if not size_is_right or not CHALLENGE.match(challenge):
        raise EntraError(501491)


def check_request(world: World, params: Params) -> frozenset[str]:
    """What is asked; its faults are told to the application. The scopes in full spelling."""
    kinds = params["response_type"].split()
    if kinds != ["code"]:
        known = set(kinds) <= {"code", "id_token"}
        raise EntraError(700054) if known else EntraError(70005, (params["response_type"],))
    if params.get("response_mode", "query") not in MODES:
        raise EntraError(70007, (params["response_mode"],))
    if params.get("prompt", "login") not in PROMPTS:
        raise EntraError(90023, ("prompt",))
    if not params.get("scope", "").strip():
        raise EntraError(900144, ("scope",))
    check_challenge(world, params)
    wants_cae(params)
    found = scope_rules.parse(params["scope"], world.base, world.graph)
    if found & {f"{scope_rules.GRAPH}/{name}" for name in scope_rules.ADMIN_ONLY}:
        if not world.settings.admin_consented and not world.admin_consents:
            raise EntraError(90094, (CLIENT_ID,))
    return found


def wants_cae(params: Params) -> bool:
    """Whether the claims parameter declares the client able to answer claims challenges."""
    if not params.get("claims"):
        return False
    try:
        claims = json.loads(params["claims"])
        values = claims.get("access_token", {}).get("xms_cc", {}).get("values", [])
    except (ValueError, AttributeError, RecursionError) as bad:
        raise EntraError(90013, ("claims",)) from bad
    return isinstance(values, list) and "cp1" in values


def back(params: Params, pairs: Pairs) -> Response:
    """Send the browser back to the application."""
    if params.get("state"):
        pairs = [*pairs, ("state", params["state"])]
    target = params["redirect_uri"]
    mode = params.get("response_mode", "query")
    if mode == "form_post":
        return relay_page(target, pairs)
    if not urlsplit(target).path:
        target += "/"
    mark = "#" if mode == "fragment" else "&" if "?" in target else "?"
    headers = [
        ("Location", target + mark + urlencode(pairs)),
        ("Cache-Control", "no-store, no-cache"),
        ("Content-Type", "text/html; charset=utf-8"),
    ]
    return Response(302, headers, b"")


def client_info(person: Person) -> str:
    return b64url(json_text({"uid": person.oid, "utid": person.tenant}))


def issue_code(world: World, tenant: str, params: Params, somebody: Person) -> Response:
    person = account_at(somebody, tenant)
    if person is None:
        return refused(EntraError(50020, (somebody.address,)))
    if person.oid in world.disabled:
        return refused(EntraError(50057))
    asked = scope_rules.parse(params["scope"], world.base, world.graph)
    world.consents[person.oid] |= asked
    text = world.secrets.see("code", opaque("1.AUsA", 1200))
    world.codes[text] = Code(
        text,
        person,
        asked,
        params["redirect_uri"],
        params.get("code_challenge", ""),
        params.get("nonce", ""),
        tenant,
        time.time(),
        has_cae=wants_cae(params),
        met=access.met_by_sign_in(world, person, params.get("claims", "")),
        client_id=params["client_id"],
    )
    # With no method, or `plain`, the challenge is the verifier itself (RFC 7636 4.3).
    if params.get("code_challenge") and params.get("code_challenge_method", "plain") == "plain":
        world.codes[text].challenge = "plain:" + params["code_challenge"]
    pairs = [("code", text)]
    if params.get("client_info") == "1":
        pairs.append(("client_info", client_info(person)))
    return back(params, [*pairs, ("session_state", str(uuid.uuid4()))])


def refused(error: EntraError) -> Response:
    return error_page(error.text())


def sign_in(world: World, tenant: str, params: Params, wanted: frozenset[str]) -> Response:
    """At once when the hint names a person and the page is not demanded; else by the page."""
    prompt = params.get("prompt", "")
    hint = params.get("login_hint", "")
    person = find_person(hint) if hint else None
    if person and account_at(person, tenant) is None:
        return refused(EntraError(50020, (person.address,)))
    if person and prompt in ("", "none"):
        return issue_code(world, tenant, params, person)
    if prompt == "none":
        raise EntraError(50058)
    flow = opaque("", 32)
    world.flows[flow] = {**params, "//tenant": tenant}
    unknown = hint if hint and not person and prompt != "select_account" else ""
    return choose_page(f"/{tenant}/login", flow, sorted(wanted), unknown)


def remember(world: World, params: Params) -> None:
    for name in ("state", "nonce"):
        world.secrets.see(name, params.get(name, ""))


def authorize(world: World, request: Request, tenant_word: str) -> Response:
    """GET or POST …/oauth2/v2.0/authorize."""
    try:
        text = request.body.decode("latin-1") if request.method == "POST" else request.query_text
        if len(text) > QUERY_LIMIT:
            raise EntraError(90015)
        tenant = check_tenant(tenant_word)
        params = once(parse_pairs(text))
        check_target(world, tenant_word, params)
        if not params.get("response_type"):
            raise EntraError(900144, ("response_type",))
    except (EntraError, ValueError) as error:
        return refused(error if isinstance(error, EntraError) else EntraError(90015))
    remember(world, params)
    try:
        wanted = check_request(world, params)
        return sign_in(world, tenant, params, wanted)
    except EntraError as error:
        if params.get("response_mode", "query") not in MODES:
            params = {**params, "response_mode": "query"}
        return back(params, redirect_pairs(error))


def admin_consent(world: World, request: Request, tenant_word: str) -> Response:
    """GET /{tenant}/v2.0/adminconsent: what an administrator sees. There is none of personal
    accounts, and common is not for this. Source: Microsoft, "Admin consent"."""
    try:
        tenant = check_tenant(tenant_word)
        if tenant in ("common", "consumers"):
            raise EntraError(90019)
        params = once(parse_pairs(request.query_text))
        check_target(world, tenant_word, params)
        if not params.get("scope"):
            raise EntraError(900144, ("scope",))
        wanted = scope_rules.parse(params["scope"], world.base, world.graph)
    except (EntraError, ValueError) as error:
        return refused(error if isinstance(error, EntraError) else EntraError(90015))
    flow = opaque("", 32)
    admin = TENANT if tenant == "organizations" else tenant
    world.flows[flow] = {**params, "//tenant": tenant, "//admin": admin}
    return consent_page(f"/{tenant}/login", flow, sorted(wanted))


def admin_chose(world: World, params: Params, choice: str) -> Response:
    """Back to the application; the error's text has line breaks in it, as Entra's."""
    told = [("admin_consent", "True")]
    if choice != "accept":
        text = f"{EntraError(65004).text()}\r\nTrace ID: {uuid.uuid4()}"
        error = [("error", "access_denied"), ("error_description", text)]
        return back(params, [*error, *told])
    world.admin_consents.add(params["//admin"])
    return back(params, [*told, ("tenant", params["//admin"]), ("scope", params["scope"])])


def choose(world: World, request: Request) -> Response:
    """POST /{tenant}/login: the page's buttons. A flow's page works once."""
    form = dict(parse_pairs(request.body.decode("latin-1")))
    params = world.flows.pop(form.get("flow", ""), None)
    if params is None:
        return refused(EntraError(9002313))
    choice = form.get("choice", "")
    if "//admin" in params:
        return admin_chose(world, params, choice)
    if choice == "cancel":
        return back(params, [("error", "access_denied"), ("error_subcode", "cancel")])
    if choice == "decline":
        return back(params, redirect_pairs(EntraError(65004)))
    person = find_person(choice)
    if person is None or account_at(person, params["//tenant"]) is None:
        return refused(EntraError(50020, (choice,)))
    request.notes["person"] = person.address
    return issue_code(world, params["//tenant"], params, person)
