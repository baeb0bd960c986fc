# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A secret's command that hangs or fails, and an audit's program that does not read, stop no request
that can do without."""

import concurrent.futures
import http.client
import os
import re
import urllib.parse

import pytest

from support import httpd as servers
from support.browser import Browser
from support.site import MOUNTS

CROWD = 24
# One child of 16 threads: less than the crowd. A command is killed after 10 s; a request that
# waited for that is not answered in time.
TUNING = ("StartServers 1\nServerLimit 1\nThreadsPerChild 16\nMaxRequestWorkers 16\n"
          "MinSpareThreads 1\nMaxSpareThreads 16\n")
IN_TIME = 8


class Vault:
    """A command that gives a file's text, notes each run, and hangs or fails when it is told to."""

    def __init__(self, folder, path):
        self.folder = folder / f"vault-of-{path.name}"
        self.folder.mkdir()
        servers.own(self.folder)
        self.script = self.folder / "vault"
        self.script.write_text(f"#!/bin/sh\ncd {self.folder}\necho x >> runs\nchmod 666 runs\n"
                               "if [ -e hang ]; then exec sleep 1000; fi\n"
                               f"if [ -e fail ]; then exit 3; fi\ncat {path}\n")
        os.chmod(self.script, 0o755)

    def runs(self):
        path = self.folder / "runs"
        return len(path.read_text().split()) if path.exists() else 0

    def now(self, word):
        """hang, fail or nothing."""
        for name in ("hang", "fail"):
            (self.folder / name).unlink(missing_ok=True)
        if word:
            (self.folder / word).touch()


@pytest.fixture
def small(make_site, sandbox):
    """Make a site for one test."""
    assert sandbox
    made = []

    def make(mpm="event"):
        site = make_site(mpm, mounts=MOUNTS, tuning=TUNING if mpm == "event" else None)
        made.append(site)
        (site.folder / "htdocs" / "x.html").write_text("static")
        return site
    yield make
    for site in made:
        site.end()


def use_vault(site, directive, name):
    """The file's text comes from a command from now on."""
    vault = Vault(site.folder, site.secrets / name)
    text = site.httpd.conf.read_text()
    changed = re.sub(rf"{directive} .*", f'{directive} "exec:{vault.script}"', text)
    assert changed != text
    site.httpd.conf.write_text(changed)
    return vault


def get(site, path, cookie=None):
    """Status, fields and body of an answer that comes in time."""
    server = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=IN_TIME)
    fields = {"Host": f"localhost:{site.httpd.port}"}
    if cookie:
        fields["Cookie"] = cookie
    server.request("GET", path, headers=fields)
    answer = server.getresponse()
    body = answer.read()
    server.close()
    return answer.status, answer.headers, body


def session_of(browser):
    """The session's cookie of a signed-in user."""
    return next(f"{cookie.name}={cookie.value}" for cookie in browser.jar
                if cookie.value.startswith("gt1."))


def begun(site):
    """A sign-in that was begun: the callback's address and the cookie."""
    status, fields, _ = get(site, "/auth/login")
    assert status == 302
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(fields["Location"]).query)
    return (f"/auth/callback?code=x&state={query['state'][0]}",
            fields["Set-Cookie"].split(";")[0])


def beside(site, crowd, cookie):
    """Answers of a crowd, while static files and signed-in requests are answered as ever."""
    with concurrent.futures.ThreadPoolExecutor(len(crowd)) as pool:
        waiting = [pool.submit(get, site, *one) for one in crowd]
        for _ in range(5):
            assert get(site, "/x.html")[2] == b"static"
            assert get(site, "/auth/token", cookie)[0] == 200
            assert get(site, "/calendar/events?top=1", cookie)[0] == 200
        return [one.result() for one in waiting]


def signs_in(site, sandbox):
    return Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 200


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_secret_that_hangs_stops_nobody(small, browser, sandbox, mpm):
    site = small(mpm)
    vault = use_vault(site, "GraphTokClientSecret", "client-secret")
    site.start()
    assert browser.sign_in(site.url + "/auth/login").status == 200
    cookie = session_of(browser)
    site.httpd.stop()
    vault.now("hang")
    before = vault.runs()
    site.httpd.start()
    site.httpd.wait_until(lambda: vault.runs() > before, 10)  # each child reads ahead
    answers = beside(site, [begun(site) for _ in range(CROWD)], cookie)
    assert {answer[0] for answer in answers} == {503}
    assert all(1 <= int(answer[1]["Retry-After"]) <= 10 for answer in answers)
    assert vault.runs() <= before + len(site.httpd.children())
    vault.now(None)
    site.httpd.wait_until(lambda: signs_in(site, sandbox), 40)


