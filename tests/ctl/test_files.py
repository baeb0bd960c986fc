# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Files that graphtokctl cannot have: the system's words, and the exit status that says which kind of
trouble it is. Run as httpd's user, since root may read and write all."""

import os
import re
import shutil

import pytest
from support.database import Database
from support.frame import PASSWORD

NOINPUT, CANTCREAT, NOPERM = 66, 73, 77
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
WORDS = {NOINPUT: "No such file or directory", NOPERM: "Permission denied"}


def as_www_data(machine, *arguments):
    """graphtokctl as httpd's user."""
    return machine.run(*arguments, user="www-data", group="www-data", extra_groups=[],
                       cwd=machine.frame.folder)


@pytest.fixture
def dumped(machine):
    """A configuration's dump that httpd's user can read, and a file that only root can."""
    machine.database = Database("sqlite3", machine.frame.folder)
    machine.configure(machine.database.conf)
    assert machine.ctl("migrate").returncode == 0
    machine.dump = machine.frame.folder / "dump.json"
    machine.dump.write_text(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    shutil.chown(machine.frame.keyring, "www-data", "www-data")
    machine.closed = machine.frame.folder / "closed"
    machine.closed.write_text("")
    machine.closed.chmod(0o600)
    machine.away = machine.frame.folder / "away"
    return machine


READING = {
    "a dump": ("GT0903", ["--config", "{file}", "status"]),
    "a keyring to change": ("GT0960", ["--config", "{dump}", "keys", "rotate", "--keyring", "{file}"]),
    "a key to add": ("GT0104", ["--config", "{dump}", "keys", "add", "--from", "file:{file}"]),
    "an audit file": ("GT0983", ["--config", "{dump}", "audit", "verify", "{file}"]),
    "what was noted of one": ("GT0983", ["--config", "{dump}", "audit", "verify", "--heads", "{file}",
                                         "{dump}"]),
    "an audit's keyring": ("GT0104", ["audit", "verify", "--keyring", "file:{file}", "{dump}"]),
    "httpd": ("GT0904", ["--httpd", "{file}", "status"]),
}


@pytest.mark.parametrize("code", [NOINPUT, NOPERM])
@pytest.mark.parametrize("what", READING)
def test_a_file_that_is_read(dumped, what, code):
    tag, words = READING[what]
    path = dumped.away if code == NOINPUT else dumped.closed
    done = as_www_data(dumped, *(word.format(file=path, dump=dumped.dump) for word in words))
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert re.search(rf"{tag}: .*{path}.*: {WORDS[code]}$", done.stderr.strip()), done.stderr


@pytest.mark.parametrize("what", [name for name in READING if name != "httpd"])
def test_a_folder_is_no_file(dumped, what):
    words = [word.format(file=dumped.frame.folder, dump=dumped.dump) for word in READING[what][1]]
    done = as_www_data(dumped, *words)
    assert done.returncode in (NOINPUT, 70) and done.stdout == "", done.stderr
    assert re.search("Is a directory|is no regular file", done.stderr), done.stderr


@pytest.mark.parametrize("verb", ["status", "check"])
def test_secrets_of_the_configuration(dumped, verb):
    for path in (dumped.frame.keyring, dumped.frame.secret):
        shutil.chown(path, "root", "root")
        path.chmod(0o600)
        done = as_www_data(dumped, "--config", dumped.dump, verb)
        assert done.returncode == NOPERM, done.stdout + done.stderr
        assert f"{path} cannot be read: Permission denied" in done.stdout + done.stderr
        shutil.chown(path, "www-data", "www-data")


def test_a_keyring_beside_which_nothing_can_be_made(dumped):
    before = dumped.frame.keyring.read_text()
    dumped.frame.folder.chmod(0o755)
    done = as_www_data(dumped, "--config", dumped.dump, "keys", "add")
    assert done.returncode == CANTCREAT, done.stderr
    assert "GT0960" in done.stderr and "beside" in done.stderr
    assert done.stderr.strip().endswith(WORDS[NOPERM])
    assert dumped.frame.keyring.read_text() == before
    done = as_www_data(dumped, "genkey", "--out", dumped.frame.folder / "new")
    assert done.returncode == CANTCREAT and WORDS[NOPERM] in done.stderr


def test_a_password_that_only_root_can_read(machine):
    machine.configure(f"DBDriver pgsql\nDBDParams \"host=127.0.0.1 port=1 password={PASSWORD}\"")
    dump = machine.frame.folder / "dump.json"
    dump.write_text(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    machine.frame.httpd.conf.chmod(0o600)
    done = as_www_data(machine, "--config", dump, "migrate")
    assert done.returncode == NOPERM and WORDS[NOPERM] in done.stderr, done.stderr


def test_an_audit_that_cannot_be_written(dumped):
    """The reason stands in the warning; what was asked for is done."""
    text = dumped.dump.read_text()
    shutil.chown(dumped.dump, "www-data", "www-data")
    for path, words in ((dumped.closed, WORDS[NOPERM]), (dumped.away / "x", WORDS[NOINPUT]),
                        (dumped.dump, "it holds something else than records")):
        dump = dumped.frame.folder / "audited.json"
        dump.write_text(re.sub(r'"audit": ?null', f'"audit": "{path}"', text))
        assert str(path) in dump.read_text()
        done = as_www_data(dumped, "--config", dump, "cleanup")
        assert done.returncode == 0, done.stderr
        assert "GT0985" in done.stderr and f"({words})" in done.stderr, done.stderr
