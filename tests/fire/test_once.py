# Licensed under the Apache License, Version 2.0; see LICENSE.
"""One refresh, everywhere: however many ask, in however many children of however many nodes."""

import json
import time

import pytest

from conftest import CHILDREN, herd, herd_answers, until
from support.browser import Browser


@pytest.mark.parametrize("seconds", [1, 6])
def test_T6_a_thousand_at_once_are_one_call(fire, seconds):
    fire.fault("delay", seconds=seconds, times=0)
    assert herd(fire.nodes, 1000) == {200: 1000}
    assert fire.refreshes() == 1 and fire.results() == {"ok"}
    assert fire.row("status, error_count, lease_until, coalesce(intent_owner, '')") == [
        "1", "0", "0", ""]
    # Each child of each node had some of them, and one waiting job for all of them but the winner.
    if seconds > 1:
        assert fire.counted("graphtok_lease_waits_total") == {"": 2 * CHILDREN - 1}


def test_T6_thirty_five_seconds_fail_a_thousand_and_harm_nothing(make_pair):
    """With the time limits that the product has: 20 s for a call, a lease of 30 s."""
    fire = make_pair().sign_in()
    fire.fault("delay", seconds=35, times=0)
    begun = time.monotonic()
    answers = herd_answers(fire.nodes, 1000)
    assert 20 <= time.monotonic() - begun < 30
    assert {status for status, _ in answers} == {504}
    told = [json.loads(body) for _, body in answers]
    assert {problem["type"] for problem in told} == {"urn:mod_graphtok:upstream-timeout"}
    assert fire.refreshes() == 1
    assert fire.counted("graphtok_lease_waits_total") == {"": 2 * CHILDREN - 1}
    assert fire.row("status, error_count") == ["1", "0"]
    # Not before the lease ends, since it could have arrived, and not much later in any child.
    for node in fire.nodes * CHILDREN:
        answer = node.ask()
        assert answer.status == 504 and 1 <= answer.json["retry_after"] <= 11
    fire.grant_lives()
    assert 29 <= time.monotonic() - begun < 36
    assert fire.refreshes() == 2


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
