# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What a person at a terminal sees of graphtokctl, and a program does not: colours, headings, names
that a shell completes."""

import json
import os
import pathlib
import pty
import subprocess

import pytest

from support import httpd as servers
from support.database import Database

TOP = pathlib.Path(__file__).resolve().parents[2]
ACCOUNTS = """
<GraphTokStore beta>
    GraphTokTable beta_tokens
</GraphTokStore>
<GraphTokAccount events>
</GraphTokAccount>
<GraphTokAccount rooms>
</GraphTokAccount>
"""


@pytest.fixture
def told(machine):
    """A machine whose table has a grant of each kind, and the dump of its configuration."""
    database = Database("sqlite3", machine.frame.folder, None)
    machine.database = database
    machine.configure(database.conf, ACCOUNTS)
    assert machine.ctl("migrate").returncode == 0
    machine.dump = machine.frame.folder / "dump.json"
    machine.dump.write_text(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    database.sql("INSERT INTO user_tokens (id, user_id, encrypted_access_token, "
                 "encrypted_refresh_token, expires_at, status) VALUES " + ", ".join(
                     f"('{n}', 'user{n}', 'a', 'r', '2030-01-01 00:00:00', {n})" for n in range(3)))
    return machine


def on_a_terminal(machine, *words, **environment):
    """What the program writes there."""
    controller, terminal = pty.openpty()
    subprocess.run([servers.build_folder() / "graphtokctl", "-c", machine.dump, *words],
                   stdout=terminal, stderr=terminal, check=False, timeout=60,
                   env={**os.environ, "TERM": "xterm", **environment})
    os.close(terminal)
    shown = os.read(controller, 65536).decode()
    os.close(controller)
    return shown


def test_O3_colours_and_a_heading_on_a_terminal(told):
    shown = on_a_terminal(told, "list")
    assert "\033[1mID " in shown and "USER\033[0m" in shown
    for status, hue in (("active", 32), ("inactive", 31), ("needs-user", 33)):
        assert f"\033[{hue}m{status}" in shown
    assert "\033[32mup\033[0m" in on_a_terminal(told, "status")
    assert "\033[32mOK\033[0m     configuration" in on_a_terminal(told, "check")
    assert "\033[31mGT0913\033[0m" in on_a_terminal(told, "list", "--store", "other")


def test_O3_a_list_of_those_that_fail(told):
    """As the page for administrators has one."""
    def failing():
        return json.loads(told.run("-c", told.dump, "--json", "list", "--status", "failing").stdout)["grants"]
    assert failing() == []
    told.database.sql("UPDATE user_tokens SET error_count = 1 WHERE user_id = 'user1'")
    assert [grant["user"] for grant in failing()] == ["user1"]


def test_O3_no_colours_where_they_are_not_wanted(told):
    for words, environment in (
            (("list",), {"NO_COLOR": "1"}), (("list",), {"TERM": "dumb"}),
            (("list", "--color=never"), {}), (("--color", "never", "list"), {}),
            (("list", "--json", "--color=always"), {})):
        shown = on_a_terminal(told, *words, **environment)
        assert "\033" not in shown and "user2" in shown, (words, environment)
        assert ("ID " in shown) == ("--json" not in words)


def test_O3_a_program_gets_neither(told):
    plain = told.run("-c", told.dump, "list")
    assert "\033" not in plain.stdout and "STATUS" not in plain.stdout
    assert len(plain.stdout.splitlines()) == 3
    wanted = told.run("-c", told.dump, "list", "--color=always", environment={"NO_COLOR": "1"})
    assert "\033[31minactive" in wanted.stdout and "STATUS" not in wanted.stdout
    assert told.run("list", "--color=red").returncode == 64


def test_O3_names_of_the_configuration(told):
    assert told.run("-c", told.dump, "names", "accounts").stdout == "events\nrooms\n"
    done = told.run("-c", told.dump, "names", "stores", "--json")
    assert json.loads(done.stdout) == {"names": ["main", "beta"]}
    for words in ((), ("tables",), ("stores", "accounts")):
        assert told.run("-c", told.dump, "names", *words).returncode == 64


def completed(*words):
    """What bash offers for the last word."""
    script = (f'source "{TOP}/conf/completion/graphtokctl"; COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($# - 1)); _graphtokctl; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(
        ["bash", "-c", script, "bash", servers.build_folder() / "graphtokctl", *words],
        capture_output=True, text=True, timeout=60, check=True)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def test_O3_bash_completes_values(told):
    of = ("--config", "=", f"'{told.dump}'")
    assert completed(*of, "acquire", "") == ["events", "rooms"]
    assert completed("-c", told.dump, "login", "--account", "r") == ["rooms"]
    assert completed(*of, "list", "--store", "=", "b") == ["beta"]
    assert completed(*of, "token", "-p", "") == ["microsoft"]
    assert completed("acquire", "--token-type", "=") == ["ropc", "client_credentials"]
    assert completed("refresh", "--token-type", "") == ["ropc"]
    assert completed("sessions", "") == ["list", "end"]
    assert completed("--color", "a") == ["auto", "always"]
    assert completed("--color", "=", "always", "mi") == ["migrate"]
    assert completed("names", "p") == ["providers"]
    # Nothing that stands in the line is run.
    trap = told.frame.folder / "trap"
    assert completed("-c", f"$(touch {trap})", "acquire", "") == [] and not trap.exists()
