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
            ("Require ip 10.0.0.0/8", 1, "a Require that names the administrators"),
            ("AuthType GraphTok\nRequire valid-user", 0, "makes an administrator of every user"),
            (basic + "Require valid-user", 0, None), (basic + "Require user ann", 0, None)):
        checked = frame.check(place.format(more))
        assert checked.code == code, more + checked.err
        assert text is None or text in checked.err
        assert text is not None or "/admin" not in checked.err
