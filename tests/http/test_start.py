# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A start as Debian does it, into the background: what was found wrong stands in the error log."""

import pathlib
import re
import subprocess

import pytest


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
