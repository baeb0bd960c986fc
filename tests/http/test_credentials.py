# Licensed under the Apache License, Version 2.0; see LICENSE.
"""How we show the provider who we are: certificate, federated token, two secrets, header or body;
and what happens while each of them is replaced."""

import concurrent.futures
import json
import os
import re
import threading

import pytest

from support.browser import Browser
from support.certificate import ISSUER, SUBJECT, Certificate

CERTIFICATE = "GraphTokClientCertificate {secrets}/client.pem {secrets}/client.key"
TOKEN = "GraphTokClientAssertion file:{secrets}/token"
SECRETS = "GraphTokClientSecret file:{secrets}/new file:{secrets}/old"
PAUSED = "GT0619"
METRICS = "<Location /metrics>\nSetHandler graphtok-metrics\n</Location>"
CHILDREN = """StartServers 3
ServerLimit 3
ThreadLimit 8
ThreadsPerChild 8
MaxRequestWorkers 24
MinSpareThreads 24
MaxSpareThreads 24
AsyncRequestWorkerFactor 20
"""
WRONG = "a-secret-that-is-not-known-yet~1"


class Client:
    """A site with one way to show itself."""

    def __init__(self, make_site, sandbox):
        self.sandbox = sandbox
        self.site = make_site(tuning=CHILDREN, settings=METRICS)
        self.browser = Browser(sandbox.ca)

    def say(self, line, more=""):
        line = line.format(secrets=self.site.secrets)
        self.site.configure(credential=line, provider=more)
        if self.site.httpd.process:
            self.site.httpd.graceful()
        else:
            self.site.start()
        self.browser = Browser(self.sandbox.ca)

    def write(self, name, text):
        """As an administrator, or an agent, would: a whole file under another name first."""
        path = self.site.write_secret(name + ".new", text)
        path.replace(self.site.secrets / name)

    def give(self, certificate, key=None):
        self.write("client.pem", certificate.pem)
        self.write("client.key", (key or certificate).key_pem())

    def signs_in(self):
        """1, or the answer that tells why not, when the pause after a refusal is over."""
        answers = []

        def asked():
            answers.append(self.browser.sign_in(self.site.url + "/auth/login"))
            return answers[-1].status == 200 or answers[-1].json["tag"] != PAUSED
        self.site.httpd.wait_until(asked, 30)
        return answers[-1].status == 200 or answers[-1]

    def refresh(self):
        """One call that needs a new token."""
        self.sandbox.expire_access("ada@sandbox.example")
        self.site.ctl("refresh", "--all", "--days", "400")
        return True

    def ways(self):
        """How token requests showed themselves lately."""
        return {call["client"] for call in self.sandbox.process.calls("token")["last"]}


@pytest.fixture(scope="module", name="made")
def made_fixture(make_site, sandbox_server):
    made = Client(make_site, sandbox_server)
    yield made
    made.site.end()


@pytest.fixture(name="client")
def client_fixture(made):
    made.sandbox.reset()
    return made


@pytest.fixture(scope="module", name="pairs")
def pairs_fixture():
    return [Certificate() for _ in range(2)]


def test_a_certificate(client, pairs):
    client.sandbox.process.register(certificates=[pairs[0].pem], secrets=[])
    client.give(pairs[0])
    client.say(CERTIFICATE)
    assert client.signs_in() is True
    client.refresh()
    assert client.ways() == {"assertion"}
    assert "BEGIN" not in client.site.httpd.log() and "PRIVATE" not in client.site.httpd.log()
    dump = client.site.httpd.check("-D", "DUMP_GRAPHTOK")[1]
    assert f"file:{client.site.secrets}/client.key" in dump and "BEGIN" not in dump
    steps = json.loads(client.site.ctl("check", "--json", check=False).stdout)["steps"]
    told = {step["what"]: step["ok"] for step in steps}
    assert told["client certificate of microsoft"] and told["client key of microsoft"]
    assert told["client of microsoft"]


def test_a_certificate_that_is_not_registered(client, pairs):
    client.sandbox.process.register(certificates=[pairs[1].pem], secrets=[])
    client.give(pairs[0])
    client.say(CERTIFICATE)
    answer = client.signs_in()
    assert answer.status == 502 and "AADSTS700027" in client.site.httpd.log()


