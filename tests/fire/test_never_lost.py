# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Processes and databases that go at the worst moment."""

import os
import pathlib
import re
import signal
import threading

import pytest

from conftest import LEASE, PROVIDER, herd, until
from support.browser import Browser

# Where a child is killed, what the provider answers before, whether it forgives that a refresh token
# comes twice (the answer that only the dead child had is gone, and nothing but the old token is
# left), and how many calls there are in the end.
REFUSAL = {"kind": "entra_error", "code": 50173, "error": "invalid_grant", "status": 400}
STEPS = [("refresh.lease", None, True, 1), ("refresh.answer", None, False, 2),
         ("refresh.stored", None, True, 1), ("refresh.published", None, True, 1),
         ("refresh.refused", {**REFUSAL, "times": 1}, True, 2),
         ("refresh.verdict", {**REFUSAL, "times": 2}, True, 3)]
# The same where the database has gone before the answer could be stored. A writer that is killed
# behind its last byte has left a whole entry, which is taken in.
AWAY = [("refresh.journal", False, 2), ("journal.write", True, 1), ("refresh.journaled", True, 1),
        ("replay.stored", True, 1)]
TOP = pathlib.Path(__file__).resolve().parents[2]


def test_each_step_that_can_be_killed_is():
    found = {point for path in (TOP / "mod_graphtok").rglob("*.c")
             for point in re.findall(r'gt_fail\("([\w.]+)"\)', path.read_text(encoding="utf-8"))}
    assert found == {row[0] for row in STEPS + AWAY}


def well_again(fire, calls):
    """Within a lease, with so many calls, and nothing of it left in the row."""
    assert until(lambda: fire.a.status() == 200, 3 * LEASE) <= LEASE
    until(lambda: fire.b.status() == 200, 5)
    assert fire.refreshes() == calls
    assert fire.row("status, error_count, lease_until, coalesce(intent_owner, '')") == [
        "1", "0", "0", ""]


@pytest.mark.parametrize("point, fault, strict, calls", STEPS, ids=[row[0] for row in STEPS])
def test_kill_9_of_the_refreshing_child(fire, point, fault, strict, calls):
    fire.sign_in(strict=strict)
    if fault:
        fire.fault(**fault)
    fire.a.arm(point, "kill")
    fire.a.status()
    until(lambda: not fire.a.is_armed(point), 5)
    well_again(fire, calls)


def test_kill_9_while_the_provider_has_the_token(fire):
    fire.fault("delay", seconds=5, times=1)
    asks = threading.Thread(target=fire.a.status)
    asks.start()
    fire.sandbox.wait_for_calls("token:refresh_token", 1)
    host, pid, *_ = fire.row("intent_owner")[0].split("/")
    assert host and int(pid) in fire.a.httpd.children()
    os.kill(int(pid), signal.SIGKILL)
    asks.join()
    well_again(fire, 2)


@pytest.mark.parametrize("point, strict, calls", AWAY, ids=[row[0] for row in AWAY])
def test_kill_9_on_the_way_into_the_journal_and_out(fire, point, strict, calls):
    fire.sign_in(strict=strict)
    fire.a.arm(point, "kill")
    refresh_while_the_database_stops(fire)
    fire.postgres.start()
    until(lambda: not fire.a.is_armed(point), 10)
    well_again(fire, calls)
    until(lambda: fire.a.journal() == [], 10)


def test_a_whole_node_dies_with_the_lease(fire):
    fire.a.arm("refresh.lease", "stop")
    asks = threading.Thread(target=fire.a.status)
    asks.start()
    until(lambda: not fire.a.is_armed("refresh.lease"), 5)
    fire.a.kill()
    asks.join()
    # Its lease, and one more in which it could have come back with the answer.
    assert until(lambda: fire.b.status() == 200, 5 * LEASE) <= 2 * LEASE + 5
    assert fire.refreshes() == 1


def refresh_while_the_database_stops(fire):
    """The provider holds its answer until the database is gone."""
    fire.fault("delay", seconds=1.5, times=1)
    statuses = []
    asks = threading.Thread(target=lambda: statuses.append(fire.a.status()))
    asks.start()
    fire.sandbox.wait_for_calls("token:refresh_token", 1)
    fire.postgres.stop()
    asks.join()
    return statuses[0]


def test_T6_the_database_goes_between_answer_and_commit(fire):
    assert refresh_while_the_database_stops(fire) == 200
    assert len(fire.a.journal()) == 1
    until(lambda: fire.a.figure("graphtok_journal_entries") == 1, 5)
    assert fire.a.status() == 200
    fire.postgres.start()
    until(lambda: fire.a.journal() == [], 10)
    until(lambda: fire.a.figure("graphtok_journal_entries") == 0, 5)
    assert fire.row("status, lease_until, coalesce(intent_owner, '')") == ["1", "0", ""]
    # Its children find out for themselves, one after the other.
    until(lambda: fire.b.status() == 200, 5)
    assert fire.refreshes() == 1


