# Licensed under the Apache License, Version 2.0; see LICENSE.
"""One refresh, everywhere: however many ask, in however many children of however many nodes."""

import time

import pytest

from conftest import herd, until
from support.browser import Browser


@pytest.mark.parametrize("seconds", [1, 6])
def test_T6_a_thousand_at_once_are_one_call(fire, seconds):
    fire.fault("delay", seconds=seconds, times=0)
    assert herd(fire.nodes, 1000) == {200: 1000}
    assert fire.refreshes() == 1
    assert fire.row("status, error_count, lease_until, coalesce(intent_owner, '')") == [
        "1", "0", "0", ""]


def test_T6_a_provider_slower_than_we_wait_fails_all_and_harms_nothing(fire):
    fire.fault("delay", seconds=12, times=0)
    begun = time.monotonic()
    statuses = herd(fire.nodes, 200)
    assert set(statuses) <= {502, 504} and time.monotonic() - begun < 12
    assert fire.refreshes() == 1
    answer = fire.b.ask()
    assert answer.status == 504 and answer.json["retry_after"] >= 1
    assert fire.row("status, error_count") == ["1", "0"]
    fire.grant_lives()


def test_a_winner_on_the_other_node_is_seen_soon(fire):
    def waits():
        return sum(node.figure("graphtok_lease_waits_total") for node in fire.nodes)
    before = waits()
    fire.fault("delay", seconds=2, times=0)
    assert herd(fire.nodes, 8) == {200: 8}
    assert fire.refreshes() == 1 and waits() > before
    assert {fire.a.status(), fire.b.status()} == {200}


def test_A4_revoked_here_is_401_there_within_a_second(fire):
    fire.sign_in(life=3600)
    assert fire.a.status() == 200 and fire.b.status() == 200
    assert Browser().post(fire.a.url + "/tom/auth/revoke").json["status"] == "revoked"
    assert fire.a.status() == 401
    assert until(lambda: fire.b.status() == 401, 5) <= 1


def test_a_new_sign_in_reaches_the_other_nodes_cache_within_a_second(fire):
    fire.sign_in(life=3600)
    assert fire.b.status() == 200
    before = fire.b.ask().json["expires_at"]
    fire.sign_in(life=7200)
    assert until(lambda: fire.b.ask().json["expires_at"] != before, 5) <= 1
