# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Before a certificate or a secret ends it is told: by the log, figures, health, mod_status,
httpd -t and graphtokctl."""

import datetime
import json
import re

import pytest

from support.browser import Browser
from support.certificate import Certificate

MORE = """
<Location /metrics>
    SetHandler graphtok-metrics
</Location>
<Location /server-status>
    SetHandler server-status
</Location>
"""


def day(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y-%m-%d")


@pytest.fixture(scope="module", name="made")
def made_fixture(make_site, sandbox_server):
    sandbox_server.reset()
    site = make_site("prefork", settings=MORE)
    yield site
    site.end()


def say(site, credential):
    """A new generation; the log since then."""
    site.configure(credential=credential)
    before = len(site.httpd.log())
    if site.httpd.process:
        site.httpd.graceful()
    else:
        site.start()
    return before


def told(site, before, tag):
    return [line for line in site.httpd.log()[before:].splitlines() if tag in line]


def ctl(site, *arguments):
    return json.loads(site.ctl(*arguments, "--json", check=False).stdout)


def test_a_certificate_that_ends_soon(made):
    pair = Certificate(ends=12)
    made.write_secret("client.pem", pair.pem)
    made.write_secret("client.key", pair.key_pem())
    before = say(made, f"GraphTokClientCertificate {made.secrets}/client.pem "
                       f"{made.secrets}/client.key")
    alarm = f"the client certificate of provider microsoft ends on {day(12)}, in 12 days: renew it"
    made.httpd.log_has(alarm)
    assert len(made.httpd.children()) > 1
    ends = pair.x509.not_valid_after.replace(tzinfo=datetime.timezone.utc)
    sample = "graphtok_credential_expiry_timestamp_seconds{provider=\"microsoft\"," \
             f"credential=\"certificate\"}} {int(ends.timestamp())}"
    made.httpd.wait_until(
        lambda: sample in Browser().get(made.url + "/metrics").text.splitlines(), 10)
    health = Browser(made.sandbox.ca).get(made.url + "/health/microsoft").json
    assert (health["credential"], health["credential_ends_soon"]) == ("certificate", True)
    assert health["credential_ends"] == ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert health["status"] == "healthy"
    text = Browser().get(made.url + "/server-status?auto").text
    assert re.search(r"^GraphTokCredentialDays: 12$", text, re.M), text
    assert alarm in made.httpd.check()[2]
    steps = {step["what"]: step for step in ctl(made, "check", "--url", made.url)["steps"]}
    found = steps["end of the client certificate of microsoft"]
    assert found["ok"] and alarm in found["says"]
    provider = ctl(made, "status")["providers"][0]
    assert provider["certificate_ends"] == health["credential_ends"]
    # Each child looks, and one of them says it.
    assert len(told(made, before, "GT0869")) == 1
    assert not told(made, say(made, made.text["credential"]), "GT0869")


def test_a_secret_of_which_the_end_is_said(made):
    secret = f"GraphTokClientSecret file:{made.secrets}/client-secret\n"
    before = say(made, secret + f"GraphTokClientSecretExpires {day(40)}")
    assert ctl(made, "status")["providers"][0]["secret_ends"] == day(40) + "T00:00:00Z"
    assert "ends on" not in made.httpd.check()[2]
    say(made, secret + f"GraphTokClientSecretExpires {day(40)}\nGraphTokAlarmBefore 60d")
    made.httpd.log_has(f"the client secret of provider microsoft ends on {day(40)}")
    say(made, secret + f"GraphTokClientSecretExpires {day(-1)}")
    ended = f"the client secret of provider microsoft ended on {day(-1)}: renew it"
    made.httpd.log_has(ended)
    assert len(told(made, before, "GT0868")) == 1 and "graphtok:error" in told(
        made, before, "GT0868")[0]
    done = made.ctl("check", "--url", made.url, check=False)
    assert done.returncode == 78 and f"WRONG  end of the client secret of microsoft: GT0927: {ended}" \
        in done.stdout


def test_nothing_is_known_of_an_end(made):
    say(made, f"GraphTokClientSecret file:{made.secrets}/client-secret")
    health = Browser(made.sandbox.ca).get(made.url + "/health").json["providers"][0]
    assert health["credential"] is None and health["credential_ends"] is None
    assert health["credential_ends_soon"] is False
    assert "GraphTokCredentialDays: -1" in Browser().get(made.url + "/server-status?auto").text
