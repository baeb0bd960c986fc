# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A national cloud: its scopes are those of its own Graph, at sign-in and at each refresh."""

import pytest

from support.browser import query_of

GRAPH = "https://microsoftgraph.chinacloudapi.cn"


@pytest.fixture(scope="module", name="site")
def fixture_site(make_site):
    """A provider in China's cloud."""
    made = make_site(provider="GraphTokCloud china")
    made.start()
    yield made
    made.end()


def test_scopes_are_of_the_clouds_own_graph(site, sandbox, browser):
    sandbox.process.settings(cloud="china")
    asked = query_of(browser.get(f"{site.url}/auth/login").location)
    assert asked["scope"] == (f"openid profile email offline_access {GRAPH}/User.Read "
                              f"{GRAPH}/Calendars.ReadWrite")
    assert browser.sign_in(f"{site.url}/auth/login").status == 200
    sandbox.expire_access("ada@sandbox.example")
    assert browser.get(f"{site.url}/calendar/events").status == 200
    scopes = [call["scope"] for call in sandbox.process.calls("token")["last"]]
    assert scopes == [asked["scope"], asked["scope"]]
