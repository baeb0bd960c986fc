# Licensed under the Apache License, Version 2.0; see LICENSE.
"""An application below a mount: the handler that httpd merged for its place decides, not the mount."""

import pytest

from support.browser import Browser
from support.site import MOUNTS

NESTED = MOUNTS + """
<Location "/auth/app">
    SetHandler None
</Location>
<Location "/health/folder">
    <If "%{QUERY_STRING} == 'file'">
        SetHandler None
    </If>
</Location>
<Location "/calendar/figures">
    SetHandler server-status
</Location>
<Location "/tom/auth/deep/app">
    SetHandler None
</Location>
<Location "/auth/callback/app">
    SetHandler cgi-script
    Options +ExecCGI
</Location>
<Location "/tom/auth/callback/app">
    <If "%{HTTP:X-App} == 'yes'">
        SetHandler cgi-script
        Options +ExecCGI
    </If>
</Location>
<Location "/tom/auth/callback/refused">
    Require all denied
</Location>
ScriptSock {folder}/cgid.sock
ForensicLog {folder}/forensic.log
<Location "/tom/auth/deep/app/calendar">
    SetHandler graphtok-calendar
</Location>
"""


ECHO = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s' "$QUERY_STRING $REQUEST_URI"
"""


@pytest.fixture(scope="module", name="nest")
def nest_fixture(make_site):
    site = make_site(mounts=NESTED, modules=("dir", "log_forensic", "cgid"))
    for place in ("auth/callback", "tom/auth/callback"):
        (site.folder / "htdocs" / place).mkdir(parents=True)
        program = site.folder / "htdocs" / place / "app"
        program.write_text(ECHO)
        program.chmod(0o755)
    for place in ("auth/app", "tom/auth/deep/app"):
        folder = site.folder / "htdocs" / place
        folder.mkdir(parents=True)
        (folder / "page.txt").write_text("a page")
        (folder / "index.html").write_text("an index")
    (site.folder / "htdocs/tom/auth/deep/app/calendar").mkdir()
    (site.folder / "htdocs/health").mkdir()
    (site.folder / "htdocs/health/folder").write_text("a file")
    site.start()
    yield site
    site.end()


@pytest.mark.parametrize("place", ["/auth/app", "/tom/auth/deep/app"])
def test_files_below_a_mount(nest, place):
    browser = Browser()
    assert browser.get(nest.url + place + "/page.txt").text == "a page"
    assert browser.get(nest.url + place + "/").text == "an index"
    assert browser.get(nest.url + place).location.endswith(place + "/")
    assert browser.get(nest.url + place + "/none.txt").status == 404


def test_another_handler_below_a_mount(nest):
    assert "Server Status" in Browser().get(nest.url + "/calendar/figures").text


def test_a_condition_below_a_mount(nest):
    browser = Browser()
    assert browser.get(nest.url + "/health/folder?file").text == "a file"
    assert browser.get(nest.url + "/health/folder").json["tag"] == "GT0831"


def test_the_mounts_go_on(nest, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(nest.url + "/tom/auth/login").status == 200
    assert browser.get(nest.url + "/tom/auth/token").status == 200
    answer = browser.get(nest.url + "/tom/auth/deep")
    assert answer.json["type"].startswith("urn:mod_graphtok:"), answer
    assert browser.get(nest.url + "/tom/auth/deep/app/calendar").status == 200


def test_an_application_below_the_callback_has_its_query(nest):
    app = {"X-App": "yes"}
    for place in ("/auth/callback/app", "/tom/auth/callback/app"):
        answer = Browser().get(f"{nest.url}{place}?code=of-the-app&x=%20", headers=app)
        assert answer.text == f"code=of-the-app&x=%20 {place}?code=of-the-app&x=%20"
        line = f'"GET {place}?code=of-the-app&x=%20 HTTP/1.1" 200'
        nest.httpd.accessed(lambda log, line=line: line in log)


@pytest.mark.parametrize("place", ["/auth/callback", "/tom/auth/callback/app", "/auth/callback/microsoft",
                                   "/tom/auth/callback/refused"])
def test_a_callbacks_query_is_in_no_log(nest, place):
    """Also where a condition might have given the place to an application; the log of mod_log_forensic
    is written before any other module sees the request."""
    assert Browser().get(f"{nest.url}{place}?code=our-secret&state=x").status in (400, 403, 404)
    seen = nest.httpd.accessed(lambda log: f'"GET {place} HTTP/1.1" 4' in log or "our-secret" in log)
    assert "our-secret" not in seen
    for log in ("forensic.log", "error.log"):
        assert "our-secret" not in (nest.folder / log).read_text(), log