def test_a_certificate_is_replaced_file_by_file(client, pairs):
    """While one file is new and the other old, the pair of before is used."""
    old, new = pairs
    client.sandbox.process.register(certificates=[old.pem, new.pem], secrets=[])
    client.give(old)
    client.say(CERTIFICATE)
    assert client.signs_in() is True
    client.write("client.pem", new.pem)
    assert client.signs_in() is True
    client.site.httpd.log_has("GT0557")
    assert "the private key is not the certificate's" in client.site.httpd.log()
    client.write("client.key", new.key_pem())
    assert client.signs_in() is True
    client.site.httpd.log_has("another client certificate, ")
    client.sandbox.process.register(certificates=[new.pem])
    assert client.signs_in() is True


def test_a_link_is_turned_to_other_files(client, pairs):
    """As kubelet and certbot do it."""
    for number, pair in enumerate(pairs):
        folder = client.site.secrets / f"version{number}"
        folder.mkdir(exist_ok=True)
        os.chmod(folder, 0o755)
        client.site.write_secret(f"version{number}/client.pem", pair.pem)
        client.site.write_secret(f"version{number}/client.key", pair.key_pem())
    live = client.site.secrets / "live"
    live.symlink_to("version0")
    client.sandbox.process.register(certificates=[pairs[0].pem], secrets=[])
    client.say("GraphTokClientCertificate {secrets}/live/client.pem {secrets}/live/client.key")
    assert client.signs_in() is True
    client.sandbox.process.register(certificates=[pairs[1].pem])
    (client.site.secrets / "next").symlink_to("version1")
    (client.site.secrets / "next").rename(live)
    assert client.signs_in() is True


def test_a_clock_that_is_wrong(client, pairs):
    """The provider's counts, from the first assertion on."""
    client.sandbox.process.register(certificates=[pairs[0].pem], secrets=[])
    client.sandbox.process.settings(clock_skew=4000)
    client.give(pairs[0])
    client.say(CERTIFICATE)
    assert client.signs_in() is True
    assert "AADSTS700024" not in client.site.httpd.log()


def test_a_federated_token(client, pairs):
    """Read at each use, never shown after its end."""
    row = {"issuer": ISSUER, "subject": SUBJECT, "key": pairs[0].public_pem()}
    client.sandbox.process.register(federated=[row], secrets=[])
    client.write("token", pairs[0].token(life=-1))
    client.say(TOKEN)
    before = client.sandbox.calls("token")
    answer = client.signs_in()
    assert answer.status == 503 and answer.headers["Retry-After"], answer.text
    assert client.sandbox.calls("token") == before
    client.site.httpd.log_has("GT0166")
    client.write("token", "a text")
    assert client.signs_in().status == 503
    client.site.httpd.log_has("GT0165")
    whole = pairs[0].token()
    client.write("token", whole)
    os.chmod(client.site.secrets / "token", 0o644)  # kubelet's mode
    assert client.signs_in() is True and client.ways() == {"assertion"}
    client.write("token", whole[:-60].rsplit(".", 1)[0])  # half of the next one is written
    client.site.httpd.wait_until(lambda: client.signs_in() is True, 20)  # by a child that has one
    client.site.httpd.log_has("GT0560")
    client.write("token", pairs[0].token(sub="system:serviceaccount:web:other"))
    assert client.signs_in().status == 502 and "AADSTS70021" in client.site.httpd.log()


def figures(client):
    text = Browser().get(client.site.url + "/metrics").text
    return {(secret, result): int(value) for secret, result, value in re.findall(
        r'^graphtok_client_secrets_total\{provider="microsoft",secret="(\w+)",result="(\w+)"\} (\d+)$',
        text, re.M)}


def test_two_secrets(client):
    """No request is refused while the provider takes one of them, whichever it is."""
    good = client.sandbox.process.client_secret
    client.write("new", WRONG)
    client.write("old", good)
    client.say(SECRETS)
    assert client.signs_in() is True
    client.site.httpd.log_has("GT0559")
    before = client.sandbox.calls("token")
    assert client.signs_in() is True
    for _ in range(6):
        assert client.signs_in() is True
    # Each child remembers that the second is taken.
    assert before + 7 <= client.sandbox.calls("token") <= before + 7 + 2
    found = figures(client)
    assert found["first", "refused"] >= 1 and found["second", "taken"] >= 2
    client.sandbox.process.register(secrets=[WRONG])
    # A child that used the second says so; the others know of no change.
    client.site.httpd.wait_until(
        lambda: client.signs_in() is True
        and "takes the first client secret again" in client.site.httpd.log(), 20)
    assert figures(client)["first", "taken"] >= 1
    client.sandbox.process.register(secrets=[])
    assert client.signs_in().status == 502
    client.site.httpd.log_has("AADSTS7000215")


