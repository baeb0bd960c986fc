# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O7: limits in shared memory, by route class."""

import pytest

from support.browser import Browser

MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
    GraphTokLimit calendar 3/min events 5/h
</Location>
<Location "/tom">
    GraphTokUser static tom
</Location>
<Location "/tom/auth">
    SetHandler graphtok-auth
</Location>
RemoteIPHeader X-Client-IP
RemoteIPTrustedProxy 127.0.0.1
"""


@pytest.fixture(scope="module", params=["event", "prefork"])
def limited(request, make_site):
    """A site with the default limits."""
    made = make_site(request.param, mounts=MOUNTS)
    made.start()
    yield made
    made.end()


def from_address(address):
    return {"X-Client-IP": address}


def sign_in(limited, sandbox, address):
    """The status of the callback of a whole sign-in from an address."""
    browser = Browser(sandbox.ca)
    back = browser.leave_for_sign_in(limited.url + "/auth/login", headers=address)
    return browser.get(back, headers=address).status


def test_O7_login_ten_a_minute(limited, sandbox):
    browser = Browser(sandbox.ca)
    address = from_address("192.0.2.1")
    statuses = [browser.get(limited.url + "/auth/login", headers=address).status
                for _ in range(12)]
    assert statuses == [302] * 10 + [429] * 2
    refused = browser.get(limited.url + "/auth/login", headers=address)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json["retry_after"] == int(refused.headers["Retry-After"])
    assert refused.headers["RateLimit-Policy"] == '"login";q=10;w=60'
    assert refused.headers["RateLimit"].startswith('"login";r=0;t=')


def test_another_address_is_not_meant(limited, sandbox):
    assert Browser(sandbox.ca).get(limited.url + "/auth/login",
                                   headers=from_address("192.0.2.2")).status == 302


def test_O7_callback_twenty_an_hour_for_an_address(limited, sandbox):
    statuses = [Browser(sandbox.ca).get(limited.url + "/auth/callback?state=x",
                                        headers=from_address("192.0.2.3")).status
                for _ in range(22)]
    assert statuses == [400] * 20 + [429] * 2


def test_an_office_behind_one_address_signs_in(limited, sandbox):
    address = from_address("192.0.2.70")
    for _ in range(25):
        assert sign_in(limited, sandbox, address) == 200


def test_sign_ins_that_are_not_finished_count(limited, sandbox):
    address = from_address("192.0.2.71")
    assert sign_in(limited, sandbox, address) == 200
    statuses = [Browser(sandbox.ca).get(limited.url + "/auth/login", headers=address).status
                for _ in range(11)]
    assert statuses == [302] * 10 + [429]


def test_callbacks_that_fail_count_beside_those_that_succeed(limited, sandbox):
    address = from_address("192.0.2.72")
    statuses = []
    for _ in range(20):
        assert sign_in(limited, sandbox, address) == 200
        statuses.append(Browser(sandbox.ca).get(limited.url + "/auth/callback?state=x",
                                                headers=address).status)
    assert statuses == [400] * 20
    assert sign_in(limited, sandbox, address) == 429


def test_ipv6_by_64(limited, sandbox):
    browser = Browser(sandbox.ca)
    statuses = [browser.get(limited.url + "/auth/login",
                            headers=from_address(f"2001:db8:0:7::{n:x}")).status
                for n in range(1, 13)]
    assert statuses.count(429) == 2
    assert browser.get(limited.url + "/auth/login",
                       headers=from_address("2001:db8:0:8::1")).status == 302


def test_an_untrusted_header_changes_nothing(limited, sandbox):
    browser = Browser(sandbox.ca)
    statuses = [browser.get(limited.url + "/auth/login", headers={
        **from_address("192.0.2.9"), "X-Forwarded-For": f"198.51.100.{n}"}).status
        for n in range(12)]
    assert statuses.count(429) == 2


def test_the_directive_for_one_location(limited, sandbox):
    browser = Browser(sandbox.ca)
    browser.sign_in(limited.url + "/auth/login")
    assert [browser.get(limited.url + "/calendar/").status for _ in range(4)] == [200] * 3 + [429]
    assert [browser.get(limited.url + "/calendar/events").status for _ in range(6)] \
        == [200] * 5 + [429]


def test_a_static_user_counts_for_all_browsers(limited, sandbox):
    statuses = [Browser(sandbox.ca).get(limited.url + "/tom/auth/login",
                                        headers=from_address(f"203.0.113.{n}")).status
                for n in range(12)]
    assert statuses.count(429) == 2


def test_limits_survive_a_graceful_restart(limited, sandbox):
    address = from_address("192.0.2.44")
    browser = Browser(sandbox.ca)
    for _ in range(10):
        browser.get(limited.url + "/auth/login", headers=address)
    limited.httpd.graceful()
    assert browser.get(limited.url + "/auth/login", headers=address).status == 429


def test_limits_count_before_the_provider_is_touched(limited, sandbox):
    browser = Browser(sandbox.ca)
    address = from_address("192.0.2.55")
    for _ in range(10):
        browser.get(limited.url + "/auth/login", headers=address)
    before = sandbox.calls("graph"), sandbox.calls("token"), sandbox.calls("discovery")
    assert browser.get(limited.url + "/auth/login", headers=address).status == 429
    assert before == (sandbox.calls("graph"), sandbox.calls("token"), sandbox.calls("discovery"))
