# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What a provider can say to a refresh: the effect of its class, and no other."""

import urllib.parse

import pytest

from conftest import LEASE, herd, until

CLAIMS = '{"access_token":{"polids":{"essential":true,"values":["p1"]}}}'


def untouched(fire):
    return fire.row("status, error_count, coalesce(error_message, '')") == ["1", "0", ""]


def test_T13_refused_once_then_well(fire):
    fire.fault("entra_error", code=50173, error="invalid_grant", status=400, times=1)
    assert fire.a.status() == 200
    assert fire.refreshes() == 2 and untouched(fire)
    assert fire.results() == {"ok"}


def test_T13_refused_twice_is_refused(fire):
    fire.fault("entra_error", code=50173, error="invalid_grant", status=400, times=2)
    assert fire.a.status() == 401
    assert fire.row("status, error_count") == ["0", "1"]
    assert fire.b.status() == 401 and fire.refreshes() == 2
    assert fire.counted("graphtok_refreshes_total") == {"microsoft,sign-in-required": 1}
    assert fire.counted("graphtok_refresh_refusals_total") == {"AADSTS50173": 1}


def test_interaction_keeps_the_grant_and_what_was_asked_for(fire):
    fire.fault("entra_error", code=50076, error="invalid_grant", suberror="basic_action",
               claims=CLAIMS, status=400, times=1)
    for node in fire.nodes:
        answer = node.ask()
        assert answer.status == 401
        query = urllib.parse.urlsplit(answer.json["login_url"]).query
        assert urllib.parse.parse_qs(query)["claims"] == [CLAIMS]
    assert fire.row("status, claims") == ["2", CLAIMS] and fire.refreshes() == 1
    assert fire.counted("graphtok_refreshes_total") == {"microsoft,interaction-required": 1}
    fire.sign_in(life=3600)
    assert fire.row("status, coalesce(claims, '')") == ["1", ""]


def test_our_own_client_is_broken(fire):
    alarms = fire.a.httpd.log().count("GT0618")
    fire.fault("entra_error", code=7000222, error="invalid_client", status=401, times=0)
    assert fire.a.status() == 502
    assert herd([fire.a], 40) == {502: 40}
    assert fire.refreshes() == 1 and untouched(fire)
    assert fire.results() == {"client-broken"}
    assert fire.a.httpd.log().count("GT0618") == alarms + 1
    fire.grant_lives()


def test_throttled_rests_all_children(fire):
    fire.fault("status", status=429, retry_after=4, times=0)
    answer = fire.a.ask()
    assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 4
    assert herd([fire.a], 40) == {429: 40}
    assert fire.refreshes() == 1 and untouched(fire)
    assert fire.results() == {"throttled"}
    fire.grant_lives()


TROUBLE = [dict(kind="status", status=503), dict(kind="html"), dict(kind="status", status=500)]


@pytest.mark.parametrize("fault", TROUBLE, ids=["503", "html", "500"])
def test_trouble_of_the_provider(fire, fault):
    fire.fault(times=1, **fault)
    assert fire.a.status() == 502
    assert untouched(fire)
    assert fire.counted("graphtok_refreshes_total") == {"microsoft,upstream-failed": 1}
    assert fire.row("lease_until") == ["0"]
    fire.grant_lives()
    assert fire.refreshes() == 2


UNKNOWN = [dict(kind="die_after", bytes=0), dict(kind="huge", mib=11), dict(kind="die")]


@pytest.mark.parametrize("fault", UNKNOWN, ids=["reset", "huge", "die"])
def test_what_may_have_arrived_is_not_repeated_before_the_lease_ends(fire, fault):
    fire.sign_in(strict=False)
    fire.fault(times=1, **fault)
    assert fire.a.status() == 502
    for node in (fire.b, fire.a):
        answer = node.ask()
        assert answer.status in (502, 504) and answer.json["retry_after"] >= 1
    assert fire.refreshes() == 1 and untouched(fire)
    # Answers that were cut off, and tokens not to be had meanwhile: no user was refused.
    assert {"upstream-failed"} <= fire.results() <= {"upstream-failed", "upstream-timeout"}
    assert until(lambda: fire.b.status() == 200, 2 * LEASE) <= LEASE + 3
    assert fire.refreshes() == 2
