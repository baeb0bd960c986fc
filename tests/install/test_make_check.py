# Licensed under the Apache License, Version 2.0; see LICENSE.
"""make check on a machine that lacks something says what, and where it comes from."""

import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["GRAPHTOK_BUILD"])
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


SUITES = sorted(path.stem.removeprefix("test_") for path in (TOP / "tests/unit").glob("test_*.c")
                if re.search("pgsql|PGSQL", path.read_text("utf-8")))


def test_without_postgresql_its_tests_are_left_out():
    """make check starts none: what is written for both engines runs on SQLite alone."""
    assert run(BUILD, "make", "check_core").returncode == 0
    for suite in SUITES:
        done = subprocess.run(
            [BUILD / "check_core"], check=False, text=True, stdout=subprocess.PIPE, timeout=300,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "GRAPHTOK_TEST_PGSQL"}
            | {"CK_RUN_SUITE": suite, "CK_DEFAULT_TIMEOUT": "120", "CK_EXCLUDE_TAGS": "crowd size"})
        assert "Failures: 0, Errors: 0" in done.stdout, done.stdout
    assert {"survey", "usage"} <= set(SUITES)
