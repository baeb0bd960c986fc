# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Google's accounts: discovery, sign-in, tokens, revocation, userinfo, keys.

What differs from Entra: one token for all APIs, no rotation, a refresh token only with
access_type=offline and a consent screen, scopes that a person can untick, short names of scopes that
come back long, an issuer with or without https://, faults of the sign-in on Google's own pages.
Source: Google, "OpenID Connect", "Using OAuth 2.0 for Web Server Applications"; RFC 6749, RFC 7636.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from clients import basic_credentials, is_among
from keys import b64url, number_text
from pages import button, page
from people import OTHERS, PEOPLE, Person, find_person
from wire import Pairs, Request, Response, json_response, parse_pairs

if TYPE_CHECKING:
    from gcal import GoogleCalendar
    from state import World

HERE = "/google"
CLIENT_ID = "108150000000-sandbox.apps.googleusercontent.com"
APIS = "https://www.googleapis.com/auth/"
MAIL = "https://mail.google.com/"
LONG = {"email": APIS + "userinfo.email", "profile": APIS + "userinfo.profile"}
KNOWN = {
    "openid", *LONG.values(), MAIL,
    *(APIS + name for name in (
        "calendar", "calendar.readonly", "calendar.events", "calendar.events.readonly",
        "gmail.modify", "gmail.readonly", "gmail.send", "contacts.readonly",
    )),
}  # fmt: skip
CODE_SECONDS = 600
ACCESS_SECONDS = 3599
TESTING_SECONDS = 604_799
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
FORM = "application/x-www-form-urlencoded"

ROUTES = {
    f"{HERE}/.well-known/openid-configuration": "discovery",
    f"{HERE}/o/oauth2/v2/auth": "authorize",
    f"{HERE}/signin": "choose",
    f"{HERE}/token": "token",
    f"{HERE}/revoke": "revoke",
    f"{HERE}/userinfo": "userinfo",
    f"{HERE}/certs": "certs",
    f"{HERE}/device/code": "device",
}
BROWSER_ROUTES = ("google:authorize", "google:choose")

Params = dict[str, str]


class GoogleError(Exception):
    """An error of the token endpoint's kind."""

    def __init__(self, status: int, error: str, text: str, subtype: str = "") -> None:
        super().__init__(text)
        self.status, self.error, self.text, self.subtype = status, error, text, subtype

    def response(self) -> Response:
        body = {"error": self.error, "error_description": self.text}
        if self.subtype:
            body["error_subtype"] = self.subtype
        return json_response(body, self.status, [("Cache-Control", "no-store")])


class PageError(Exception):
    """A fault that is shown at Google, and no redirect comes back: status, word, text."""

    def __init__(self, status: int, word: str, text: str) -> None:
        super().__init__(text)
        self.status, self.word, self.text = status, word, text


@dataclass(eq=False)
class Code:
    person: Person
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str  # "" or "plain:…" or the S256 one
    nonce: str
    is_offline: bool  # a refresh token comes with it
    issued: float = field(default_factory=time.time)
    is_used: bool = False


@dataclass(eq=False)
class Token:
    """A refresh or an access token."""

    text: str
    person: Person
    scopes: frozenset[str]
    ends_at: float = 0.0  # of an access token
    ended: str = ""  # why a refresh token is refused: a subtype, or "expired"


class Google:
    """What Google remembers."""

    def __init__(self) -> None:
        self.codes: dict[str, Code] = {}
        self.refresh_tokens: dict[str, Token] = {}
        self.access_tokens: dict[str, Token] = {}
        self.consents: dict[str, frozenset[str]] = {}
        self.flows: dict[str, Params] = {}
        self.calendars: dict[str, dict[str, GoogleCalendar]] = {}

    def end(self, person: Person | None, why: str) -> int:
        """Refresh tokens of a person, or of all, are refused from now on."""
        found = [t for t in self.refresh_tokens.values() if is_of(t, person) and not t.ended]
        for token in found:
            token.ended = why
        return len(found)

    def end_access(self, person: Person | None) -> int:
        found = [token for token in self.access_tokens.values() if is_of(token, person)]
        for token in found:
            token.ends_at = 0.0
        return len(found)

    def disconnect(self, person: Person) -> None:
        """All that the application was given is over, consent too."""
        self.end(person, "expired")
        self.end_access(person)
        self.consents.pop(person.address, None)

    def bearer(self, request: Request) -> Token | None:
        kind, _, text = request.header("authorization").partition(" ")
        token = self.access_tokens.get(text.strip()) if kind.lower() == "bearer" else None
        return token if token is not None and token.ends_at > time.time() else None


