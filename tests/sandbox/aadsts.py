# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Entra's error codes and how they are said: as a JSON body, or as parameters of a redirect.

Source: Microsoft, "Microsoft Entra authentication and authorization error codes"; the pairing of
code and `error` follows what the token endpoint has been seen to answer.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from wire import Pairs, Response, json_response

# code: error, suberror, text
Row = tuple[str, str, str]

CODES: dict[int, Row] = {
    16000: ("interaction_required", "", "Either multiple user identities are available for the "
            "current request or selected account is not supported for the scenario."),
    28000: ("invalid_request", "", "Provided value for the input parameter scope is not valid "
            "because it contains more than one resource. Scope {0} is not valid."),
    28003: ("invalid_request", "", "Provided value for the input parameter scope cannot be empty "
            "when requesting an access token using the provided authorization code."),
    50011: ("invalid_request", "", "The redirect URI '{0}' specified in the request does not match "
            "the redirect URIs configured for the application '{1}'."),
    50013: ("invalid_grant", "", "Assertion failed signature or audience validation."),
    50020: ("access_denied", "", "User account '{0}' from identity provider does not exist in "
            "tenant and cannot access the application."),
    50027: ("invalid_client", "", "Invalid JWT token."),
    50034: ("invalid_grant", "", "The user account does not exist in the directory."),
    50053: ("invalid_grant", "", "The account is locked, you've tried to sign in too many times."),
    50055: ("invalid_grant", "user_password_expired", "The password is expired."),
    50057: ("invalid_grant", "", "The user account is disabled."),
    50058: ("login_required", "", "A silent sign-in request was sent but no user is signed in."),
    50076: ("invalid_grant", "basic_action", "Due to a configuration change made by your "
            "administrator, you must use multi-factor authentication to access '{0}'."),
    50126: ("invalid_grant", "", "Error validating credentials due to invalid username or "
            "password."),
    50079: ("invalid_grant", "basic_action", "You must enroll in multi-factor authentication."),
    50105: ("invalid_grant", "", "The signed in user is not assigned to a role for the "
            "application."),
    50133: ("invalid_grant", "bad_token", "Session is invalid due to expiration or recent password "
            "change."),
    50147: ("invalid_grant", "", "Invalid size of Code_Verifier parameter."),
    50148: ("invalid_grant", "", "The code_verifier does not match the code_challenge supplied in "
            "the authorization request for PKCE."),
    50149: ("invalid_request", "", "Invalid Code_Challenge_method parameter."),
    50173: ("invalid_grant", "bad_token", "The provided grant has expired due to it being revoked, "
            "a fresh auth token is needed."),
    50194: ("unauthorized_client", "", "Application '{0}' is not configured as a multi-tenant "
            "application. Usage of the /common endpoint is not supported for such apps."),
    50196: ("invalid_grant", "", "The server terminated an operation because it encountered a "
            "client request loop."),
    53000: ("invalid_grant", "additional_action", "Device is not in required device state."),
    53003: ("invalid_grant", "message_only", "Access has been blocked by Conditional Access "
            "policies. The access policy does not allow token issuance."),
    54005: ("invalid_grant", "", "OAuth2 Authorization code was already redeemed, please retry "
            "with a new valid code or use an existing refresh token."),
    65001: ("invalid_grant", "consent_required", "The user or administrator has not consented to "
            "use the application with ID '{0}'. Send an interactive authorization request for "
            "this user and resource."),
    65004: ("access_denied", "", "User declined to consent to access the app."),
    70000: ("invalid_grant", "", "Provided grant is invalid or malformed."),
    70003: ("unsupported_grant_type", "", "The app requested an unsupported grant type '{0}'."),
    70005: ("unsupported_response_type", "", "The app requested an unsupported response type "
            "'{0}'."),
    70007: ("unsupported_response_type", "", "'{0}' is not a supported value for the "
            "response_mode parameter."),
    70008: ("invalid_grant", "", "The provided authorization code or refresh token has expired "
            "due to inactivity. Send a new interactive authorization request for this user and "
            "resource."),
    70011: ("invalid_scope", "", "The provided value for the input parameter 'scope' is not valid. "
            "The scope {0} is not valid."),
    70016: ("authorization_pending", "", "OAuth 2.0 device flow error. Authorization is pending. "
            "Continue polling."),
    70018: ("bad_verification_code", "", "Invalid verification code due to the user typing in the "
            "wrong user code for device code flow."),
    70019: ("expired_token", "", "Verification code expired."),
    70021: ("invalid_client", "", "No matching federated identity record found for presented "
            "assertion."),
    70043: ("invalid_grant", "bad_token", "The refresh token has expired or is invalid due to "
            "sign-in frequency checks by conditional access."),
    80002: ("temporarily_unavailable", "", "The authentication agent timed out."),
    90002: ("invalid_tenant", "", "Tenant '{0}' not found. Check to make sure you have the correct "
            "tenant ID and are signing into the correct cloud."),
    90013: ("invalid_request", "", "Invalid input received from the user: {0}."),
    90015: ("invalid_request", "", "Query string is too long."),
    90019: ("invalid_request", "", "No tenant-identifying information found in either the request "
            "or implied by any provided credentials."),
    90023: ("invalid_request", "", "Unsupported '{0}' value."),
    90033: ("temporarily_unavailable", "", "A transient error has occurred. Please try again."),
    90036: ("server_error", "", "An unexpected, non-retryable error stemming from the directory "
            "service has occurred."),
    90055: ("temporarily_unavailable", "", "Tenant is throttled due to too many requests."),
    90094: ("access_denied", "", "An administrator of the organization must grant consent for the "
            "application '{0}'."),
    500133: ("invalid_grant", "", "Assertion is not within its valid time range."),
    500011: ("invalid_resource", "", "The resource principal named {0} was not found in the "
             "tenant. This can happen if the application has not been installed by the "
             "administrator of the tenant or consented to by any user in the tenant."),
    500112: ("invalid_client", "", "The reply address '{0}' does not match the reply address '{1}' "
             "provided when requesting Authorization code."),
    501481: ("invalid_grant", "", "The Code_Verifier does not match the code_challenge supplied in "
             "the authorization request."),
    501491: ("invalid_request", "", "Invalid size of Code_Challenge parameter."),
    650053: ("invalid_client", "", "The application asked for scope '{0}' that doesn't exist on "
             "the resource '00000003-0000-0000-c000-000000000000'."),
    700005: ("invalid_grant", "", "Provided Authorization Code is intended to use against other "
             "tenant, thus rejected."),
    700016: ("unauthorized_client", "", "Application with identifier '{0}' was not found in the "
             "directory '{1}'."),
    700021: ("invalid_client", "", "Client assertion application identifier doesn't match "
             "'client_id' parameter."),
    700023: ("invalid_client", "", "Client assertion audience claim does not match Realm issuer."),
    700024: ("invalid_client", "", "Client assertion is not within its valid time range."),
    700027: ("invalid_client", "", "The certificate with identifier used to sign the client "
             "assertion is not registered on application."),
    700054: ("unsupported_response_type", "", "response_type 'id_token' is not enabled for the "
             "application."),
    700082: ("invalid_grant", "token_expired", "The refresh token has expired due to inactivity."),
    900144: ("invalid_request", "", "The request body must contain the following parameter: "
             "'{0}'."),
    900561: ("invalid_request", "", "The endpoint only accepts POST requests. Received a {0} "
             "request."),
    901002: ("invalid_request", "", "The 'resource' request parameter is not supported."),
    1002012: ("invalid_scope", "", "The provided value for scope {0} is not valid. Client "
              "credential flows must have a scope value with /.default suffixed to the resource "
              "identifier (application ID URI)."),
    9001023: ("invalid_request", "", "The grant type is not supported over the /common or "
              "/consumers endpoints. Please use the /organizations or tenant-specific endpoint."),
    7000215: ("invalid_client", "", "Invalid client secret provided. Ensure the secret being sent "
              "in the request is the client secret value, not the client secret ID, for a secret "
              "added to app '{0}'."),
    7000218: ("invalid_client", "", "The request body must contain the following parameter: "
              "'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", "", "The provided client secret keys for app '{0}' are expired."),
    9002313: ("invalid_request", "", "Invalid request. Request is malformed or invalid."),
    9002325: ("invalid_request", "", "Proof Key for Code Exchange is required for cross-origin "
              "authorization code redemption."),
    9002326: ("invalid_request", "", "Cross-origin token redemption is permitted only for the "
              "'Single-Page Application' client-type."),
}

