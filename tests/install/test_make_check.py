# Licensed under the Apache License, Version 2.0; see LICENSE.
"""make check on a machine that lacks something says what, and where it comes from."""

import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
# As the real one on a machine without the library for unit tests.
PKG_CONFIG = """#!/bin/sh
for word in "$@"; do case $word in check|"check "*) exit 1 ;; esac; done
exec pkg-config "$@"
"""


def run(folder, *command, **environment):
    return subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=300,
                          env={**os.environ, **environment})


def test_without_check_it_says_so(tmp_path):
    wrapper = tmp_path / "pkg-config"
    wrapper.write_text(PKG_CONFIG)
    wrapper.chmod(0o755)
    configured = run(tmp_path, TOP / "build/src/configure", "CFLAGS=-O0", f"PKG_CONFIG={wrapper}")
    assert configured.returncode == 0, configured.stdout[-2000:]
    assert "unit tests     no: Check is not installed" in configured.stdout
    # What automake's check comes to once all is built.
    done = run(tmp_path, "make", "check-local", MAKEFLAGS="")
    assert done.returncode != 0
    assert "configure did not find Check" in done.stdout and "apt-get install check" in done.stdout
    assert "No such file" not in done.stdout
    assert not (tmp_path / "graphtokctl").exists(), "it should fail before it builds"


def test_without_a_tool_of_the_checks_it_says_so(tmp_path):
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = run(TOP, TOP / "tests/checks/run", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "not installed: universal-ctags shellcheck" in done.stdout
    assert "apt-get install" in done.stdout and "FAIL" not in done.stdout