def test_a_secret_that_fails_is_asked_for_now_and_then(small, browser, sandbox):
    site = small()
    vault = use_vault(site, "GraphTokClientSecret", "client-secret")
    site.start()
    assert browser.sign_in(site.url + "/auth/login").status == 200
    site.httpd.stop()
    vault.now("fail")
    site.httpd.start()
    site.httpd.log_has(f"GT0111: reading a secret: exec:{vault.script} failed: exit code 3", 10)
    before = vault.runs()
    answers = beside(site, [begun(site) for _ in range(CROWD)], session_of(browser))
    assert {answer[0] for answer in answers} == {503}
    assert all(1 <= int(answer[1]["Retry-After"]) <= 5 for answer in answers)
    assert vault.runs() <= before + 2  # once in five seconds
    assert b"GT0111" in answers[0][2] and str(vault.folder).encode() not in answers[0][2]
    vault.now(None)
    site.httpd.wait_until(lambda: signs_in(site, sandbox), 40)


def test_a_keyring_that_hangs_stops_nobody(small, browser):
    site = small()
    vault = use_vault(site, "GraphTokKeyring", "keyring")
    site.start()
    assert browser.sign_in(site.url + "/auth/login").status == 200
    forged = re.sub(r"=gt1\.[^.]*", "=gt1.unknown", session_of(browser))
    vault.now("hang")
    before = vault.runs()

    def is_asked():
        assert get(site, "/auth/token", forged)[0] == 401
        return vault.runs() > before
    site.httpd.wait_until(is_asked, 20)  # once in five seconds at most
    answers = beside(site, [("/auth/token", forged)] * CROWD, session_of(browser))
    assert {answer[0] for answer in answers} == {401}
    assert vault.runs() == before + 1


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_clients_are_told_no_path(small, browser, accept):
    site = small()
    (site.secrets / "client-secret").unlink()
    site.start()
    login = browser.leave_for_sign_in(site.url + "/auth/login", headers={"Accept": accept})
    answer = browser.get(login, headers={"Accept": accept})
    assert answer.status == 503 and "GT0104" in answer.text
    assert str(site.folder) not in answer.text and "client-secret" not in answer.text
    site.httpd.log_has(f"file:{site.secrets}/client-secret cannot be read")


def test_clients_are_told_no_path_of_authorities(small, browser):
    site = small()
    authorities = site.write_secret("authorities", "none")
    site.configure(provider=f"GraphTokCAFile {authorities}")
    site.start()
    answer = browser.get(site.url + "/auth/login")
    assert answer.status == 502 and "GT0309" in answer.text
    assert "authorities" not in answer.text.replace("certificate authorities", "")


def deaf(site, kind):
    """Where an audit goes that is never read."""
    path = site.folder / "deaf"
    if kind == "fifo":
        os.mkfifo(path)
        return path
    path.write_text("#!/bin/sh\nexec sleep 1000\n")
    os.chmod(path, 0o755)
    return f"|{path}"


@pytest.mark.parametrize("kind", ["program", "fifo"])
def test_an_audit_that_is_not_read_stops_nobody(small, browser, kind):
    site = small()
    site.configure(settings=f'GraphTokAudit "{deaf(site, kind)}"\nGraphTokAuditRequired on\n')
    site.start()
    assert browser.sign_in(site.url + "/auth/login").status == 200
    cookie = session_of(browser)
    call = ("/calendar/events?top=1", cookie)
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        while {answer[0] for answer in pool.map(lambda _: get(site, *call), range(CROWD))} != {503}:
            pass
        crowd = [pool.submit(get, site, *call) for _ in range(5 * CROWD)]
        for _ in range(5):
            assert get(site, "/x.html")[2] == b"static"
            assert get(site, "/health/microsoft")[0] == 200
        answers = [one.result() for one in crowd]
    assert {answer[0] for answer in answers} == {503}
    assert all(int(answer[1]["Retry-After"]) > 0 for answer in answers)
    assert site.httpd.log().count("GT0450") == 1


def test_a_keyring_that_comes_late_is_found(small, browser, sandbox):
    site = small()
    vault = use_vault(site, "GraphTokKeyring", "keyring")
    vault.now("fail")
    site.start()
    status, fields, _ = get(site, "/auth/token")
    assert status == 503 and int(fields["Retry-After"]) == 5
    vault.now("hang")
    site.httpd.wait_until(lambda: vault.runs() > 1, 20)
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        crowd = [pool.submit(get, site, "/auth/token") for _ in range(CROWD)]
        assert get(site, "/x.html")[2] == b"static"
        assert {one.result()[0] for one in crowd} == {503}
    vault.now(None)
    site.httpd.wait_until(lambda: get(site, "/auth/token")[0] == 401, 40)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert sandbox