def is_of(token: Token, person: Person | None) -> bool:
    return person is None or token.person.address == person.address


def opaque(prefix: str, length: int) -> str:
    return prefix + secrets.token_urlsafe(length)[:length]


def subject(person: Person) -> str:
    """21 digits, as Google's."""
    digits = str(int(hashlib.sha256(person.address.encode()).hexdigest(), 16))
    return "1" + digits[:20]


def domain_of(world: World, person: Person) -> str:
    wanted = world.settings.google_domain
    return wanted if wanted and person.address.endswith("@" + wanted) else ""


def read_scopes(text: str) -> frozenset[str]:
    found = frozenset(LONG.get(scope, scope) for scope in text.split())
    if not found or not found <= KNOWN:
        raise ValueError("Some requested scopes were invalid.")
    return found


def issuer(world: World) -> str:
    return world.base + HERE


# ---- the browser ----


def fault_page(status: int, word: str, text: str) -> Response:
    inner = (f"<p>Error {status}: {escape(word)}</p><p>{escape(text)}</p>"
             "<p>If you are a developer of this app, see the details of the error.</p>")
    return page("Access blocked: this app's request is invalid", inner, status)


def check_request(world: World, params: Params) -> frozenset[str]:
    """What only Google's own page tells."""
    if params.get("client_id") != CLIENT_ID:
        raise PageError(401, "invalid_client", "The OAuth client was not found.")
    if params.get("redirect_uri", "") not in world.redirect_uris:
        raise PageError(400, "redirect_uri_mismatch", params.get("redirect_uri", "(none)"))
    if params.get("response_type") != "code":
        raise PageError(400, "invalid_request", "Missing required parameter: response_type")
    try:
        scopes = read_scopes(params.get("scope", ""))
    except ValueError as bad:
        raise PageError(400, "invalid_scope", str(bad)) from bad
    words = params.get("prompt", "").split()
    if not set(words) <= {"none", "consent", "select_account"} or ("none" in words and words[1:]):
        raise PageError(400, "invalid_request", "Invalid parameter value for prompt")
    if params.get("access_type", "online") not in ("online", "offline"):
        raise PageError(400, "invalid_request", "Invalid parameter value for access_type")
    if params.get("code_challenge_method", "plain") not in ("plain", "S256"):
        raise PageError(400, "invalid_request", "Invalid code_challenge_method")
    if world.settings.require_pkce and params.get("code_challenge_method") != "S256":
        raise PageError(400, "invalid_request", "code_challenge is missing")
    return scopes


def back(params: Params, pairs: Pairs) -> Response:
    target = params["redirect_uri"]
    joint = "&" if "?" in target else "?"
    if params.get("state"):
        pairs = [("state", params["state"]), *pairs]
    return Response(302, [("Location", target + joint + urlencode(pairs))], b"")


def grant(world: World, params: Params, person: Person) -> Response:
    """The person agrees to all but what the setting unticks, if a consent screen is shown at all."""
    google, words = world.google, params.get("prompt", "").split()
    unticked = {LONG.get(one, one) for one in world.settings.google_unticked.split()}
    wanted = read_scopes(params["scope"])
    known = google.consents.get(person.address, frozenset())
    is_shown = not wanted <= known or "consent" in words
    if is_shown and "none" in words:
        return back(params, [("error", "interaction_required")])
    granted = wanted - unticked if is_shown else wanted & known
    google.consents[person.address] = known | granted
    scopes = granted
    if params.get("include_granted_scopes") == "true":
        scopes = google.consents[person.address]
    challenge = params.get("code_challenge", "")
    if challenge and params.get("code_challenge_method", "plain") == "plain":
        challenge = "plain:" + challenge
    text = world.secrets.see("code", opaque("4/0A", 70))
    is_offline = params.get("access_type") == "offline" and is_shown
    is_offline = is_offline or world.settings.google_always_refresh
    google.codes[text] = Code(person, scopes, params["redirect_uri"], challenge,
                              params.get("nonce", ""), is_offline)
    domain = domain_of(world, person)
    return back(params, [
        ("iss", issuer(world)), ("code", text), ("scope", " ".join(sorted(scopes))),
        ("authuser", "0"), *([("hd", domain)] if domain else []),
        ("prompt", "consent" if is_shown else "none")])


