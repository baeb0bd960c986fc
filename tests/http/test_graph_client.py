# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Microsoft's own JavaScript client on conf/examples/graph.conf, over TLS: nothing but its base URL is changed."""

import json
import os
import pathlib
import re
import subprocess
import time

import pytest
from test_examples import Example, secret_of

from support import httpd as servers
from support import npm
from support.browser import Browser
from support.jwt import Signer
from support.site import tls_host

PACKAGE, VERSION = "@microsoft/microsoft-graph-client", "3.0.7"
SCRIPT = pathlib.Path(__file__).parent / "fixtures" / "graph_client.js"
SECRET = "b3f1c0ffee-shared-by-two-parties-0123456789-0123456789-0123456789"


class Gateway(Example):
    """An httpd with the example, as browsers and clients reach it: by TLS."""

    def __init__(self, folder, sandbox):
        self.port = servers.free_port()
        super().__init__(folder, "graph", "event", "sqlite3", None, sandbox, {
            "TENANT_ID": sandbox.tenant, "CLIENT_ID": sandbox.client_id, "CLIENT_SECRET": secret_of(sandbox),
            "TOKEN_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "APP_SECRET": SECRET})

    @property
    def base(self):
        return f"https://localhost:{self.port}"

    def text(self, name):
        text, times = re.subn(r"^GraphTokPublicURL .*$", f"GraphTokPublicURL {self.base}", super().text(name),
                              flags=re.M)
        assert times == 1
        return text + "GraphTokBackground off\nGraphTokLimit off\n" + tls_host(self.port, self.sandbox)

    def ask(self, browser, path, role):
        return browser.get(self.base + path, headers={"Authorization": f"Bearer {token(role)}"})


def token(role):
    return Signer("HS256", SECRET).token(body={"sub": "ada", "roles": [role], "exp": int(time.time()) + 600})


@pytest.fixture(scope="module")
def site(ground, sandbox_server):
    made = Gateway(ground / "gateway", sandbox_server)
    made.migrate()
    made.httpd.start()
    sandbox_server.add_redirect_uri(f"{made.base}/auth/callback")
    yield made
    made.httpd.remove()


@pytest.fixture
def ada(site, browser):
    begun = site.ask(browser, "/auth/login?login_hint=ada@sandbox.example", "person")
    assert browser.follow(begun.json["authorization_url"]).status == 200
    return browser


def test_the_example_opens_what_it_says(site, ada):
    for path, person, agent in (("/me", 200, 403), ("/me/events", 200, 403), ("/me/calendar", 403, 200),
                                ("/me/calendar/events", 403, 200), ("/me/messages", 403, 403)):
        assert [site.ask(ada, "/graph/v1.0" + path, role).status for role in ("person", "agent")] == [person, agent]


def test_the_clients_own_calls(site, sandbox, ada):
    modules = npm.folder(PACKAGE, VERSION)
    if modules is None:
        print("not run: there is no Node, or npm's registry cannot be reached")
        return
    sandbox.bulk_events("ada@sandbox.example", count=5)
    done = subprocess.run(["node", SCRIPT, f"{site.base}/graph/", token("person")], timeout=120, check=False,
                          capture_output=True, text=True,
                          env={**os.environ, "NODE_PATH": str(modules), "NODE_EXTRA_CA_CERTS": str(sandbox.ca)})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["list"].startswith(f"{site.base}/graph/v1.0/me/events?")
    assert found["pages"] == 5 and found["create"] == 404
    assert found["upload"] == ["127.0.0.1", 1000000] and sandbox.calls("upload") == 4
    assert found["batch"] == [200, 201, 403]
    assert found["refused"] == [403, "forbidden",
                                "no GraphTokAllow of this location allows GET /v1.0/me/mailFolders"]
