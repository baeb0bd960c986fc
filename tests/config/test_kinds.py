# Licensed under the Apache License, Version 2.0; see LICENSE.
"""GraphTokKind: what a provider of each kind has, and what it has not."""

import pytest

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"


def openid(frame, inside="GraphTokAuthority https://id.example"):
    return (f"<GraphTokProvider x>\nGraphTokKind openid\nGraphTokClientID a-b\n"
            f"GraphTokClientSecret file:{frame.secret}\n{inside}\n</GraphTokProvider>\n")


def test_an_openid_provider(frame):
    checked = frame.check(provider=openid(frame))
    provider = checked.dump["config"]["providers"][0]
    assert provider["kind"] == "openid"
    assert provider["authority"] == "https://id.example"
    assert provider["scope"] == "openid profile email offline_access"
    assert provider["tenant"] is None and provider["graph_url"] is None
    assert not checked.warnings


@pytest.mark.parametrize("inside,message", [
    ("", "provider x lacks GraphTokAuthority: the provider's issuer"),
    ("GraphTokAuthority https://i.example\nGraphTokTenant common", "go with GraphTokKind microsoft"),
    (f"GraphTokAuthority https://i.example\nGraphTokAllowedTenants {GUID}",
     "go with GraphTokKind microsoft"),
    ("GraphTokAuthority https://i.example\nGraphTokCloud china", "go with GraphTokKind microsoft"),
    ("GraphTokAuthority https://i.example\nGraphTokContinuousAccess on",
     "GraphTokContinuousAccess goes with GraphTokKind microsoft"),
    ("GraphTokAuthority https://i.example\nGraphTokGraphURL https://g.example/v1.0",
     "go with GraphTokKind microsoft")])
def test_what_an_openid_provider_has_not(frame, inside, message):
    checked = frame.check(provider=openid(frame, inside))
    assert checked.code == 1
    assert message in checked.err


def test_continuous_access_is_declared_on_wish(frame):
    for inside, value in (("", "off"), ("GraphTokContinuousAccess on", "on")):
        checked = frame.check(provider=frame.provider(inside))
        assert checked.dump["config"]["providers"][0]["continuous_access"] == value
    checked = frame.check(provider=frame.provider("GraphTokContinuousAccess cp1"))
    assert checked.code == 1 and "'cp1' is none of: off on" in checked.err


def test_a_provider_called_google_says_its_kind(frame):
    checked = frame.check(provider=frame.provider(name="google"))
    assert checked.code == 1
    assert "provider google: Google is no kind of its own yet" in checked.err
    assert frame.check(provider=frame.provider("GraphTokKind microsoft", "google")).ok


def test_an_openid_provider_has_no_calendars(frame):
    checked = frame.check('<Location "/c">\nSetHandler graphtok-calendar\n</Location>',
                          provider=openid(frame))
    assert checked.code == 1
    assert "GraphTokKind openid and has no calendars" in checked.err
    assert f"{checked.conf}:{checked.line_of('SetHandler graphtok-calendar')}:" in checked.err
