# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Where ./runtests readme cannot run, it says why."""

import os
import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root can be less, nobody can be more")


def why_not(*before, **environment):
    """What the program says, called in some way."""
    return subprocess.run([*before, sys.executable, "-B", "-m", "support.debian"], cwd=TESTS, text=True,
                          capture_output=True, check=True, timeout=120,
                          env={**os.environ, **environment}).stdout


def test_a_user(tmp_path):
    assert "needs root" in why_not("setpriv", "--reuid", "nobody", "--clear-groups")


def test_a_container():
    less = "-sys_admin"
    assert "right to mount" in why_not("setpriv", "--bounding-set", less, "--inh-caps", less)


def test_a_network_without_the_mirror(tmp_path):
    conf = tmp_path / "apt.conf"
    conf.write_text('Acquire::http::Proxy "http://127.0.0.1:1";\nAcquire::Retries "0";\n')
    said = why_not(APT_CONFIG=str(conf))
    assert "cannot be reached" in said and "http" in said
