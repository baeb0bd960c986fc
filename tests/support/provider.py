# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox as the HTTP tests speak of it."""

import pathlib
import urllib.parse

from client import Sandbox as Process

from .browser import Browser


class Provider:
    """Entra ID and Graph, started once for a run."""

    def __init__(self, folder, host="localhost"):
        plain_port = 0 if host == "localhost" else None
        self.process = Process.start(pathlib.Path(folder), plain_port=plain_port, host=host)
        facts = self.process.facts
        self.ca, self.tenant, self.client_id = facts["ca"], facts["tenant"], facts["client_id"]
        self.authority, self.graph = facts["authority"], facts["graph"]
        self.client_secret_file = facts["client_secret_file"]

    def stop(self):
        self.process.stop()

    def reset(self):
        """As new; what was ever secret stays known."""
        self.process.clear_faults()
        self.process.reset()

    def add_redirect_uri(self, uri):
        self.process.add_redirect_uris(uri)

    def calls(self, where):
        """How many calls came to an endpoint."""
        return self.process.count(where)

    def wait_for_calls(self, where, count):
        """Until so many have come."""
        assert self.process.wait(where, count), f"{where} was not called {count} times"

    def fault(self, where, kind, **more):
        """The next calls there go wrong; kind none: no more do."""
        if kind == "none":
            self.process.clear_faults()
        else:
            self.process.fault(where, kind, **more)

    def revoke(self, person):
        self.process.revoke(person)

    def access_event(self, person, event, needs_user=False):
        """What ends a person's access at once; the claims that it demands of clients of cp1."""
        return self.process.access_event(person, event, needs_user)

    def expire_access(self, person):
        self.process.expire_access(person)

    def rotate_keys(self):
        self.process.rotate_keys()

    def bulk_events(self, person, **size):
        self.process.bulk_events(person, **size)

    def issue(self, person, scope=None):
        """An access and a refresh token, as another application's sign-in would have got."""
        answer = self.process.control("POST", "issue",
                                      {"person": person} | ({"scope": scope} if scope else {}))
        return answer["access_token"], answer["refresh_token"]

    def user_token(self, person, sign_with="", **claims):
        """A user's access token for our own API, with other claims where given (None: without)."""
        return self.process.control("POST", "user_token", {
            "person": person, "sign_with": sign_with, "claims": claims})["access_token"]

    def takes_refresh(self, token):
        """1 when the token endpoint gives tokens for a refresh token, as it is now. Spends it."""
        answer = Browser(self.ca).send(
            "POST", f"{self.authority}/{self.tenant}/oauth2/v2.0/token",
            urllib.parse.urlencode({
                "grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id,
                "client_secret": self.process.client_secret}).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"})
        return answer.status == 200 and "access_token" in answer.json

    def secrets(self):
        """(kind, text) of every secret ever seen."""
        return [(kind, text) for kind, texts in self.process.secrets().items() for text in texts]
