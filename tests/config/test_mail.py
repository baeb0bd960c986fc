# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mail: rules of triage are read while the configuration is, and which providers have mail."""

import pathlib

import pytest

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "conf" / "triage.rules"


def with_rules(frame, tmp_path, text):
    rules = tmp_path / "my.rules"
    rules.write_bytes(text)
    return rules, frame.check(f"GraphTokTriageRules {rules}")


def test_the_rules_that_are_shipped_are_taken(frame):
    checked = frame.check(f"GraphTokTriageRules {SHIPPED}")
    assert checked.dump["config"]["triage_rules"] == str(SHIPPED)
    assert frame.check("").dump["config"]["triage_rules"] is None


@pytest.mark.parametrize("text, line, message", [
    (b"signal alone 15 to you\nsignal alone x\n", 2, "the points must be a whole number"),
    (b"\xff", 1, "this line is not UTF-8"),
    (b"words a 1 b\n    please\n", 2, "begins with their language")])
def test_a_mistake_in_rules_names_its_line(frame, tmp_path, text, line, message):
    rules, checked = with_rules(frame, tmp_path, text)
    assert checked.code == 1
    where = f"{checked.conf}:{checked.line_of('GraphTokTriageRules')}"
    assert f"{where}: GraphTokTriageRules: GT1402: {rules}:{line}: " in checked.err
    assert message in checked.err


def test_rules_that_are_not_there(frame, tmp_path):
    checked = frame.check(f"GraphTokTriageRules {tmp_path}/none")
    assert checked.code == 1 and "No such file" in checked.err


@pytest.mark.parametrize("text, url, wait", [
    ("GraphTokTriageURL https://model.example/sort\nGraphTokTriageWait 250ms", "https://model.example/sort", "250ms"),
    ("", None, "5s")])
def test_a_model_server(frame, text, url, wait):
    config = frame.check(text).dump["config"]
    assert config["triage_url"] == url and config["triage_wait"] == wait


@pytest.mark.parametrize("line", ["GraphTokTriageURL http://model.example/", "GraphTokTriageURL model",
                                  "GraphTokTriageWait 50ms", "GraphTokTriageWait 2min"])
def test_a_model_server_that_is_none(frame, line):
    checked = frame.check(line)
    assert checked.code == 1 and line.split()[0] in checked.err


def test_another_kind_of_provider_has_mail_by_a_kept_copy(frame):
    openid = (f"<GraphTokProvider x>\nGraphTokKind openid\nGraphTokClientID a-b\nGraphTokAuthority "
              f"https://id.example\nGraphTokClientSecret file:{frame.secret}\n</GraphTokProvider>\n")
    checked = frame.check('<Location "/m">\nSetHandler graphtok-mail\n</Location>', provider=openid)
    assert checked.code == 1
    assert f"{checked.conf}:{checked.line_of('SetHandler graphtok-mail')}:" in checked.err
    assert "GraphTokMailSync on" in checked.err
    keeps = "<GraphTokStore main>\nGraphTokMailSync on\n</GraphTokStore>"
    kept = frame.check(f'<Location "/m">\nSetHandler graphtok-mail\n</Location>\n{keeps}',
                       provider=openid)
    assert kept.code == 0, kept.err
