# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The audit: a record before a token leaves, chains that show what was done to them, trouble."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from support import httpd as servers
from support.browser import Browser

OK, WRONG, NOINPUT = 0, 1, 66


class Audited:
    """A site with an audit, and its records."""

    def __init__(self, site):
        self.site = site
        self.path = site.folder / "audit.log"

    def lines(self, path=None):
        return (path or self.path).read_bytes().splitlines(keepends=True)

    def records(self, path=None):
        return [json.loads(line) for line in self.lines(path)]

    def events(self, name):
        return [record for record in self.records() if record["event"] == name]

    def verify(self, *files, check=OK, options=()):
        """audit verify; its faults."""
        done = self.site.ctl("audit", "verify", "--json", *options, *map(str, files), check=False)
        assert done.returncode == check, done.stdout + done.stderr
        return json.loads(done.stdout)

    def tampered(self, lines):
        """The faults of a changed copy."""
        copy = self.site.folder / "copy"
        copy.write_bytes(b"".join(lines))
        return {fault["fault"] for fault in self.verify(copy, check=WRONG)["faults"]}


def make(make_site, mpm="event", required="off", audit="{folder}/audit.log", **more):
    site = make_site(mpm, **more)
    site.configure(settings=f'GraphTokAudit "{audit.format(folder=site.folder)}"\n'
                            f"GraphTokAuditRequired {required}\n")
    return site


@pytest.fixture(scope="module", params=["event", "prefork"])
def audited(request, make_site):
    site = make(make_site, request.param, "on")
    site.start()
    yield Audited(site)
    assert (site.folder / "audit.log") in site.folder.glob("*.log")  # which end() searches
    site.end()  # no secret of the sandbox's in any of them


