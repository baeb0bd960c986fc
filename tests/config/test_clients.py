# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Clients and the places where they ask, through the real httpd -t."""

import pytest

CLIENT = [
    ("GraphTokClientSecret", "env:AGENT", "secret", "env:AGENT"),
    ("GraphTokClientResource", "graph https://graph.microsoft.com", "resources",
     "graph https://graph.microsoft.com"),
    ("GraphTokClientScope", 'User.Read "Calendars.ReadWrite Mail.Read"', "scopes",
     "User.Read Calendars.ReadWrite Mail.Read"),
    ("GraphTokClientSubject", "user jwt=app on-behalf-of", "subjects", "user jwt=app on-behalf-of"),
    ("GraphTokUseJWT", "app", "jwt", "app"),
    ("GraphTokAllow", "POST GET /auth/**", "allow", ["GET POST /auth/**"]),
    ("GraphTokClientTokenTime", "90s", "token_time", "90s"),
    ("GraphTokClientUser", "system:serviceaccount:a:b", "jwt_user", "system:serviceaccount:a:b"),
]


ISSUER = """<GraphTokJWT app>
GraphTokJWTIssuer https://app.example
GraphTokJWTAudience graphtok
GraphTokJWTAlgorithms RS256
GraphTokJWTKeys https://app.example/jwks.json
</GraphTokJWT>
"""


SIGN_IN = """<Location "/auth">
SetHandler graphtok-auth
</Location>
"""


def client(*lines, name="agent", place=""):
    """A client that may ask, with more lines in its entry, which win."""
    return (f"<GraphTokClient {name}>\n" + "\n".join(
        ("GraphTokClientSecret env:AGENT", "GraphTokClientResource graph",
         "GraphTokClientScope User.Read Calendars.ReadWrite", "GraphTokClientSubject user", *lines))
        + f'\n</GraphTokClient>\n<Location "/exchange">\nSetHandler graphtok-exchange\n{place}\n'
        "</Location>\n")


@pytest.fixture
def agent(frame):
    """A frame whose httpd has the secret of a client."""
    frame.httpd.environment = {"AGENT": "a-secret-of-20-bytes", "LINES": "a-secret-of-20-bytes\nanother"}
    return frame


@pytest.mark.parametrize("directive,value,member,expected", CLIENT, ids=[r[0] for r in CLIENT])
def test_client_directives(agent, directive, value, member, expected):
    checked = agent.check(ISSUER + client(f"{directive} {value}") + SIGN_IN)
    assert checked.dump["config"]["clients"][0][member] == expected
    assert not checked.warnings


@pytest.mark.parametrize("line, message", [
    ("", "lacks GraphTokClientSecret, by which it shows who it is"),
    ("GraphTokClientSecret env:AGENT", "client agent may have nothing"),
    ("GraphTokClientSecret env:AGENT\nGraphTokClientResource graph",
     "client agent lacks GraphTokClientScope"),
    ("GraphTokClientSecret env:AGENT", "client agent lacks GraphTokClientSubject"),
])
def test_a_client_without_rights_is_a_slip(agent, line, message):
    checked = agent.check(f"<GraphTokClient agent>\n{line}\n</GraphTokClient>")
    assert checked.code == 1 and message in checked.err
    assert f"{checked.conf}:{checked.line_of('<GraphTokClient')}: client agent" in checked.err


@pytest.mark.parametrize("line, message", [
    ("GraphTokClientSecret the-secret-stands-here", "its secret stands in the configuration itself"),
    ("GraphTokAllow GET /calender/**", "GraphTokAllow GET /calender/** opens nothing"),
    ("GraphTokAllow GET /exchange/**", "GraphTokAllow GET /exchange/** opens nothing"),
    ("GraphTokClientSecret env:LINES", "its secret env:LINES has several lines"),
    ("GraphTokClientScope User.Read", "has the scopes Calendars.ReadWrite, too, which "
     "GraphTokClientScope does not allow"),
])
def test_a_client_is_warned_of(agent, line, message):
    checked = agent.check(client(line))
    assert checked.ok and [message in text for text in checked.warnings] == [True], checked.err


@pytest.mark.parametrize("text, message", [
    (client("GraphTokClientSecret env:SHORT"),
     "GT0851: {conf}: client agent: its secret has 19 characters, and with fewer than 20"),
    (client("GraphTokUseJWT app"), "client agent: there is no <GraphTokJWT app>"),
    (client("GraphTokClientSubject user jwt=app"), "client agent: there is no <GraphTokJWT app>"),
    ("<GraphTokClient a>\nGraphTokClientSubject jwt=\n</GraphTokClient>", "'jwt=' is not"),
    (client("GraphTokClientResource outlook"),
     "no GraphTokScope of provider microsoft is of GraphTokClientResource outlook"),
    (client(place="GraphTokUseClient agent nobody"), "there is no <GraphTokClient nobody>"),
    (client() + '<Location "/other">\nSetHandler graphtok-exchange\nGraphTokUseStore beta\n'
     "</Location>\n<GraphTokStore beta>\nGraphTokTable beta\n</GraphTokStore>",
     "have different stores or providers; say at each which clients may ask there"),
    ('<Location "/exchange">\nSetHandler graphtok-exchange\n</Location>',
     "there is no <GraphTokClient NAME> that could ask"),
    ("<GraphTokClient a>\n</GraphTokClient>\n<GraphTokClient a>\n</GraphTokClient>",
     "client a is defined already, at "),
    ("<GraphTokClient a>\nGraphTokTenant x\n</GraphTokClient>", "must stand inside"),
    ("<GraphTokClient a>\nGraphTokLimit off\n</GraphTokClient>",
     "must not stand inside <GraphTokClient>"),
    (client("GraphTokAllow GET /calendar/*", "GraphTokClientSubject on-behalf-of"),
     "GraphTokAllow opens routes for users who signed in here"),
    ("<GraphTokClient a>\nGraphTokAllow get /x\n</GraphTokClient>", "'get' is no method; write one or more"),
    ("<GraphTokClient a>\nGraphTokAllow GET /a/**/b\n</GraphTokClient>", "'/a/**/b' is no pattern: "),
    ("<GraphTokClient a>\nGraphTokAllow\n</GraphTokClient>", "it needs one method or more, and a path"),
    ("GraphTokAllow GET /x", "must stand inside <GraphTokClient NAME>"),
    ("<GraphTokClient a>\nGraphTokClientSubject users\n</GraphTokClient>", "'users' is not"),
    ("<GraphTokClient a>\nGraphTokClientScope a\\\n</GraphTokClient>", ""),
    ("GraphTokClientScope x", "must stand inside <GraphTokClient NAME>"),
    ("GraphTokClientSecret x", "must stand inside <GraphTokProvider NAME>"),
])
def test_slips_of_clients(agent, text, message):
    agent.httpd.environment["SHORT"] = "a-secret-of-19-byte"
    checked = agent.check(text)
    where = f"{checked.conf}:{checked.line_of('<GraphTokClient')}" if "{conf}" in message else ""
    assert checked.code == 1 and message.format(conf=where) in checked.err, checked.err


@pytest.mark.parametrize("place", ["", '<Location "/exchange">\nSetHandler graphtok-exchange\n'
                                   "GraphTokUseClient other\n</Location>\n"])
def test_a_client_without_a_place(agent, place):
    checked = agent.check(client(name="other").split("<Location")[0] + client().split("<Location")[0] + place)
    told = [line for line in checked.warnings if "client agent can ask nowhere" in line]
    assert checked.ok and len(told) == 1, checked.err
