# Licensed under the Apache License, Version 2.0; see LICENSE.
"""How calls get to the provider: pins, protocol versions, certificates, where they start. Sign-in
goes to the sandbox itself, Graph by a server in the middle, whose authority is trusted, too."""

import json

import pytest

from support.browser import Browser
from support.middle import TLS11, Middle, pin_in

OTHER = "sha256//" + "A" * 43 + "="
LAX = """openssl_conf = lax
[lax]
ssl_conf = lax_ssl
[lax_ssl]
system_default = lax_default
[lax_default]
MinProtocol = None
CipherString = DEFAULT:@SECLEVEL=0
"""


class Road:
    """A site whose calls to Graph pass a server in the middle."""

    def __init__(self, make_site, sandbox):
        self.sandbox = sandbox
        self.site = make_site()
        self.site.httpd.environment["OPENSSL_CONF"] = str(self.site.folder / "openssl.cnf")
        (self.site.folder / "openssl.cnf").write_text(LAX)
        self.middle = None
        self.browser = None

    def lay(self, *lines, **more):
        """Put a new server in the middle, and say how to get there. The user is signed in."""
        if self.middle:
            self.middle.close()
        port = int(self.sandbox.authority.rsplit(":", 1)[1])
        self.middle = Middle(self.site.folder, (port, self.sandbox.ca), **more)
        authorities = self.site.folder / "authorities.pem"
        with open(self.sandbox.ca, encoding="ascii") as theirs:
            authorities.write_text(theirs.read() + self.middle.ca.read_text())
        self.say(*lines)
        if not self.browser:
            self.browser = Browser(self.sandbox.ca)
            assert self.browser.sign_in(self.site.url + "/auth/login").status == 200
        return self.middle

    def say(self, *lines):
        """The provider's lines, for the next generation."""
        self.site.configure(provider="\n    ".join([
            f"GraphTokGraphURL {self.middle.url}/v1.0",
            f"GraphTokCAFile {self.site.folder}/authorities.pem", *lines]))
        if self.site.httpd.process:
            self.site.httpd.graceful()
        else:
            self.site.start()

    def ask(self):
        return self.browser.get(self.site.url + "/auth/user")

    def is_refused(self, tag):
        """By us, before a byte of the call was sent; the client is not told why."""
        answer = self.ask()
        assert answer.status == 502 and answer.json["tag"] == tag, answer.text
        assert not self.middle.heard
        return answer


@pytest.fixture(scope="module", name="road")
def road_fixture(make_site, sandbox_server):
    sandbox_server.reset()
    made = Road(make_site, sandbox_server)
    made.lay()
    yield made
    made.middle.close()
    made.site.end()


def pins(road):
    """Of the sandbox: its server's key, its authority's."""
    folder = road.sandbox.process.folder
    return pin_in(folder / "server.pem"), pin_in(folder / "ca.pem")


def test_a_server_with_another_key_gets_nothing(road):
    server, authority = pins(road)
    middle = road.lay()
    assert road.ask().status == 200 and middle.heard  # its certificate is trusted
    middle = road.lay(f"GraphTokPin {server}", f"GraphTokPin {authority}")
    answer = road.is_refused("GT0316")
    assert "sha256" not in answer.text and "key" not in answer.text
    log = road.site.httpd.log()
    assert "GT0316" in log and f"its own is {middle.pin} (localhost)" in log
    # What signs in and what refreshes is pinned as well, and has the key.
    assert road.browser.sign_in(road.site.url + "/auth/login").status == 200


@pytest.mark.parametrize("which", ["server", "authority", "after another"])
def test_a_pin_of_any_key_of_the_chain_is_enough(road, which):
    middle = road.lay(f"GraphTokPin {OTHER} {pins(road)[0]}")
    road.is_refused("GT0316")
    fits = middle.ca_pin if which == "authority" else middle.pin
    road.say(*[f"GraphTokPin {pin}" for pin in pins(road)[:1] + (OTHER, fits)]
             if which == "after another" else [f"GraphTokPin {fits} {pins(road)[0]}"])
    assert road.ask().status == 200, road.site.httpd.log()[-2000:]