def signed_in(site, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


def test_O8_every_operation_has_its_record(audited, sandbox):
    browser = signed_in(audited.site, sandbox)
    assert browser.get(audited.site.url + "/calendar/events").status == 200
    assert browser.get(audited.site.url + "/auth/token").status == 200
    assert browser.post(audited.site.url + "/auth/revoke").status == 200
    assert browser.get(audited.site.url + "/tom/calendar/events").status == 401
    sign_in, call = audited.events("sign_in")[-1], audited.events("call")[-1]
    revoke, refused = audited.events("revoke")[-1], audited.events("refused")[-1]
    for record, route in ((sign_in, "callback"), (call, "events"), (revoke, "revoke")):
        assert record["result"] == "ok" and record["user"] == sign_in["user"]
        assert (record["store"], record["provider"]) == ("main", "microsoft")
        assert record["address"] == "127.0.0.1" and record["route"] == route
        assert record["request_id"]
    assert refused["user"] == "tom" and refused["result"] == "sign-in-required"
    assert refused["tag"] == "GT0601"


def test_a_refresh_is_recorded(audited, sandbox):
    site, browser = audited.site, Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    site.database.sql("UPDATE user_tokens SET expires_at = "
                      "strftime('%Y-%m-%d %H:%M:%f', 'now', '-5 seconds') WHERE user_id = 'tom'")
    site.httpd.stop()  # a new server has no cached token
    site.httpd.start()
    assert browser.get(site.url + "/tom/calendar/events").status == 200
    refresh = audited.events("refresh")[-1]
    assert (refresh["result"], refresh["user"]) == ("ok", "tom")
    assert refresh["detail"] == "refresh token rotated" and refresh["took_ms"] > 0
    assert refresh["route"] == "events" and refresh["address"] == "127.0.0.1"
    browser.post(site.url + "/tom/auth/revoke")


def test_the_file_is_for_its_owner_and_group(audited):
    assert os.stat(audited.path).st_mode & 0o777 & ~0o640 == 0


def test_O8_what_was_written_verifies(audited, sandbox):
    signed_in(audited.site, sandbox)
    done = audited.verify()
    assert done["faults"] == [] and done["records"] == len(audited.lines()) and done["open"] >= 1


def longest_chain(lines):
    """Places of the lines of the chain that has most."""
    chains = {}
    for place, line in enumerate(lines):
        chains.setdefault(json.loads(line)["chain"], []).append(place)
    return max(chains.values(), key=len)


def test_O8_what_was_done_to_a_file_shows(audited, sandbox):
    browser = signed_in(audited.site, sandbox)
    while len(longest_chain(audited.lines())) < 6:
        browser.get(audited.site.url + "/calendar/events")
    lines = audited.lines()
    places = longest_chain(lines)
    middle, after = places[2], places[3]
    assert audited.tampered(lines[:middle] + lines[middle + 1:]) == {"removed"}
    assert audited.tampered(lines[:places[0]] + lines[places[0] + 1:]) == {"removed"}
    changed = lines[middle].replace(b'"store":"main"', b'"store":"beta"')
    assert changed != lines[middle]
    assert audited.tampered(lines[:middle] + [changed] + lines[middle + 1:]) == {"changed"}
    swapped = list(lines)
    swapped[middle], swapped[after] = swapped[after], swapped[middle]
    assert audited.tampered(swapped) == {"reordered"}
    assert audited.tampered(lines + [lines[middle]]) == {"repeated"}
    assert audited.tampered(lines[:-1] + [lines[-1][:-1]]) == {"damaged"}
    assert "damaged" in audited.tampered(lines + [b"{}\n"])
    forged = json.loads(lines[middle])
    forged["seq"] += 1000
    assert "changed" in audited.tampered(lines + [json.dumps(forged, separators=(",", ":"))
                                                  .encode() + b"\n"])


def test_without_the_key_nothing_verifies(audited, sandbox):
    signed_in(audited.site, sandbox)
    other = audited.site.write_secret("other", audited.site.ctl_plain("genkey"))
    found = audited.verify(check=WRONG, options=["--keyring", f"file:{other}"])
    assert found["records"] == 0 and {f["fault"] for f in found["faults"]} == {"unsigned"}
    assert audited.site.ctl("audit", "verify", "/no/such/file", check=False).returncode == NOINPUT


def test_rotation_by_graceful_restart(make_site, sandbox):
    site = make(make_site, mpm="event", required="on")
    site.start()
    audited = Audited(site)
    old = site.folder / "audit.log.1"
    try:
        signed_in(site, sandbox)
        audited.path.rename(old)
        site.httpd.graceful()
        servers.Httpd.wait_until(lambda: b'"end"' in old.read_bytes(), 30)
        signed_in(site, sandbox)
        assert audited.events("start")[0]["after"].startswith(audited.records(old)[-1]["chain"])
        assert audited.verify(old, audited.path)["faults"] == []
        # The old file alone taken away, or its last record: others know better.
        assert {f["fault"] for f in audited.verify(audited.path, check=WRONG)["faults"]} \
            == {"truncated"}
        assert audited.verify(audited.path, options=["--allow-older"])["faults"] == []
        assert audited.tampered(audited.lines(old)[:-1] + audited.lines()) == {"truncated"}
        site.httpd.stop(gracefully=True)
        assert audited.verify(old, audited.path)["open"] == 0
    finally:
        site.end()


def test_what_was_cut_off_shows(make_site, sandbox):
    """The end of the file, or all that one child wrote, after an orderly end."""
    site = make(make_site, required="on")
    site.start()
    audited = Audited(site)
    try:
        browser = signed_in(site, sandbox)
        assert browser.get(site.url + "/calendar/events").status == 200
        site.httpd.stop(gracefully=True)
        whole = audited.lines()
        done = audited.verify()
        assert done["faults"] == [] and done["notes"] >= 2 and done["open"] == 0
        for left in (len(whole) - 1, 1, 0):
            audited.path.write_bytes(b"".join(whole[:left]))
            assert {f["fault"] for f in audited.verify(check=WRONG)["faults"]} == {"truncated"}
            assert left == 0 or audited.verify(options=["--heads", "off"])["faults"] == []
        audited.path.write_bytes(b"".join(whole))
        notes = site.folder / "audit.log.heads"
        assert os.stat(notes).st_mode & 0o777 & ~0o640 == 0
        notes.rename(site.folder / "elsewhere")
        assert site.ctl("audit", "verify", check=False).returncode == NOINPUT
        (site.folder / "elsewhere").rename(notes)

        # Another server, which knows of the first by the file alone.
        site.httpd.start()
        signed_in(site, sandbox)
        site.httpd.stop(gracefully=True)
        assert audited.verify()["faults"] == []
        gone = json.loads(whole[0])["chain"].encode()
        left = [line for line in audited.lines() if b'"chain":"%s"' % gone not in line]
        assert audited.tampered(left) == {"truncated"}
        audited.path.write_bytes(b"".join(left))
        assert {f["fault"] for f in audited.verify(check=WRONG)["faults"]} == {"truncated"}
    finally:
        site.end()


@pytest.mark.parametrize("piped", ["audit", "heads"])
def test_heads_can_be_noted_anywhere(make_site, sandbox, piped):
    site = make_site("event")
    heads = site.folder / "noted"
    if piped == "audit":
        settings = f'GraphTokAudit "|{program(site)}"\nGraphTokAuditHeads {heads}\n'
    else:
        settings = (f"GraphTokAudit {site.folder}/audit.log\n"
                    f'GraphTokAuditHeads "|{site.folder}/noter"\n')
        noter = site.folder / "noter"
        noter.write_text(f"#!/bin/sh\nexec cat >> {heads}\n")
        os.chmod(noter, 0o755)
    site.configure(settings=settings + "GraphTokAuditRequired on\n")
    site.start()
    audited = Audited(site)
    try:
        signed_in(site, sandbox)
        site.httpd.wait_until(lambda: audited.path.exists() and audited.events("sign_in"), 10)
        site.httpd.wait_until(lambda: heads.exists() and b'"start"' in heads.read_bytes(), 10)
        noted = ["--heads", str(heads)]
        done = audited.verify(audited.path, options=noted)
        assert done["faults"] == [] and done["notes"] >= 1
        copy = site.folder / "copy"
        copy.write_bytes(b"")
        assert {f["fault"] for f in audited.verify(copy, check=WRONG, options=noted)["faults"]} \
            == {"truncated"}
    finally:
        site.end()


def test_a_killed_child_leaves_an_open_chain(make_site, sandbox):
    site = make(make_site, required="on")
    site.start()
    audited = Audited(site)
    try:
        signed_in(site, sandbox)
        chain = audited.records()[-1]["chain"]
        os.kill(audited.records()[-1]["pid"], signal.SIGKILL)
        servers.Httpd.wait_until(lambda: _serves(site, sandbox), 30)
        assert audited.verify()["faults"] == []
        assert any(record.get("after", "").startswith(chain) for record in audited.records())
    finally:
        site.end()


def _serves(site, sandbox):
    try:
        return Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 200
    except OSError:
        return False


@pytest.mark.parametrize("required", ["on", "off"])
def test_an_audit_that_cannot_be_written(make_site, sandbox, required):
    """/dev/full takes nothing, as a full disk."""
    site = make(make_site, required=required, audit="/dev/full")
    site.start()
    try:
        answer = Browser(sandbox.ca).sign_in(site.url + "/auth/login")
        if required == "off":
            assert answer.status == 200
        else:
            assert answer.status == 503 and "GT0160" in answer.text
            assert int(answer.headers["Retry-After"]) > 0
        assert site.httpd.log().count("GT0450") == 1
    finally:
        site.end()


def test_required_and_then_writable_again(make_site, sandbox):
    site = make(make_site, required="on", audit="/dev/full")
    site.start()
    try:
        assert Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 503
        site.configure(settings=f"GraphTokAudit {site.folder}/audit.log\n"
                                "GraphTokAuditRequired on\n")
        site.httpd.graceful()
        browser = signed_in(site, sandbox)
        assert browser.get(site.url + "/calendar/events").status == 200
        assert Audited(site).verify()["faults"] == []
    finally:
        site.end()


def test_without_a_folder_httpd_says_so(make_site):
    site = make_site()
    site.configure(settings="GraphTokAudit nowhere/audit.log\n")
    code, _, said = site.httpd.check()
    assert code != 0 and "GraphTokAudit: there is no folder for" in said
    site.configure(settings="GraphTokAuditRequired perhaps\n")
    code, _, said = site.httpd.check()
    assert code != 0 and "none of: off on" in said


def program(site):
    """A program that writes its input to a file, and its pid to another."""
    script = site.folder / "sink"
    script.write_text(f"#!/bin/sh\necho $$ > {site.folder}/pid\n"
                      f"exec cat >> {site.folder}/audit.log\n")
    os.chmod(script, 0o755)
    return script


def is_dead(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rsplit(")", 1)[1].split()[0] in "ZX"


def test_a_program_that_dies_is_started_again(make_site, sandbox):
    site = make_site("event")
    site.configure(settings=f'GraphTokAudit "|{program(site)}"\nGraphTokAuditRequired on\n')
    site.start()
    audited = Audited(site)
    try:
        browser = signed_in(site, sandbox)
        servers.Httpd.wait_until(lambda: audited.path.exists() and audited.events("sign_in"), 10)
        pid = int((site.folder / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        servers.Httpd.wait_until(lambda: is_dead(pid), 10)  # else it still takes a line along
        assert browser.get(site.url + "/calendar/events").status == 200
        servers.Httpd.wait_until(lambda: int((site.folder / "pid").read_text() or pid) != pid, 30)
        servers.Httpd.wait_until(lambda: audited.events("call"), 10)
        assert audited.verify(audited.path)["faults"] == []
    finally:
        site.end()


def leads_to(link, place):
    """A descriptor may have been closed since it was listed."""
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(link) == os.readlink(place)
    return False


def test_a_program_over_a_graceful_restart(make_site, sandbox):
    """httpd ends it and starts another; a child of before must not write into a pipe without a
    reader."""
    site = make_site("event")
    site.configure(settings=f'GraphTokAudit "|{program(site)}"\nGraphTokAuditRequired on\n')
    site.start()
    audited = Audited(site)
    try:
        signed_in(site, sandbox)
        servers.Httpd.wait_until(lambda: audited.path.exists() and audited.events("sign_in"), 10)
        child = audited.events("sign_in")[0]["pid"]
        sink = pathlib.Path(f"/proc/{int((site.folder / 'pid').read_text())}/fd/0")
        held = [link for link in pathlib.Path(f"/proc/{child}/fd").iterdir() if leads_to(link, sink)]
        assert len(held) == 1  # the writing end alone
        site.httpd.graceful()
        signed_in(site, sandbox)
        servers.Httpd.wait_until(lambda: len(audited.events("sign_in")) == 2, 10)
        # The last words of a child may lie in the pipe of a program that httpd has ended: they are
        # missing then, and that is seen. Nothing else may be.
        found = json.loads(site.ctl("audit", "verify", "--json", str(audited.path),
                                    check=False).stdout)
        before = audited.events("sign_in")[0]["chain"]
        assert len(found["faults"]) <= 1, found
        for fault in found["faults"]:
            assert fault["fault"] == "truncated" and f"chain {before} ends" in fault["text"], fault
        assert "GT0450" not in site.httpd.log()
        assert "can be written again" not in site.httpd.log()
    finally:
        site.end()


def test_a_program_that_does_not_read_stops_nobody_for_long(make_site, sandbox):
    site = make_site("event")
    script = site.folder / "deaf"
    script.write_text("#!/bin/sh\nexec sleep 1000\n")
    os.chmod(script, 0o755)
    site.configure(settings=f'GraphTokAudit "|{script}"\n')
    site.start()
    try:
        browser = signed_in(site, sandbox)
        began = time.monotonic()
        count = 0
        while "GT0450" not in site.httpd.log():
            assert browser.get(site.url + "/calendar/events?top=1").status == 200
            count += 1
            assert count < 500
        assert browser.get(site.url + "/calendar/events?top=1").status == 200
        assert time.monotonic() - began < 60
    finally:
        site.end()


def test_a_token_from_the_command_line(audited, sandbox):
    site, browser = audited.site, Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    token = site.ctl("token", "tom").stdout.strip()
    passed = audited.events("token_passed")[-1]
    assert (passed["user"], passed["route"]) == ("tom", "graphtokctl token")
    assert token and token not in audited.path.read_text()
    assert audited.verify()["faults"] == []
    browser.post(site.url + "/tom/auth/revoke")


def test_verify_reads_from_a_pipe(audited, sandbox):
    signed_in(audited.site, sandbox)
    command = [str(servers.build_folder() / "graphtokctl"), "audit", "verify", "--keyring",
               f"file:{audited.site.secrets}/keyring", "-"]
    done = subprocess.run(command, input=b"".join(audited.lines()), capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == OK, done.stdout + done.stderr
    assert b" 0 faults" in done.stdout
