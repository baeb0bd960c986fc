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
    ("", "provider x lacks GraphTokDiscovery: the provider's issuer"),
    ("GraphTokAuthority https://i.example\nGraphTokDiscovery https://other.example",
     "of GraphTokDiscovery and GraphTokAuthority write one"),
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


@pytest.mark.parametrize("address", [
    "https://api.login.yahoo.com", "https://api.login.yahoo.com/",
    "https://api.login.yahoo.com/.well-known/openid-configuration"])
def test_an_openid_provider_by_its_discovery(frame, address):
    """Yahoo, for one: as docs/operating/provider.md shows it."""
    checked = frame.check(provider=openid(frame, f"GraphTokDiscovery {address}\n"
                                          "GraphTokClientAuth basic"))
    provider = checked.dump["config"]["providers"][0]
    assert provider["authority"] == "https://api.login.yahoo.com"
    assert not checked.warnings


def google(frame, inside="", name="google"):
    secret = "" if "GraphTokClientC" in inside else f"GraphTokClientSecret file:{frame.secret}"
    client = "" if "GraphTokClientID" in inside else "GraphTokClientID 1-a.apps.googleusercontent.com"
    return (f"<GraphTokProvider {name}>\n{client}\n{secret}\n{inside}\n</GraphTokProvider>\n")


def test_a_provider_called_google_is_of_that_kind(frame):
    for provider in (google(frame), google(frame, "GraphTokKind google", "g")):
        checked = frame.check(provider=provider)
        dump = checked.dump["config"]["providers"][0]
        assert (dump["kind"], dump["authority"]) == ("google", "https://accounts.google.com")
        assert dump["scope"] == "openid profile email calendar"
        assert dump["tenant"] is None and dump["graph_url"] is None and "cloud" not in dump
        assert not checked.warnings
    assert frame.check(provider=google(frame, "GraphTokTenant example.com")).ok
    assert frame.check(provider=frame.provider("GraphTokKind microsoft", "google")).ok


@pytest.mark.parametrize("inside,message", [
    ("GraphTokTenant common", "GraphTokTenant 'common' is no domain"),
    (f"GraphTokTenant {GUID}", "at Google it is the domain of a Workspace organisation"),
    (f"GraphTokAllowedTenants {GUID}", "go with GraphTokKind microsoft"),
    ("GraphTokGraphURL https://g.example/v1.0", "go with GraphTokKind microsoft"),
    ("GraphTokCloud global", "go with GraphTokKind microsoft"),
    ("GraphTokContinuousAccess on", "GraphTokContinuousAccess goes with GraphTokKind microsoft"),
    ("GraphTokDiscovery https://accounts.google.com", "goes with GraphTokKind openid"),
    ("GraphTokCalendarURL http://calendar.example", "is not an https URL"),
    ("GraphTokScope profile", "GraphTokScope lacks openid"),
    ("GraphTokScope openid Calendars.ReadWrite", "a scope of Microsoft's"),
    ("GraphTokScope openid https://mail.google.com", "with a slash at its end alone"),
    ("GraphTokClientCertificate /etc/hostname", "Google takes client secrets alone")])
def test_what_google_has_not(frame, inside, message):
    checked = frame.check(provider=google(frame, inside))
    assert checked.code == 1
    assert message in checked.err


@pytest.mark.parametrize("inside,message", [
    ("GraphTokScope openid offline_access", "which Google does not know"),
    ("GraphTokClientID 11111111-2222-3333-4444-555555555555",
     "does not end in .apps.googleusercontent.com")])
def test_what_is_odd_with_google(frame, inside, message):
    checked = frame.check(provider=google(frame, inside))
    assert checked.ok and len(checked.warnings) == 1
    assert message in checked.warnings[0]


AUTH = '<Location "/auth">\nSetHandler graphtok-auth\n{}\n</Location>'


@pytest.mark.parametrize("page,inside,told", [
    ("https://front.example/in", "", "write GraphTokAllowOrigin https://front.example there"),
    ("https://front.example/in", "GraphTokAllowOrigin https://front.example", ""),
    ("https://own.example/page", "", ""), ("http://localhost:3000/in", "", "http://localhost:3000")])
def test_a_redirect_address_of_another_program(frame, page, inside, told):
    checked = frame.check("ServerName own.example:443\n" + AUTH.format(inside),
                          provider=google(frame, f"GraphTokRedirectURI {page}"))
    assert checked.ok and len(checked.warnings) == bool(told), checked.err
    assert told in checked.err


def test_a_redirect_address_is_safe(frame):
    checked = frame.check(provider=google(frame, "GraphTokRedirectURI http://front.example/in"))
    assert checked.code == 1 and "is not an https URL" in checked.err


def test_several_providers_of_a_place(frame):
    """Each is known; callers must be known without a session; the first is meant elsewhere."""
    both = frame.provider() + google(frame)
    use = "GraphTokUseProvider google microsoft"
    checked = frame.check(AUTH.format(use), provider=both)
    assert checked.code == 1 and "each would know its users by another name" in checked.err
    checked = frame.check(AUTH.format(use + "\nGraphTokUser static tom\nRequire local"), provider=both)
    mount = checked.dump["mounts"][0]["settings"]
    assert (mount["provider"], mount["providers"]) == ("google", "google microsoft")
    checked = frame.check(AUTH.format(use + " x"), provider=both)
    assert checked.code == 1 and "there is no <GraphTokProvider x>" in checked.err
    assert frame.check(AUTH.format("GraphTokUseProvider"), provider=both).code == 1


def test_discovery_goes_with_openid(frame):
    checked = frame.check(provider=frame.provider("GraphTokDiscovery https://id.example"))
    assert checked.code == 1 and "GraphTokDiscovery goes with GraphTokKind openid" in checked.err


def test_google_has_calendars(frame):
    calendar = '<Location "/c">\nSetHandler graphtok-calendar\n</Location>'
    checked = frame.check(calendar, provider=google(frame))
    url = checked.dump["config"]["providers"][0]["calendar_url"]
    assert url == "https://www.googleapis.com/calendar/v3"
    for other in (frame.provider("GraphTokCalendarURL https://c.example/v3"),
                  openid(frame, "GraphTokDiscovery https://id.example\n"
                         "GraphTokCalendarURL https://c.example/v3")):
        checked = frame.check(provider=other)
        assert checked.code == 1 and "GraphTokCalendarURL goes with GraphTokKind google" in checked.err


def test_an_openid_provider_has_no_calendars(frame):
    checked = frame.check('<Location "/c">\nSetHandler graphtok-calendar\n</Location>',
                          provider=openid(frame))
    assert checked.code == 1
    assert "GraphTokKind openid and has no calendars" in checked.err
    assert f"{checked.conf}:{checked.line_of('SetHandler graphtok-calendar')}:" in checked.err
