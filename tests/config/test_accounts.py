# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Accounts of the server itself, and the places that use one, as httpd -t finds them."""

import pytest

USE = """
<Location "/events">
    SetHandler graphtok-calendar
    GraphTokUseAccount events
    Require ip 10.0.0.0/8
</Location>
"""


def account(*lines, use=USE):
    return "<GraphTokAccount events>\n" + "\n".join(lines) + "\n</GraphTokAccount>\n" + use


PASSWORD = ("GraphTokAccountGrant password", "GraphTokAccountUser a@b.example",
            "GraphTokAccountPassword env:EVENTS_PASSWORD")


@pytest.fixture
def server(frame):
    """A frame whose httpd has a password."""
    frame.httpd.environment = {"EVENTS_PASSWORD": "the-password-of-events", "LONG": "x" * 257}
    return frame


def test_an_account_with_a_password_is_warned_of(server):
    checked = server.check(account(*PASSWORD, "GraphTokAccountRetry 2h",
                                   "GraphTokAccountScope openid offline_access User.Read"))
    [entry] = checked.dump["config"]["accounts"]
    assert (entry["grant"], entry["user"], entry["password"], entry["retry"], entry["store"]) == (
        "password", "a@b.example", "env:EVENTS_PASSWORD", "2h", "main")
    assert entry["scope"] == "openid offline_access User.Read"
    assert checked.ok and ["(ROPC), which RFC 9700 forbids" in text and "login --account events" in text
                           for text in checked.warnings] == [True]


CLUB = "d5d5d5d5-1843-4a11-8a11-000000001843"
GROUPS = f"GraphTokAccountGroups {CLUB} {CLUB.replace('d', 'E')}"


@pytest.mark.parametrize("lines, message", [
    (PASSWORD + ("GraphTokAccountScope offline_access group.readwrite.all",), None),
    (PASSWORD + ("GraphTokAccountScope offline_access https://graph.microsoft.com/Group.Read.All",), None),
    (PASSWORD, "its scopes lack Group.ReadWrite.All"),
    (("GraphTokAccountScope https://graph.microsoft.com/.default",), "no application permission"),
    ((), "no application permission"),
])
def test_groups_that_an_account_opens(server, lines, message):
    checked = server.check(account(*lines, GROUPS))
    assert checked.ok and checked.dump["config"]["accounts"][0]["groups"] == GROUPS.partition(" ")[2]
    assert [text for text in checked.warnings if "GraphTokAccountGroups" in text and message in text] if message else (
        not [text for text in checked.warnings if "Groups" in text])


def test_an_account_of_the_application_is_fine(server):
    checked = server.check(account())
    assert checked.ok and not checked.warnings
    assert checked.dump["config"]["accounts"][0]["grant"] == "client-credentials"


@pytest.mark.parametrize("lines, message", [
    (PASSWORD[:1] + PASSWORD[2:], "GraphTokAccountGrant password needs GraphTokAccountUser"),
    (PASSWORD[:2], "GraphTokAccountGrant password needs GraphTokAccountPassword"),
    (PASSWORD + ("GraphTokAccountUser ${MISSING}",), "${MISSING} is no user name of Entra"),
    (PASSWORD[:2] + ("GraphTokAccountPassword env:LONG",), "its password has 257 characters"),
    (PASSWORD + ("GraphTokAccountProvider other",), "there is no <GraphTokProvider other>"),
    (PASSWORD + ("GraphTokAccountStore other",), "there is no <GraphTokStore other>"),
    (PASSWORD + ("GraphTokAccountStore beta",), "GraphTokUserColumn of store beta is of type uuid"),
    (PASSWORD + ("GraphTokAccountRetry 1s",), "GraphTokAccountRetry: "),
    (("GraphTokAccountGrant ropc",), "'ropc' is none of: client-credentials password"),
    (("GraphTokAccountUser a@b.example",), "client-credentials has no user"),
    (("GraphTokAccountScope User.Read",), "takes one scope, RESOURCE/.default"),
    (("GraphTokAccountGroups club",), "is not a list of ids of Microsoft 365 groups"),
    ((f"GraphTokAccountGroups {CLUB},{CLUB}",), "is not a list of ids of Microsoft 365 groups"),
    ((f"GraphTokAccountGroups {CLUB}x",), "is not a list of ids of Microsoft 365 groups"),
    (("GraphTokScope User.Read",), "GraphTokScope must stand inside <GraphTokProvider NAME>"),
])
def test_a_slip_in_an_account(server, lines, message):
    checked = server.check("<GraphTokStore beta>\nGraphTokTable beta_tokens\n"
                           "GraphTokUserColumn user_id uuid\n</GraphTokStore>\n" + account(*lines))
    assert checked.code == 1 and message in checked.err, checked.err


@pytest.mark.parametrize("use, message", [
    (USE.replace("Require ip 10.0.0.0/8", ""), "without Require: every client would act as this account"),
    (USE.replace("Require ip 10.0.0.0/8", "Require all granted"), "without Require"),
    (USE.replace("Require ip 10.0.0.0/8", "AuthType Basic"), "without Require"),
    (USE.replace("Require ip", "Require all granted\nRequire ip"), "without Require"),
    (USE.replace("Require ip 10.0.0.0/8", "<Limit POST>\nRequire ip 10.0.0.0/8\n</Limit>"), "without Require"),
    (USE + '<VirtualHost *:80>\nServerName host.example\n<Location "/">\nRequire all granted\n'
     "</Location>\n</VirtualHost>\n", "without Require"),
    (USE.replace("calendar", "auth"), "does not serve an account's grant"),
    (USE.replace("Account events", "Account other"), "there is no <GraphTokAccount other>"),
    ("GraphTokUseAccount events\n", 'must stand in a <Location "/path">'),
])
def test_a_slip_where_one_is_used(server, use, message):
    checked = server.check(account(use=use))
    assert checked.code == 1 and message in checked.err, checked.err
