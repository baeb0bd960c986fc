# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The README's sections "Try it" and "Install it", as typed, on a Debian 12 of its own that has
nothing but apt, sudo and curl (support/debian_tree.py). ./runtests readme names its folder, since
this takes minutes. PostgreSQL is started by hand there."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.debian_tree import machine  # noqa: E402
from support.readme import SECRET, blocks, finish, online, section, works  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.environ.get("GRAPHTOK_TREES"),
                                reason="./runtests readme, as root")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    with machine(tmp_path_factory.mktemp("tree")) as made:
        yield made


def test_try_it_as_typed(tree):
    """Two commands to a calendar, the calls of the section, and nothing left."""
    start, calls = blocks(section("Try it"), "sh")[:2]
    tree.run(".ci/install run", online=True)  # what quickstart begins with
    assert "8080" in tree.run(start)
    said = tree.run(calls)
    for word in ('"status":"signed_in"', '"Lunch"', "sign-in-required"):
        assert word in said, said
    tree.run("./quickstart status", code=1)


@pytest.fixture(scope="module")
def installed(tree):
    """All that comes before the database: module, key, secret."""
    install, keys, *_ = blocks(section("Install it"), "sh")
    for line in online(install):
        tree.run(line, online=True)
    tree.run(keys, given=SECRET + "\n")
    return tree


def test_install_it_with_sqlite_as_typed(installed):
    sqlite = next(block for block in blocks(section("Install it"), "sh")
                  if "/var/lib/graphtok" in block)
    installed.run(sqlite)
    finish(installed, "sqlite3")
    works(installed)
    owners = installed.run("sudo find /var/lib/graphtok -printf '%u\\n'").split()
    assert set(owners) == {"www-data"}


def test_install_it_with_postgresql_as_typed(installed):
    postgres = next(block for block in blocks(section("Install it"), "sh") if "postgres" in block)
    fetch, *rest = postgres.splitlines()
    installed.run(fetch, online=True)
    installed.run("service postgresql start", user="root")
    installed.run("\n".join(rest))
    finish(installed, "pgsql")
    works(installed)
    assert installed.run("sudo -u postgres psql -Atc \"SELECT tableowner FROM pg_tables WHERE "
                         "tablename = 'user_tokens'\" graphtok").strip() == "www-data"


def test_a_second_time_harms_no_key(installed):
    """Typed again, the key stays; the secret can be read by httpd alone."""
    keys = blocks(section("Install it"), "sh")[1]
    before = installed.run("sudo cat /etc/graphtok/keyring")
    said = installed.run(keys, given=SECRET + "\n", code=73)
    assert "GT0911" in said
    assert installed.run("sudo cat /etc/graphtok/keyring") == before
    assert len(before.split()) == 3
    assert installed.run("sudo cat /etc/graphtok/client-secret") == SECRET + "\n"
    assert installed.run("sudo stat -c '%U %G %a' /etc/graphtok/client-secret /etc/graphtok/keyring"
                         ) == "root www-data 640\n" * 2
    installed.run("cat /etc/graphtok/keyring 2>/dev/null", code=1)
