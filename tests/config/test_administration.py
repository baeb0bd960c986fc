# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions O1, O2: where administration may be mounted."""

import pytest


@pytest.mark.parametrize("handler", ["graphtok-tokens", "graphtok-admin"])
def test_administration_wants_a_user(frame, handler):
    place = f'<Location "/admin">\nSetHandler {handler}\n{{}}\n</Location>'
    basic = "AuthType Basic\nAuthName a\nAuthUserFile /dev/null\n"
    for more, code, text in (
            ("", 1, "a Require that names the administrators must stand there"),
            ("Require all granted", 1, "a Require that names the administrators"),
            (basic + "Require user ann\nRequire all granted", 1, "a Require that names the admini"),
            (basic + "<RequireAll>\nRequire all granted\nRequire not user ann\n</RequireAll>", 1,
             "a Require that names the admini"),
            (basic + "<RequireAll>\nRequire all granted\nRequire user ann\n</RequireAll>", 0, None),
            ("Require ip 10.0.0.0/8", 1, "a Require that names the administrators"),
            ("AuthType GraphTok\nRequire valid-user", 0, "makes an administrator of every user"),
            (basic + "Require valid-user", 0, None), (basic + "Require user ann", 0, None),
            (basic + "Require user ann\nGraphTokUseAccount robot", 1,
             "does not serve an account's grant")):
        checked = frame.check(place.format(more))
        assert checked.code == code, more + checked.err
        assert text is None or text in checked.err
        assert text is not None or "/admin" not in checked.err


def test_a_hosts_own_rules_are_looked_at(frame):
    """A host's sections are merged after those of all hosts, also where they stand around them."""
    place = ('<Location "/admin">\nSetHandler graphtok-tokens\nAuthType Basic\nAuthName a\n'
             'AuthUserFile /dev/null\nRequire user ann\n</Location>\n'
             '<VirtualHost *:80>\nServerName host.example\n<Location "/{}">\n'
             'AuthType GraphTok\nRequire valid-user\n</Location>\n</VirtualHost>')
    told = "makes an administrator of every user"
    assert told in frame.check(place.format("")).err
    assert told not in frame.check(place.format("elsewhere")).err