def authorize(world: World, request: Request) -> Response:
    pairs = parse_pairs(request.query_text)
    if any(count > 1 for count in Counter(name for name, _ in pairs).values()):
        return fault_page(400, "invalid_request", "OAuth 2 parameters can only have a single value")
    params = dict(pairs)
    try:
        scopes = check_request(world, params)
    except PageError as fault:
        return fault_page(fault.status, fault.word, fault.text)
    for name in ("state", "nonce"):
        world.secrets.see(name, params.get(name, ""))
    words = params.get("prompt", "").split()
    hint = params.get("login_hint", "")
    person = find_person(hint) if hint else None
    if person is not None and "select_account" not in words:
        request.notes["person"] = person.address
        return grant(world, params, person)
    if "none" in words:
        return back(params, [("error", "login_required")])
    flow = opaque("", 40)
    world.google.flows[flow] = params
    return choose_page(flow, sorted(scopes))


def choose_page(flow: str, scopes: list[str]) -> Response:
    people = "".join(
        button(f"{escape(p.name)}<br><small>{escape(p.address)}</small>", p.address)
        for p in (*PEOPLE, *OTHERS)
    )
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    inner = (
        "<p><small>The sandbox's Google: nobody's real account, no password.</small></p>"
        f'<form method="post" action="{HERE}/signin"><input type="hidden" name="flow" '
        f'value="{escape(flow)}">{people}{button("Cancel", "cancel", True)}</form>'
        f"<details><summary>What the application asks for</summary><ul>{wanted}</ul></details>"
    )
    return page("Choose an account", inner)


def choose(world: World, request: Request) -> Response:
    form = dict(parse_pairs(request.body.decode("latin-1")))
    params = world.google.flows.pop(form.get("flow", ""), None)
    if params is None:
        return fault_page(400, "invalid_request", "The page has expired")
    person = find_person(form.get("choice", ""))
    if person is None:
        return back(params, [("error", "access_denied")])
    request.notes["person"] = person.address
    return grant(world, params, person)


# ---- the token endpoint ----


def check_client(world: World, request: Request, params: Params) -> None:
    basic = basic_credentials(request)
    client_id = params.get("client_id") or (basic[0] if basic else "")
    secret = params.get("client_secret") or (basic[1] if basic else "")
    world.secrets.see("client_secret", secret)
    if not client_id:
        raise GoogleError(400, "invalid_request", "Could not determine client ID from request.")
    if client_id != CLIENT_ID:
        raise GoogleError(401, "invalid_client", "The OAuth client was not found.")
    if not secret:
        raise GoogleError(400, "invalid_request", "client_secret is missing.")
    if not is_among(secret, world.registration.secrets):
        raise GoogleError(401, "invalid_client", "Unauthorized")


def check_verifier(code: Code, verifier: str) -> None:
    if not code.challenge:
        if verifier:
            raise GoogleError(400, "invalid_grant", "code_verifier or verifier is not needed.")
        return
    if not verifier:
        raise GoogleError(400, "invalid_grant", "Missing code verifier.")
    made = b64url(hashlib.sha256(verifier.encode()).digest())
    if code.challenge.startswith("plain:"):
        made = "plain:" + verifier
    if not VERIFIER.match(verifier) or not hmac.compare_digest(made, code.challenge):
        raise GoogleError(400, "invalid_grant", "Invalid code verifier.")


