# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What httpd -t says of certificates, federated tokens and two secrets."""

import os

import pytest

from support.certificate import Certificate


@pytest.fixture(scope="module", name="pair")
def pair_fixture():
    return Certificate()


def write(frame, name, text, mode=0o640):
    path = frame.folder / name
    path.write_text(text)
    os.chmod(path, mode)
    return path


def check(frame, lines):
    """With these lines in place of the client secret."""
    text = frame.provider()
    mine = next(line for line in text.splitlines() if "GraphTokClientSecret" in line)
    return frame.check(provider=text.replace(mine, lines))


def test_a_good_pair(frame, pair):
    certificate = write(frame, "client.pem", pair.pem, 0o644)
    key = write(frame, "client.key", pair.key_pem())
    for written in (key, f"file:{key}"):
        checked = check(frame, f"GraphTokClientCertificate {certificate} {written}")
        assert checked.ok and not checked.warnings, checked.err
        provider = checked.dump["config"]["providers"][0]
        assert provider["certificate"] == f"file:{certificate}"
        assert provider["certificate_key"] == f"file:{key}" and "BEGIN" not in checked.out
    both = write(frame, "both.pem", pair.key_pem() + pair.pem)
    assert check(frame, f"GraphTokClientCertificate {both}").ok


def test_bad_pairs(frame, pair):
    other = Certificate()
    wrong = {
        "the private key is not the certificate's": (pair.pem, other.key_pem()),
        "the RSA key has less than 2048 bits": (
            (small := Certificate(bits=1024)).pem, small.key_pem()),
        "Microsoft takes certificates of RSA keys alone": (
            (curve := Certificate("EC")).pem, curve.key_pem()),
        "the private key is encrypted": (pair.pem, pair.key_pem("1234")),
        "no private key in PEM is there": (pair.pem, pair.pem),
        "no certificate in PEM is there": ("a text", pair.key_pem()),
    }
    for words, (certificate, key) in wrong.items():
        write(frame, "client.pem", certificate)
        write(frame, "client.key", key)
        checked = check(frame, "GraphTokClientCertificate client.pem client.key")
        assert not checked.ok and words in checked.err, checked.err
        assert "BEGIN" not in checked.err


def test_a_certificate_that_is_not_valid_yet(frame):
    pair = Certificate(begins=3)
    write(frame, "client.pem", pair.pem + pair.key_pem())
    checked = check(frame, "GraphTokClientCertificate client.pem")
    assert checked.ok and ["valid from" in line for line in checked.warnings] == [True], checked.err


def test_a_key_that_others_can_read(frame, pair):
    write(frame, "client.pem", pair.pem, 0o644)
    write(frame, "client.key", pair.key_pem(), 0o644)
    checked = check(frame, "GraphTokClientCertificate client.pem client.key")
    assert "client.key has mode 0644" in checked.err and "client.pem has mode" not in checked.err
    checked = check(frame, "GraphTokClientCertificate client.pem no.key")
    assert checked.ok and "no.key cannot be found now" in checked.err


def test_a_federated_token(frame, pair):
    token = write(frame, "token", pair.token(), 0o644)
    assert not check(frame, f"GraphTokClientAssertion file:{token}").warnings
    write(frame, "token", pair.token(life=-1), 0o644)
    assert "has ended" in check(frame, f"GraphTokClientAssertion file:{token}").warnings[0]
    write(frame, "token", "x" * 20000)
    assert "holds no JWT of at most 16 KiB" in check(
        frame, f"GraphTokClientAssertion file:{token}").warnings[0]


def test_two_secrets(frame):
    old = write(frame, "old", "another-client-secret~1")
    for lines in (f"GraphTokClientSecret file:{frame.secret} file:{old}",
                  f"GraphTokClientSecret file:{frame.secret}\nGraphTokClientSecret file:{old}"):
        provider = check(frame, lines).dump["config"]["providers"][0]
        assert provider["client_secret"] == f"file:{frame.secret}"
        assert provider["spare_secret"] == f"file:{old}"
    checked = check(frame, f"GraphTokClientSecret file:{frame.secret} file:{old}\n"
                           f"GraphTokClientSecret file:{old}")
    assert not checked.ok and "at most two" in checked.err


@pytest.mark.parametrize("line,member,value", [
    ("GraphTokClientAuth basic", "client_auth", "basic"),
    ("GraphTokClientSecretExpires 2999-03-01", "secret_expires", "2999-03-01"),
    ("GraphTokAlarmBefore 60d", "alarm_before", "60d"),
])
def test_lines_beside_a_secret(frame, line, member, value):
    checked = frame.check(provider=frame.provider(line))
    assert checked.dump["config"]["providers"][0][member] == value and not checked.warnings


def test_a_day_that_is_none(frame):
    checked = frame.check(provider=frame.provider("GraphTokClientSecretExpires 2027-02-29"))
    assert not checked.ok and "'2027-02-29' is not a day, as in 2027-03-01" in checked.err


def test_one_way_alone(frame, pair):
    write(frame, "client.pem", pair.key_pem() + pair.pem)
    checked = check(frame, f"GraphTokClientSecret file:{frame.secret}\n"
                           "GraphTokClientCertificate client.pem")
    assert not checked.ok and "write one: providers refuse a request that shows two" in checked.err
    checked = check(frame, "")
    assert not checked.ok and "lacks GraphTokClientSecret" in checked.err
    checked = check(frame, "GraphTokClientCertificate client.pem\nGraphTokClientAuth basic")
    assert checked.ok and "says where a secret stands" in checked.warnings[0]
