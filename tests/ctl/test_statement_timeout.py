# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl at a large store whose database stops each statement soon: none works on the whole of
it. One that does takes several times as long as the limit."""

import os

import pytest

from support.database import Database

OK = 0
ROWS, LIMIT = 200_000, 200  # ms
S0_TABLE = ("CREATE TABLE user_tokens (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), "
            "user_id VARCHAR UNIQUE NOT NULL, encrypted_access_token TEXT NOT NULL, "
            "encrypted_refresh_token TEXT NOT NULL, expires_at TIMESTAMPTZ NOT NULL, "
            "created_at TIMESTAMPTZ DEFAULT now(), updated_at TIMESTAMPTZ DEFAULT now())")
FILL = ("INSERT INTO user_tokens (user_id, encrypted_access_token, encrypted_refresh_token, "
        "expires_at) SELECT 'u' || n, 'gt2.new.' || repeat(md5(n::text), 6), "
        "'gt2.new.' || repeat(md5(n::text), 6), now() - interval '80 days' "
        f"FROM generate_series(1, {ROWS}) AS n")
# Of 2,222 sessions one has not ended, the last one in the order of a list.
FILL_SESSIONS = ("INSERT INTO user_tokens_sessions (user_id, provider, id, began_at, used_at, ends_at, "
                 "ended_at) SELECT user_id, 'microsoft', md5(user_id), 1, 1, 1 + extract(epoch FROM "
                 "now() + interval '1 hour'), CASE WHEN user_id = 'u99999' THEN 0 ELSE 1 END "
                 "FROM user_tokens WHERE user_id >= 'u98' AND user_id < 'v'")
PIECE = 500
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
def large(machine, postgres):
    """A store as S0 left it, with ROWS rows, and a key beside theirs that nothing needs."""
    made = Database("pgsql", machine.frame.folder, postgres)
    machine.frame.keyring.write_text(
        "new any MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
        "old any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    os.utime(machine.frame.keyring, (1, 1))
    configure(machine, made)
    made.sql(S0_TABLE)
    made.sql(FILL)
    yield made
    postgres.sql(f'DROP DATABASE "{made.name}"')


def configure(machine, database, text=""):
    """The limit is what an administrator writes against statements that hang."""
    machine.configure(database.conf.replace("options='", f"options='-c statement_timeout={LIMIT} "),
                      text)


def shown(machine, *arguments):
    """What a verb that passes prints, and what a terminal shows meanwhile."""
    controller, terminal = os.openpty()
    done = machine.ctl(*arguments, capture_output=False, stdout=-1, stderr=terminal)
    os.close(terminal)
    bar = b""
    try:
        while chunk := os.read(controller, 65536):
            bar += chunk
    except OSError:
        pass
    os.close(controller)
    assert done.returncode == OK, (arguments, done.stdout, bar)
    return done.stdout, bar.decode()


def statements(database, work):
    """The result of some work, and how many statements it ran, each a transaction of its own."""
    before = int(database.sql(COMMITS)[0][0])
    result = work()
    return result, int(database.sql(COMMITS)[0][0]) - before


def test_no_verb_works_on_the_whole_of_a_store_at_once(machine, large):
    out, bar = shown(machine, "migrate")
    steps = out.count("main: done, step")
    assert steps >= 9 and f"main: done, step {steps} up" in out
    assert f"main: step {steps} of {steps}" in bar
    large.sql("VACUUM ANALYZE user_tokens")
    for verb in ("status", "list"):
        shown(machine, verb)
    assert f"total             {ROWS}\n" in shown(machine, "status")[0]

    none, of_none = statements(large, lambda: shown(machine, "sessions", "list")[0])
    large.sql(FILL_SESSIONS)
    one, of_one = statements(large, lambda: shown(machine, "sessions", "list")[0])
    assert "u99999" not in none and one.split()[-1] == "u99999"
    assert of_one >= of_none + 2222 // PIECE

    out, bar = shown(machine, "keys", "list")
    assert out.splitlines()[1].split()[::5] == ["new", str(ROWS)]
    assert f"/{ROWS}, " in bar
    assert "main: 0 rows sealed anew" in shown(machine, "keys", "reencrypt")[0]
    assert "retired key old" in shown(machine, "keys", "retire", "old")[0]

    assert shown(machine, "cleanup")[0] == "deactivated 0, removed 0\n"
    configure(machine, large, "GraphTokExpireAfter 70d")
    assert shown(machine, "cleanup", "--dry-run")[0] == \
        f"would be deactivated {ROWS}, removed 0\n"
