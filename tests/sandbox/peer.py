# Licensed under the Apache License, Version 2.0; see LICENSE.
"""An application in miniature, for the sandbox's own tests: signs in, redeems, refreshes, calls."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from client import Sandbox

VERIFIER = "verifier-" + "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
CALLBACK = "https://app.example/auth/callback"
SCOPE = "openid profile email offline_access User.Read Calendars.ReadWrite"
TOKEN_PATH = "/common/oauth2/v2.0/token"
AUTHORIZE_PATH = "/common/oauth2/v2.0/authorize"
ADA = "ada@sandbox.example"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    all_headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return self.headers["location"]

    @property
    def returned(self) -> dict[str, str]:
        """The parameters that the redirect brings to the application."""
        parts = urllib.parse.urlsplit(self.location)
        return dict(urllib.parse.parse_qsl(parts.query or parts.fragment, keep_blank_values=True))

    @property
    def codes(self) -> list[int]:
        found: list[int] = self.json["error_codes"]
        return found

    @property
    def graph_code(self) -> str:
        return str(self.json["error"]["code"])


class Peer:
    """Speaks to one sandbox; a dict of changes replaces parameters, None takes one away."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.port = int(box.facts["port"])

    def open(self, seconds: float = 20.0) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "localhost", self.port, context=self.box.context, timeout=seconds
        )

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> Answer:
        """Underscores in a header's name stand for hyphens."""
        connection = self.open()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lowered, answer.read(), answer.getheaders())
        finally:
            connection.close()

    def authorize_query(self, **changes: str | None) -> str:
        params: dict[str, str | None] = {
            "client_id": self.box.facts["client_id"],
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "state-of-the-test",
            "nonce": "nonce-of-the-test",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "login_hint": ADA,
            **changes,
        }
        return urllib.parse.urlencode({n: v for n, v in params.items() if v is not None})

    def authorize(self, path: str = AUTHORIZE_PATH, **changes: str | None) -> Answer:
        return self.ask("GET", f"{path}?{self.authorize_query(**changes)}")

    def code(self, **changes: str | None) -> str:
        return self.authorize(**changes).returned["code"]

    def token(self, path: str = TOKEN_PATH, **params: str | None) -> Answer:
        """A token request with the client's secret in its body."""
        named: dict[str, str | None] = {
            "client_id": self.box.facts["client_id"],
            "client_secret": self.box.client_secret,
            **params,
        }
        text = urllib.parse.urlencode({n: v for n, v in named.items() if v is not None})
        return self.ask("POST", path, text, Content_Type="application/x-www-form-urlencoded")

    def redeem(self, code: str, /, **changes: str | None) -> Answer:
        params: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.token(**params)

    def refresh(self, token: str, /, **changes: str | None) -> Answer:
        params = {"grant_type": "refresh_token", "refresh_token": token, **changes}
        return self.token(**params)

    def sign_in(self, person: str = ADA, scope: str = SCOPE) -> dict[str, Any]:
        """The whole way to a token answer."""
        answer = self.redeem(self.code(login_hint=person, scope=scope))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    def graph(
        self, token: str, method: str, path: str, event: object = None, **headers: str
    ) -> Answer:
        headers["Authorization"] = f"Bearer {token}"
        if event is None:
            return self.ask(method, "/v1.0" + path, None, **headers)
        headers.setdefault("Content_Type", "application/json")
        body = event if isinstance(event, (bytes, str)) else json.dumps(event)
        return self.ask(method, "/v1.0" + path, body, **headers)


def claims_of(id_token: str) -> dict[str, Any]:
    """The claims of a JWS, its signature not looked at."""
    text = id_token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found
