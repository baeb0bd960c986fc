# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions T14 and O3: graphtokctl token beside a running httpd, as httpd's user."""

import json
import os
import pty
import subprocess

import pytest

from support.browser import Browser
from support.httpd import build_folder

WHERE = [("event", "sqlite3"), ("event", "pgsql")]


@pytest.fixture
def tom(site, sandbox, browser):
    """A signed-in static user, gone afterwards."""
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    yield browser
    Browser(sandbox.ca).post(site.url + "/tom/auth/revoke")


def run(site, *arguments, config=None, **more):
    """graphtokctl token, asking this httpd or reading a dump."""
    source = ["--config", "-"] if config else ["--httpd", " ".join(site.httpd.command())]
    more.setdefault("stdout", subprocess.PIPE)
    more["input" if config else "stdin"] = json.dumps(config) if config else subprocess.DEVNULL
    return subprocess.run(
        [build_folder() / "graphtokctl", *source, "token", *arguments], text=True, timeout=60,
        check=False, stderr=subprocess.PIPE, user="www-data" if os.geteuid() == 0 else None,
        env={**os.environ, **site.httpd.environment}, **more)


def dump(site):
    code, out, err = site.httpd.check("-D", "DUMP_GRAPHTOK")
    assert code == 0, err
    return json.loads(out)


def access_tokens(sandbox):
    return {text for kind, text in sandbox.secrets() if kind == "access_token"}


def end_token(site):
    """The row's token has just ended."""
    when = {"pgsql": "now() - interval '5 seconds'",
            "sqlite3": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-5 seconds')"}
    site.database.sql(f"UPDATE user_tokens SET expires_at = {when[site.database.engine]}")


def test_T14_a_script_gets_the_token(site, sandbox, tom):
    done = run(site, "tom")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n") and done.stdout.strip() in access_tokens(sandbox)
    assert done.stderr == ""


def test_as_json(site, sandbox, tom):
    done = run(site, "--json", "tom", "--store", "main", "--provider=microsoft")
    answer = json.loads(done.stdout)
    assert answer["token"] in access_tokens(sandbox)
    assert (answer["user"], answer["provider"], answer["store"]) == ("tom", "microsoft", "main")
    assert answer["expires_at"] == tom.get(site.url + "/tom/auth/token").json["expires_at"]
    assert "Calendars.ReadWrite" in answer["scope"]


def test_refreshed_through_the_lease(site, sandbox, tom):
    first = run(site, "tom").stdout
    end_token(site)
    before = sandbox.calls("token")
    fresh = run(site, "tom")
    assert fresh.returncode == 0 and fresh.stdout not in ("", first), fresh.stderr
    assert sandbox.calls("token") == before + 1
    assert run(site, "tom").stdout == fresh.stdout
    held = "SELECT count(*) FROM user_tokens WHERE lease_owner IS NOT NULL"
    assert site.database.sql(held) == [["0"]]


@pytest.mark.parametrize("arguments, code, text", [
    (("nobody",), 77, "GT0601"),
    (("tom", "--store", "other"), 66, "there is no store other"),
    (("tom", "--provider", "other"), 66, "there is no provider other"),
    ((), 64, "Name the USER"),
    (("tom", "bob"), 64, "one USER at a time"),
])
def test_what_cannot_be_had(site, sandbox, arguments, code, text):
    done = run(site, *arguments)
    assert (done.returncode, done.stdout) == (code, "") and text in done.stderr


def test_a_refused_grant(site, sandbox, tom):
    end_token(site)
    sandbox.revoke("ada@sandbox.example")
    done = run(site, "tom")
    assert (done.returncode, done.stdout) == (77, "") and "GT0520" in done.stderr


def test_a_provider_that_is_down(site, sandbox, tom):
    end_token(site)
    sandbox.fault("token", "status", status=503, times=99)
    done = run(site, "tom")
    sandbox.fault("token", "none")
    assert (done.returncode, done.stdout) == (75, "")


@pytest.mark.parametrize("directive, shown", [
    ("GraphTokKeyring", "literal"), ("GraphTokKeyring", "exec:/bin/cat"),
    ("GraphTokClientSecret", "literal"), ("GraphTokClientSecret", "exec:/bin/cat")])
def test_what_httpd_does_not_tell_is_said(site, sandbox, tom, directive, shown):
    config = dump(site)
    if directive == "GraphTokKeyring":
        config["config"]["keyring"] = shown
    else:
        config["config"]["providers"][0]["client_secret"] = shown
    before = sandbox.calls("token")
    done = run(site, "tom", config=config)
    assert (done.returncode, done.stdout) == (65, "")
    assert f"GT0941: {directive} is {shown}" in done.stderr and "file:PATH" in done.stderr
    assert sandbox.calls("token") == before


def test_several_providers_must_be_chosen_from(site, sandbox, tom):
    config = dump(site)
    config["config"]["providers"].append({**config["config"]["providers"][0], "name": "second"})
    done = run(site, "tom", config=config)
    assert (done.returncode, done.stdout) == (64, "") and "--provider" in done.stderr
    assert run(site, "tom", "--provider", "microsoft", config=config).returncode == 0


def test_not_on_a_terminal(site, sandbox, tom):
    ours, theirs = pty.openpty()
    done = run(site, "tom", stdout=theirs)
    assert done.returncode == 64 and "GT0944" in done.stderr
    forced = run(site, "tom", "--force", stdout=theirs)
    assert forced.returncode == 0
    shown = os.read(ours, 100000).decode().strip()
    os.close(ours)
    os.close(theirs)
    assert shown in access_tokens(sandbox)
