# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A child that ends while the provider has a refresh token, and no client waits for the answer."""

import json

import pytest

from support.browser import Browser

SLOW = 7  # longer than anything else at a child's end, shorter than GraphTokTimeout


def ask(place):
    """A token that is still valid is served while its refresh goes on."""
    answer = Browser(timeout=30).get(place.url + "/tom/auth/token")
    assert answer.status == 200
    return answer.json["expires_at"]


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_graceful_end_waits_for_what_the_provider_has(make_place, sandbox, mpm):
    place = make_place(mpm)
    place.add(["tom"], ends=200)
    place.start()
    sandbox.fault("token", "delay", grant_type="refresh_token", seconds=SLOW, times=1)
    before = ask(place)
    sandbox.wait_for_calls("token:refresh_token", 1)
    old = set(place.httpd.children())
    place.httpd.graceful()
    place.wait(lambda: not old & set(place.httpd.children()), 30)
    assert place.rows("generation, coalesce(intent_owner, '')") == {"tom": ["2", ""]}
    assert ask(place) > before
    assert sandbox.calls("token:refresh_token") == 1
    assert "GT0606" not in place.httpd.log()


def test_graphtokctl_waits_for_it_too(make_place, sandbox):
    place = make_place()
    place.add(["tom"], ends=200)
    sandbox.fault("token", "delay", grant_type="refresh_token", seconds=SLOW, times=1)
    assert json.loads(place.ctl("--json", "token", "tom").stdout)
    assert place.rows("generation, coalesce(intent_owner, '')") == {"tom": ["2", ""]}
    assert sandbox.calls("token:refresh_token") == 1


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_term_does_not_wait_as_long(make_place, sandbox, mpm):
    """httpd's parent kills what is there after nine seconds; in time the lease is left to end."""
    place = make_place(mpm)
    place.add(["tom"], ends=200)
    place.start()
    sandbox.fault("token", "delay", grant_type="refresh_token", seconds=15, times=1)
    ask(place)
    sandbox.wait_for_calls("token:refresh_token", 1)
    place.httpd.stop()
    assert place.rows("generation, coalesce(intent_owner, ''), lease_owner") != {
        "tom": ["1", "", None]}
    assert "GT0606" in place.httpd.log()