def test_the_first_secret_is_not_there_yet(client):
    (client.site.secrets / "new").unlink(missing_ok=True)
    client.write("old", client.sandbox.process.client_secret)
    client.say(SECRETS)
    assert client.signs_in() is True


def test_a_rotation_under_load(client):
    """Several children, callers all the time, and the provider changes its mind: all are served."""
    good = client.sandbox.process.client_secret
    client.write("new", WRONG)
    client.write("old", good)
    client.say(SECRETS)
    ended = threading.Event()

    def sign_in_all_the_time():
        seen = []
        while not ended.is_set():
            seen.append(Browser(client.sandbox.ca).sign_in(client.site.url + "/auth/login").status)
        return seen

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        callers = [pool.submit(sign_in_all_the_time) for _ in range(3)]
        try:
            for secrets in ([good, WRONG], [WRONG], [good], [WRONG, good]):
                count = client.sandbox.calls("token")
                client.sandbox.process.register(secrets=secrets)
                client.sandbox.wait_for_calls("token", count + 8)
        finally:
            ended.set()
    seen = [status for caller in callers for status in caller.result()]
    assert len(seen) > 20 and set(seen) == {200}, seen


def test_the_secret_in_the_header(client):
    """As the provider wants it, or as the administrator says."""
    client.sandbox.process.settings(secrets_in="basic")
    client.say("GraphTokClientSecret file:{secrets}/client-secret\nGraphTokClientAuth basic")
    assert client.signs_in() is True and client.ways() == {"basic"}
    client.sandbox.process.settings(secrets_in="post")
    client.say("GraphTokClientSecret file:{secrets}/client-secret\nGraphTokClientAuth post")
    assert client.signs_in() is True


OPENID = """
<GraphTokProvider other>
    GraphTokKind openid
    GraphTokAuthority {authority}/{tenant}/v2.0
    GraphTokClientID {client_id}
    {credential}
    GraphTokCAFile {ca}
</GraphTokProvider>
<Location "/other/auth">
    SetHandler graphtok-auth
    GraphTokUseProvider other
</Location>
GraphTokUseProvider microsoft
"""


@pytest.mark.parametrize("settings,kind,way", [
    ({"secrets_in": "basic"}, None, "basic"),
    ({"secrets_in": "post"}, None, "post"),
    ({"assertion_algorithms": "RS256"}, "RSA", "assertion"),
    ({"assertion_algorithms": "RS256 PS256"}, "RSA", "assertion"),
    ({"assertion_algorithms": "ES256"}, "EC", "assertion"),
], ids=lambda value: str(value))
def test_another_provider_says_what_it_takes(client, settings, kind, way):
    sandbox = client.sandbox
    sandbox.process.settings(**settings)
    credential = f"GraphTokClientSecret file:{client.site.secrets}/client-secret"
    if kind:
        pair = Certificate(kind)
        client.give(pair)
        sandbox.process.register(certificates=[pair.pem], secrets=[])
        credential = CERTIFICATE.format(secrets=client.site.secrets)
    client.site.configure(settings=OPENID.format(
        authority=sandbox.authority, tenant=sandbox.tenant, client_id=sandbox.client_id,
        ca=sandbox.ca, credential=credential))
    client.say("GraphTokClientSecret file:{secrets}/client-secret")
    client.site.register("/other/auth")
    keys = client.browser.get(f"{sandbox.authority}/{sandbox.tenant}/discovery/v2.0/keys").json
    for key in keys["keys"]:  # Entra's name their issuer, with a place for the tenant's id
        del key["issuer"]
    sandbox.fault(where="jwks", kind="answer", times=0, body=json.dumps(keys))
    sandbox.process.forget_calls()
    assert client.browser.sign_in(client.site.url + "/other/auth/login").status == 200
    assert client.ways() == {way}
