# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Processes and databases that go at the worst moment."""

import threading
import time

import pytest

from conftest import LEASE, herd, until

# Where a child is killed, and whether the provider forgives that a refresh token comes twice: the
# answer that only the dead child had is gone, and nothing but the old token is left.
STEPS = [("refresh.lease", True), ("refresh.answer", False), ("refresh.stored", True),
         ("refresh.published", True)]


@pytest.mark.parametrize("point, strict", STEPS, ids=[row[0] for row in STEPS])
def test_kill_9_of_the_refreshing_child(fire, point, strict):
    fire.sign_in(strict=strict)
    fire.a.arm(point, "kill")
    fire.a.status()
    until(lambda: not fire.a.is_armed(point), 5)
    assert until(lambda: fire.a.status() == 200, 3 * LEASE) <= LEASE
    assert fire.b.status() == 200
    assert fire.refreshes() == (2 if point == "refresh.answer" else 1)
    assert fire.row("status, error_count, lease_until") == ["1", "0", "0"]


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
    assert fire.b.status() == 200 and fire.refreshes() == 1


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


def test_cached_tokens_are_served_while_the_database_is_away(fire):
    fire.sign_in(life=3600)
    assert herd(fire.nodes, 64) == {200: 64}
    fire.postgres.stop()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert herd(fire.nodes, 20) == {200: 20}
    fire.postgres.start()
    fire.sandbox.process.settings(access_seconds=1)
    until(lambda: fire.b.status() == 200, 10)
    assert herd(fire.nodes, 64) == {200: 64}