def new_access(world: World, person: Person, scopes: frozenset[str]) -> dict[str, object]:
    text = world.secrets.see("access_token", opaque("ya29.a0", 160))
    life = world.settings.access_seconds
    life = ACCESS_SECONDS if life is None else life
    world.google.access_tokens[text] = Token(text, person, scopes, time.time() + life)
    return {
        "access_token": text,
        "expires_in": life,
        "scope": " ".join(sorted(scopes)),
        "token_type": "Bearer",
    }


def new_refresh(world: World, person: Person, scopes: frozenset[str]) -> str:
    """The oldest of too many dies, and nothing tells of it."""
    text = world.secrets.see("refresh_token", opaque("1//09", 98))
    google = world.google
    google.refresh_tokens[text] = Token(text, person, scopes)
    alive = [t for t in google.refresh_tokens.values() if is_of(t, person) and not t.ended]
    for token in alive[: -world.settings.google_most_tokens]:
        token.ended = "expired"
    return text


def id_token(world: World, token: Token, access: str, nonce: str) -> str:
    settings, now = world.settings, int(world.now())
    full = issuer(world)
    claims: dict[str, object] = {
        "iss": full.removeprefix("https://") if settings.google_bare_issuer else full,
        "azp": CLIENT_ID,
        "aud": CLIENT_ID,
        "at_hash": b64url(hashlib.sha256(access.encode()).digest()[:16]),
        "iat": now,
        "exp": now + 3600,
        **person_claims(world, token),
    }
    if nonce:
        claims["nonce"] = nonce
    claims = {k: v for k, v in {**claims, **settings.id_token_claims}.items() if v is not None}
    text = world.keys.sign(claims, settings.id_token_alg, settings.sign_with, world.client_secret)
    return world.secrets.see("id_token", text)


def person_claims(world: World, token: Token) -> dict[str, object]:
    person, domain = token.person, domain_of(world, token.person)
    claims: dict[str, object] = {"sub": subject(person)}
    if domain:
        claims["hd"] = domain
    if LONG["email"] in token.scopes:
        claims |= {"email": person.address, "email_verified": True}
    if LONG["profile"] in token.scopes:
        claims |= {
            "name": person.name,
            "picture": "https://lh3.googleusercontent.com/a/sandbox=s96-c",
            "given_name": person.given_name,
            "family_name": person.surname,
        }
    return claims


def by_code(world: World, request: Request, params: Params) -> dict[str, object]:
    world.secrets.see("code", params.get("code", ""))
    world.secrets.see("verifier", params.get("code_verifier", ""))
    code = world.google.codes.get(params.get("code", ""))
    if code is None:
        raise GoogleError(400, "invalid_grant", "Malformed auth code.")
    request.notes["person"] = code.person.address
    if code.is_used or time.time() - code.issued > CODE_SECONDS:
        raise GoogleError(400, "invalid_grant", "Bad Request")
    if params.get("redirect_uri") != code.redirect_uri:
        raise GoogleError(400, "redirect_uri_mismatch", "Bad Request")
    check_verifier(code, params.get("code_verifier", ""))
    code.is_used = True
    body = new_access(world, code.person, code.scopes)
    if code.is_offline:
        body["refresh_token"] = new_refresh(world, code.person, code.scopes)
        if world.settings.google_testing:
            body["refresh_token_expires_in"] = TESTING_SECONDS
    if "openid" in code.scopes:
        token = world.google.access_tokens[str(body["access_token"])]
        body["id_token"] = id_token(world, token, token.text, code.nonce)
    return body


def by_refresh(world: World, request: Request, params: Params) -> dict[str, object]:
    world.secrets.see("refresh_token", params.get("refresh_token", ""))
    token = world.google.refresh_tokens.get(params.get("refresh_token", ""))
    if token is None:
        raise GoogleError(400, "invalid_grant", "Bad Request")
    request.notes["person"] = token.person.address
    if token.ended in ("invalid_rapt", "rapt_required"):
        raise GoogleError(400, "invalid_grant", f"reauth related error ({token.ended})",
                          token.ended)
    if token.ended:
        raise GoogleError(400, "invalid_grant", "Token has been expired or revoked.")
    scopes = token.scopes
    if params.get("scope"):
        scopes = frozenset(LONG.get(one, one) for one in params["scope"].split())
        if not scopes <= token.scopes:
            raise GoogleError(400, "invalid_scope", "Some requested scopes were invalid.")
    body = new_access(world, token.person, scopes)
    if "openid" in scopes:
        access = world.google.access_tokens[str(body["access_token"])]
        body["id_token"] = id_token(world, access, access.text, "")
    return body