def test_T6_kill_9_of_httpd_with_a_journal(fire):
    assert refresh_while_the_database_stops(fire) == 200
    assert len(fire.a.journal()) == 1
    fire.a.kill()
    fire.postgres.start()
    # The other node may ask meanwhile: it waits for the one that holds the answer.
    other = threading.Thread(target=fire.b.status)
    other.start()
    fire.a.httpd.start()
    until(lambda: fire.a.journal() == [], 10)
    other.join()
    assert fire.a.status() == 200
    until(lambda: fire.b.status() == 200, LEASE)
    assert fire.refreshes() == 1


def test_an_entry_of_the_journal_older_than_a_sign_in_is_dropped(fire):
    assert refresh_while_the_database_stops(fire) == 200
    fire.a.kill()
    fire.postgres.start()
    until(lambda: herd([fire.b], 32, "/health/microsoft/tokens") == {200: 32}, 20)
    fire.sign_in(fire.b, life=3600)
    generation = fire.row("generation")
    fire.a.httpd.start()
    until(lambda: fire.a.journal() == [], 10)
    assert fire.row("generation") == generation
    assert "dropped" in fire.a.httpd.log()


def test_the_journal_holds_no_secret(fire):
    assert refresh_while_the_database_stops(fire) == 200
    (name,) = fire.a.journal()
    path = fire.a.folder / "journal" / name
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    content = path.read_bytes()
    assert not [kind for kind, secret in fire.sandbox.secrets() if secret.encode() in content]
    fire.postgres.start()
    until(lambda: fire.a.journal() == [], 10)


def test_a_journal_that_cannot_be_written_waits_for_the_database(fire):
    fire.a.arm("journal.write", "err")
    fire.fault("delay", seconds=1, times=1)
    statuses = []
    asks = threading.Thread(target=lambda: statuses.append(fire.a.status()))
    asks.start()
    fire.sandbox.wait_for_calls("token:refresh_token", 1)
    fire.postgres.stop()
    until(lambda: not fire.a.is_armed("journal.write"), 10)
    fire.postgres.start()
    asks.join()
    assert statuses == [200] and fire.refreshes() == 1
    fire.a.httpd.log_has("GT0615")


def test_other_children_hear_of_an_answer_that_waits_in_the_journal(fire):
    fire.fault("delay", seconds=5, times=1)
    statuses = []
    asks = threading.Thread(target=lambda: statuses.append(herd([fire.a], 40)))
    asks.start()
    fire.sandbox.wait_for_calls("token:refresh_token", 1)
    # All wait, in several children, and none reads its row any more.
    until(lambda: fire.a.figure("graphtok_parked_requests") == 40, 4)
    assert fire.counted("graphtok_lease_waits_total").get("", 0) > 0
    fire.postgres.stop()
    asks.join()
    assert statuses == [{200: 40}] and len(fire.a.journal()) == 1
    fire.postgres.start()
    until(lambda: fire.a.journal() == [], 10)
    assert fire.refreshes() == 1


def test_graphtokctl_of_root_has_the_journal_of_httpd(fire):
    assert refresh_while_the_database_stops(fire) == 200
    fire.a.kill()
    fire.postgres.start()
    assert fire.a.ctl("token", "tom").stdout
    assert fire.a.journal() == [] and fire.refreshes() == 1


def test_graphtokctl_of_root_follows_a_dead_child_at_once(make_pair):
    """It names itself as httpd's children do, so it may judge whether one of them lives. Else it would
    wait for the lease's end, and for as long again."""
    fire = make_pair("GraphTokLease 60s\n", PROVIDER).sign_in()
    fire.b.httpd.stop()
    fire.fault("delay", seconds=5, times=1)
    asks = threading.Thread(target=fire.a.status)
    asks.start()
    fire.sandbox.wait_for_calls("token:refresh_token", 1)
    fire.a.kill()
    asks.join()
    assert fire.a.ctl("token", "tom").stdout
    assert fire.refreshes() == 2


def test_a_key_that_the_journal_needs_is_not_retired(make_pair):
    fire = make_pair(f"GraphTokLease {LEASE}s\n", PROVIDER).sign_in()
    fire.b.httpd.stop()
    assert refresh_while_the_database_stops(fire) == 200
    fire.a.kill()
    fire.postgres.start()
    keyring = fire.a.secrets / "keyring"
    old = keyring.read_text().split()[0]
    for words in (["add", "--id", "next"], ["rotate", "next"], ["reencrypt"]):
        os.utime(keyring, (1, 1))  # as servers have seen it: no process waits for them
        fire.a.ctl("keys", *words)
    refused = fire.a.ctl("keys", "retire", old, check=False)
    assert refused.returncode == 65 and "GT0968: 0 rows" in refused.stderr
    fire.a.httpd.start()
    until(lambda: fire.a.journal() == [], 10)
    fire.a.ctl("keys", "retire", old)
    assert old not in keyring.read_text()
    assert fire.a.status() == 200 and fire.refreshes() == 1
    # No other process has this key.
    assert Browser().post(fire.a.url + "/tom/auth/revoke").status == 200