def test_the_next_call_after_a_wrong_key_meets_the_right_one(road):
    """A connection that was refused is not kept."""
    middle = road.lay(f"GraphTokPin {pins(road)[0]} {OTHER}")
    road.is_refused("GT0316")
    before = len(middle.connections)
    road.is_refused("GT0316")
    assert len(middle.connections) == before + 1


def test_check_shows_the_keys(road):
    server, authority = pins(road)
    middle = road.lay()
    shown = json.loads(road.site.ctl("check", "--url", road.site.url, "--json", check=False).stdout)
    steps = {step["what"]: step for step in shown["steps"]}
    host = road.sandbox.authority.split("//")[1]
    assert steps[f"keys of {host}"] == {
        "what": f"keys of {host}", "ok": True, "tag": None,
        "says": f"{server} (localhost), {authority} (Sandbox CA)"}
    there = f"keys of localhost:{middle.port}"
    assert steps[there]["says"] == f"{middle.pin} (localhost), {middle.ca_pin} (Middle CA)"
    road.say(f"GraphTokPin {server} {authority}")
    done = road.site.ctl("check", "--url", road.site.url, check=False)
    assert done.returncode == 75 and f"OK     keys of {host}: " in done.stdout
    assert f"WRONG  {there}: GT0316: {middle.pin} (localhost), {middle.ca_pin}" in done.stdout


def test_old_protocols_are_refused(road):
    """OpenSSL itself would speak TLS 1.1 here: see LAX."""
    road.lay(version=TLS11)
    road.is_refused("GT0309")
    assert road.middle.connections


def test_a_certificate_that_has_ended_is_refused(road):
    road.lay(ends=-1)
    road.is_refused("GT0309")
    assert "certificate has expired" in road.site.httpd.log()


def test_an_authority_of_ones_own_stands_alone(road):
    """Trusted is what GraphTokCAFile holds."""
    road.lay()
    road.say(f"GraphTokCAFile {road.sandbox.ca}")
    road.is_refused("GT0309")


@pytest.mark.parametrize("end,comes_from", [("127.0.0.9", "127.0.0.9"), ("lo", "127.0.0.1")])
def test_calls_start_where_they_are_told_to(road, end, comes_from):
    middle = road.lay(f"GraphTokSourceAddress {end}")
    assert road.ask().status == 200
    assert set(middle.connections) == {comes_from}


@pytest.mark.parametrize("end,why", [("192.0.2.7", "this machine has no address 192.0.2.7"),
                                     ("none9", "this machine has no interface none9")])
def test_an_end_that_is_not_ours(road, end, why):
    road.lay(f"GraphTokSourceAddress {end}")
    assert f"GT0852: {road.site.httpd.conf}" in road.site.httpd.log()
    assert f"provider microsoft: GraphTokSourceAddress: {why}" in road.site.httpd.log()
    answer = road.ask()
    assert answer.status == 502 and answer.json["tag"] == "GT0317", answer.text
    assert end not in answer.text and not road.middle.connections


def test_an_end_of_the_other_family(road):
    """Each host is reached from there, or said not to be."""
    middle = road.lay("GraphTokSourceAddress ::1", host="::1")
    answer = road.browser.get(road.site.url + "/auth/login")
    assert answer.json["tag"] == "GT0304" and "::1" not in answer.text
    assert "(from GraphTokSourceAddress ::1)" in road.site.httpd.log()
    done = road.site.ctl("check", "--url", road.site.url, check=False)
    assert f"WRONG  keys of {road.sandbox.authority.split('//')[1]}: GT0304" in done.stdout
    assert f"OK     keys of [::1]:{middle.port}: {middle.pin}" in done.stdout, done.stdout
    assert set(middle.connections) == {"::1"}