GRANTS = {"authorization_code": by_code, "refresh_token": by_refresh}


def read_form(request: Request) -> Params:
    if request.media_type != FORM:
        raise GoogleError(400, "invalid_request", "Bad Request")
    pairs = parse_pairs(request.body.decode("latin-1"))
    if any(count > 1 for count in Counter(name for name, _ in pairs).values()):
        raise GoogleError(400, "invalid_request", "OAuth 2 parameters can only have a single value")
    return dict(pairs)


def token(world: World, request: Request) -> Response:
    if request.method != "POST":
        return Response(404, [("Content-Type", "text/html")], b"<p>404. That's an error.")
    try:
        params = read_form(request)
        kind = params.get("grant_type", "")
        request.notes |= {"grant_type": kind, "parameters": sorted(params)}
        if not kind:
            raise GoogleError(400, "invalid_request", "Required parameter is missing: grant_type")
        check_client(world, request, params)
        if kind not in GRANTS:
            raise GoogleError(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
        body = GRANTS[kind](world, request, params)
    except GoogleError as error:
        return error.response()
    changed = {**body, **world.settings.token_members}
    return json_response({k: v for k, v in changed.items() if v is not None}, 200,
                         [("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")])


def revoke(world: World, request: Request) -> Response:
    """Either kind of token ends the whole of what the account gave to the application."""
    if request.method != "POST":
        return Response(404, [("Content-Type", "text/html")], b"<p>404. That's an error.")
    form = dict(parse_pairs(request.body.decode("latin-1")))
    request.notes["is_client"] = request.header("authorization").startswith("Basic ")
    text, google = form.get("token", ""), world.google
    found = google.refresh_tokens.get(text) or google.access_tokens.get(text)
    is_dead = found is None or (found.ended != "" if text in google.refresh_tokens
                                else found.ends_at <= time.time())
    if found is None or is_dead:
        return GoogleError(400, "invalid_token", "Token expired or revoked").response()
    google.disconnect(found.person)
    return json_response({})


# ---- the rest ----


def userinfo(world: World, request: Request) -> Response:
    found = world.google.bearer(request)
    if found is None:
        body = {"error": "invalid_request", "error_description": "Invalid Credentials"}
        return json_response(body, 401, [
            ("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/", '
                                 'error="invalid_token"')])
    return json_response(person_claims(world, found))


def discovery(world: World) -> Response:
    here = world.base + HERE
    return json_response({
        "issuer": here,
        "authorization_endpoint": f"{world.browser_base}{HERE}/o/oauth2/v2/auth",
        "device_authorization_endpoint": f"{here}/device/code",
        "token_endpoint": f"{here}/token",
        "userinfo_endpoint": f"{here}/userinfo",
        "revocation_endpoint": f"{here}/revoke",
        "jwks_uri": f"{here}/certs",
        "response_types_supported": ["code", "token", "id_token", "code token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": True,
    }, 200, [("Cache-Control", "public, max-age=3600")])


def certs(world: World) -> Response:
    keys = [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid,
        "n": number_text(key.private.public_key().public_numbers().n),
        "e": number_text(key.private.public_key().public_numbers().e),
    } for key in world.keys.work]
    return json_response({"keys": keys}, 200, [("Cache-Control", "public, max-age=21600")])


def find_route(path: str) -> str | None:
    name = ROUTES.get(path)
    return f"google:{name}" if name else None


def handle(world: World, request: Request, name: str) -> Response:
    if name == "google:authorize":
        return authorize(world, request)
    if name == "google:choose":
        return choose(world, request)
    if name == "google:token":
        return token(world, request)
    if name == "google:revoke":
        return revoke(world, request)
    if name == "google:userinfo":
        return userinfo(world, request)
    if name == "google:device":
        return GoogleError(401, "invalid_client", "Invalid client type.").response()
    return discovery(world) if name == "google:discovery" else certs(world)
