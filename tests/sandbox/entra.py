# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Entra's routes: discovery, keys, and the way to the authorize and token endpoints."""

from __future__ import annotations

import re
import uuid

from aadsts import EntraError, entra_headers, error_response
from accounts import login_page
from authorize import admin_consent, authorize, check_tenant, choose, same_place
from pages import page
from people import PERSONAL_TENANT
from state import World
from tokens import correlation_of, device, token
from wire import Pairs, Request, Response, json_response

ROUTES = (
    ("discovery", re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration\Z")),
    ("jwks", re.compile(r"/([^/]+)/discovery/v2\.0/keys\Z")),
    ("authorize", re.compile(r"/([^/]+)/oauth2/v2\.0/authorize\Z")),
    ("token", re.compile(r"/([^/]+)/oauth2/v2\.0/token\Z")),
    ("devicecode", re.compile(r"/([^/]+)/oauth2/v2\.0/devicecode\Z")),
    ("devicelogin", re.compile(r"/(devicelogin)\Z")),
    ("adminconsent", re.compile(r"/([^/]+)/v2\.0/adminconsent\Z")),
    ("choose", re.compile(r"/([^/]+)/login\Z")),
    ("logout", re.compile(r"/([^/]+)/oauth2/v2\.0/logout\Z")),
)
BROWSER_ROUTES = ("authorize", "adminconsent", "choose", "devicelogin", "logout")
METHODS = {
    "discovery": ("GET", "HEAD"),
    "jwks": ("GET", "HEAD"),
    "authorize": ("GET", "POST"),
    "adminconsent": ("GET",),
    "choose": ("POST",),
    "devicelogin": ("GET", "POST"),
    "logout": ("GET", "POST"),
}
CLOUD_NAMES = {
    "global": "microsoftonline.com",
    "us-gov": "microsoftonline.us",
    "us-dod": "microsoftonline.us",
    "china": "partner.microsoftonline.cn",
}
CLAIMS = (
    "sub iss cloud_instance_name cloud_instance_host_name cloud_graph_host_name msgraph_host aud "
    "exp iat auth_time acr nonce preferred_username name tid ver at_hash c_hash email"
)


def find_route(path: str) -> tuple[str, str] | None:
    """Which of Entra's endpoints a path is, and the tenant word in it."""
    for name, pattern in ROUTES:
        match = pattern.match(path)
        if match:
            return name, match.group(1)
    return None


def cached_headers() -> Pairs:
    others = [
        pair
        for pair in entra_headers(str(uuid.uuid4()))
        if pair[0] not in ("Cache-Control", "Pragma", "Expires")
    ]
    own = [("Cache-Control", "max-age=86400, private"), ("Access-Control-Allow-Origin", "*")]
    return own + others


def ways_of_clients(world: World) -> dict[str, object]:
    """How a client may show who it is; of the algorithms of an assertion Entra says nothing."""
    methods = {
        "any": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "basic": ["private_key_jwt", "client_secret_basic"],
        "post": ["client_secret_post", "private_key_jwt"],
    }
    said: dict[str, object] = {
        "token_endpoint_auth_methods_supported": methods[world.settings.secrets_in]
    }
    algorithms = world.settings.assertion_algorithms.split()
    if algorithms:
        said["token_endpoint_auth_signing_alg_values_supported"] = algorithms
    return said


def discovery(world: World, tenant_word: str) -> Response:
    tenant = check_tenant(tenant_word)
    issuer_tenant = {"consumers": PERSONAL_TENANT}.get(tenant, tenant)
    if tenant in ("common", "organizations"):
        issuer_tenant = "{tenantid}"
    here = f"{world.base}/{tenant}"
    document: dict[str, object] = {
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        **ways_of_clients(world),
        "jwks_uri": f"{here}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{world.base}/{issuer_tenant}/v2.0",
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"{world.base}/oidc/userinfo",
        "authorization_endpoint": f"{world.browser_base}/{tenant}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{world.browser_base}/{tenant}/oauth2/v2.0/logout",
        "claims_supported": CLAIMS.split(),
        "kerberos_endpoint": f"{here}/kerberos",
        "tenant_region_scope": None if issuer_tenant == "{tenantid}" else "EU",
        "cloud_instance_name": CLOUD_NAMES[world.settings.cloud],
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": world.graph.removeprefix("https://"),
        "rbac_url": "https://pas.windows.net",
    }
    return json_response(document, 200, cached_headers())


def jwks(world: World, tenant_word: str) -> Response:
    check_tenant(tenant_word)
    return json_response(world.keys.published(world.base, PERSONAL_TENANT), 200, cached_headers())


def logout(world: World, request: Request) -> Response:
    """Back to the application when it names a registered place, a page otherwise."""
    target = dict(request.query).get("post_logout_redirect_uri", "")
    if any(same_place(registered, target) for registered in world.redirect_uris):
        return Response(302, [("Location", target)], b"")
    return page("You signed out of your account", "<p>It's a good idea to close the window.</p>")


def handle(world: World, request: Request, name: str, tenant_word: str) -> Response:
    if request.method not in METHODS.get(name, (request.method,)):
        return Response(405, [("Allow", ", ".join(METHODS[name]))], b"")
    if name == "authorize":
        return authorize(world, request, tenant_word)
    if name == "adminconsent":
        return admin_consent(world, request, tenant_word)
    if name == "choose":
        return choose(world, request)
    if name == "logout":
        return logout(world, request)
    if name == "token":
        return token(world, request, tenant_word)
    if name == "devicecode":
        return device(world, request, tenant_word)
    if name == "devicelogin":
        return login_page(world, request)
    try:
        return discovery(world, tenant_word) if name == "discovery" else jwks(world, tenant_word)
    except EntraError as error:
        return error_response(error, correlation_of(request))
