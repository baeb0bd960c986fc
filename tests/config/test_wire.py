# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What httpd -t says of pins and of where calls start."""

import pytest

PINS = ["sha256//" + letter + "A" * 42 + "=" for letter in "AB"]

GOOD = [
    ("GraphTokPin " + PINS[0], "pins", PINS[0]),
    (f"GraphTokPin {PINS[0]} {PINS[1]}", "pins", " ".join(PINS)),
    (f"GraphTokPin {PINS[0]}\nGraphTokPin {PINS[1]}", "pins", " ".join(PINS)),
    ("GraphTokSourceAddress 127.0.0.1", "local_end", "127.0.0.1"),
    ("GraphTokSourceAddress ::1", "local_end", "::1"),
    ("GraphTokSourceAddress lo", "local_end", "lo"),
]

BAD = [
    ("GraphTokPin", "requires at least one argument"),
    ("GraphTokPin sha256/short", "'sha256/short' is not a pin, once"),
    (f"GraphTokPin {PINS[0]} {PINS[0]}", "is not a pin, once"),
    ("GraphTokSourceAddress 10.0.0.256", "is not an IP address or the name"),
    ("GraphTokSourceAddress a-host.of.example.org", "is not an IP address or the name"),
    (f"GraphTokPin {PINS[0]}\nGraphTokGraphURL http://127.0.0.1:8400/v1.0",
     "provider microsoft: GraphTokPin needs https"),
]


@pytest.mark.parametrize("line,member,expected", GOOD, ids=[row[0] for row in GOOD])
def test_good_lines(frame, line, member, expected):
    checked = frame.check(provider=frame.provider(line))
    assert checked.dump["config"]["providers"][0][member] == expected


@pytest.mark.parametrize("line,words", BAD, ids=[row[0] for row in BAD])
def test_bad_lines(frame, line, words):
    checked = frame.check(provider=frame.provider(line))
    assert not checked.ok and words in checked.err


def test_a_pin_wants_a_backup(frame):
    checked = frame.check(provider=frame.provider(f"GraphTokPin {PINS[0]}"))
    assert checked.ok and "one GraphTokPin alone" in checked.warnings[0]
    assert not frame.check(provider=frame.provider(f"GraphTokPin {' '.join(PINS)}")).warnings