STATUSES = {
    "invalid_client": 401,
    "temporarily_unavailable": 503,
    "server_error": 500,
}


@dataclass
class EntraError(Exception):
    """A refusal. `error`, `suberror` and `status` replace what the table says for the code."""

    code: int
    args_of_text: tuple[str, ...] = ()
    error: str = ""
    suberror: str | None = None
    status: int = 0
    claims: str = ""

    def row(self) -> Row:
        return CODES.get(self.code, ("invalid_grant", "", "An error has occurred."))

    @property
    def error_name(self) -> str:
        return self.error or self.row()[0]

    @property
    def http_status(self) -> int:
        return self.status or STATUSES.get(self.error_name, 400)

    def text(self) -> str:
        given = [*self.args_of_text, "", ""]
        return f"AADSTS{self.code}: {self.row()[2].format(*given)}"


def entra_headers(trace: str) -> Pairs:
    """What the token endpoint sends with every answer."""
    return [
        ("Cache-Control", "no-store, no-cache"),
        ("Pragma", "no-cache"),
        ("Expires", "-1"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
        ("X-Content-Type-Options", "nosniff"),
        ("P3P", 'CP="DSP CUR OTPi IND OTRi ONL FIN"'),
        ("x-ms-request-id", trace),
        ("x-ms-ests-server", "2.1.0 - SANDBOX ProdSlices"),
        ("X-XSS-Protection", "0"),
        ("Set-Cookie", "fpc=AsandboxA; path=/; secure; HttpOnly; SameSite=None"),
        ("Set-Cookie", "x-ms-gateway-slice=estsfd; path=/; secure; httponly"),
        ("Set-Cookie", "stsservicecookie=estsfd; path=/; secure; httponly"),
    ]


def error_response(error: EntraError, correlation: str, separator: str = " ") -> Response:
    """The token endpoint's body; older servers separate the parts of the text with CR LF."""
    trace = str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    parts = [
        error.text(),
        f"Trace ID: {trace}",
        f"Correlation ID: {correlation}",
        f"Timestamp: {stamp}",
    ]
    body: dict[str, object] = {
        "error": error.error_name,
        "error_description": separator.join(parts),
        "error_codes": [error.code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.code}",
    }
    suberror = error.row()[1] if error.suberror is None else error.suberror
    if suberror:
        body["suberror"] = suberror
    if error.claims:
        body["claims"] = error.claims
    return json_response(body, error.http_status, entra_headers(trace))


def redirect_pairs(error: EntraError) -> Pairs:
    """The parameters that a failed authorization brings back to the application."""
    return [
        ("error", error.error_name),
        ("error_description", error.text()),
        ("error_uri", f"https://login.microsoftonline.com/error?code={error.code}"),
    ]
