# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Starts: as Debian does it, into the background, when what was found wrong stands in the error log; and
of a child for which the system has no threads."""

import pathlib
import re
import subprocess
import time

import pytest

from support import modules
from support.browser import Browser

FIXTURES = pathlib.Path(__file__).parent / "fixtures"


@pytest.fixture
def debian_like(make_site):
    """A site without any ServerName, started by `apache2` alone, which detaches."""
    site = make_site()
    conf = site.httpd.conf
    text = re.sub(r"(?m)^ServerName .*\n", "", conf.read_text())
    conf.write_text(text + f"<VirtualHost *:{site.httpd.port}>\nDocumentRoot {site.folder}/htdocs\n"
                           "</VirtualHost>\n")
    pid_file = site.folder / "httpd.pid"
    subprocess.run(site.httpd.command(), check=True, timeout=60, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    site.httpd.log_has("resuming normal operations")
    pid = pid_file.read_text().strip()
    yield site
    subprocess.run(["kill", pid], check=True)
    site.httpd.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 30)


def test_a_host_without_a_name_is_told_of_at_each_start(debian_like):
    lines = [line for line in debian_like.httpd.log().splitlines() if "has no ServerName" in line]
    assert len(lines) == 1 and "GT0852" in lines[0] and "httpd.conf:" in lines[0]


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_child_without_threads_makes_room_for_another(make_site, sandbox, ground, mpm):
    """It would answer 503 for as long as it lives."""
    assert sandbox
    site = make_site(mpm)
    refused = site.folder / "refused"
    modules.load_before(site, modules.preload(ground, FIXTURES / "no_threads.c"), NO_THREADS=str(refused))
    site.start()
    assert Browser().get(site.url + "/auth/token").status == 401
    refused.touch()
    site.httpd.graceful()
    sick = "child start: "
    began = time.monotonic()
    site.httpd.wait_until(lambda: site.httpd.log().count(sick) >= 3, 20)
    assert time.monotonic() - began > 1, "not as fast as children can be made"
    refused.unlink()
    assert {Browser().get(site.url + "/auth/token").status for _ in range(20)} == {401}
    assert "exit signal" not in site.httpd.log()
    site.end()
