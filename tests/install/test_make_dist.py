# Licensed under the Apache License, Version 2.0; see LICENSE.
"""make distcheck: the tarball holds all that it takes to build, check, install, uninstall and make a
tarball again, beside a source that is read-only."""

import os
import pathlib
import shutil
import subprocess
import tarfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
# One unit suite that reads vectors, and no more: all of them are parts of their own.
ENVIRONMENT = {**os.environ, "CK_RUN_SUITE": "fernet", "MAKEFLAGS": "-j2"}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A build of its own: what distcheck leaves when it fails disturbs no other test."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("build")
    shutil.copytree(TOP / "build/src", source, dirs_exist_ok=True, symlinks=True)
    for link in (path for path in source.iterdir() if path.is_symlink()):
        link.unlink()
        link.symlink_to(TOP / link.name)
    run(folder, source / "configure", "-C", "CFLAGS=-O0")
    yield folder
    subprocess.run(["chmod", "-R", "u+w", folder], check=False)


def run(folder, *command, **more):
    """A command in a folder; its last lines when it fails."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600, **more)
    assert done.returncode == 0, "\n".join(done.stdout.splitlines()[-60:])
    return done.stdout


def test_a_tarball_is_whole(build):
    said = run(build, "make", "distcheck", "DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O0")
    assert "archives ready for distribution" in said
    ball = next(build.glob("mod_graphtok-*.tar.gz"))
    with tarfile.open(ball) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    known = subprocess.run(["python3", "-B", TOP / "tests/checks/tree.py"], check=True, text=True,
                           capture_output=True).stdout.split("\n")
    assert {name for name in known if name} <= names
    assert {"quickstart", "runtests", ".ci/install", "tests/vectors/README.md"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("build/")]
