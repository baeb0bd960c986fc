# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Where mail is, and which stores keep a copy of it."""

import pytest


def test_where_mail_is_read_and_sent(frame):
    """imap: and smtp: begin TLS by STARTTLS."""
    dump = frame.check(provider=frame.provider(
        "GraphTokIMAP imap://[::1]:143\nGraphTokSMTP smtps://smtp.example:465"))
    provider = dump.dump["config"]["providers"][0]
    assert (provider["imap"], provider["smtp"]) == ("imap://[::1]:143", "smtps://smtp.example:465")


def test_a_store_keeps_mail(frame):
    checked = frame.check("<GraphTokStore main>\nGraphTokMailSync on\nGraphTokMailSyncEvery 1s\n"
                          "GraphTokMailKeep 90d\nGraphTokMailSeal off\n</GraphTokStore>")
    store = checked.dump["config"]["stores"][0]
    assert {k: v for k, v in store.items() if k.startswith("mail")} == {
        "mail_sync": "on", "mail_sync_every": "1s", "mail_keep": "90d", "mail_seal": "off"}
    store = frame.check().dump["config"]["stores"][0]
    assert {k: v for k, v in store.items() if k.startswith("mail")} == {
        "mail_sync": "off", "mail_sync_every": "5min", "mail_keep": "0s", "mail_seal": "on"}


@pytest.mark.parametrize("line,message", [
    ("GraphTokIMAP imaps://imap.example", "is not an IMAP server"),
    ("GraphTokIMAP https://imap.example:993", "is not an IMAP server"),
    ("GraphTokIMAP imaps://u@imap.example:993", "is not an IMAP server"),
    ("GraphTokSMTP imaps://imap.example:993", "is not an SMTP server"),
    ("GraphTokSMTP smtp://smtp.example:587/x", "is not an SMTP server"),
    ("GraphTokMailSyncEvery 500ms", "'500ms' is below the smallest, 1s"),
    ("GraphTokMailSyncEvery 8d", "'8d' is above the largest, 7d"),
    ("GraphTokMailKeep 3651d", "'3651d' is not a span"),
    ("GraphTokMailSeal maybe", "'maybe' is none of: off on"),
    ("GraphTokMailSync on\nGraphTokUserColumn failures", "has the name of a column")])
def test_bad_values(frame, line, message):
    if "Mail" in line:
        checked = frame.check(f"<GraphTokStore main>\n{line}\n</GraphTokStore>")
    else:
        checked = frame.check(provider=frame.provider(line))
    assert checked.code == 1 and message in checked.err


@pytest.mark.parametrize("line,meant", [
    ("GraphTokIMAP imap://imap.example:993", "imaps://imap.example:993"),
    ("GraphTokIMAP imaps://imap.example:143", "imap://imap.example:143"),
    ("GraphTokSMTP smtp://smtp.example:465", "smtps://smtp.example:465"),
    ("GraphTokSMTP smtps://smtp.example:587", "smtp://smtp.example:587"),
    ("GraphTokSMTP smtps://smtp.example:2587", None), ("GraphTokIMAP imap://[::1]:143", None)])
def test_a_port_of_the_other_way(frame, line, meant):
    """TLS from the first byte and STARTTLS mixed up: no session would ever begin."""
    checked = frame.check(provider=frame.provider(line))
    assert checked.ok
    assert (f"{meant} is likely meant" in checked.err) if meant else "likely meant" not in checked.err


def test_where_mail_is(frame):
    """Google and Microsoft have servers that are known; any other provider has those it is given."""
    where = []
    bare = f"GraphTokClientID a.apps.googleusercontent.com\nGraphTokClientSecret file:{frame.secret}"
    for kind, inside in (("google", bare), ("microsoft", bare), ("microsoft", bare +
                         "\nGraphTokCloud china"), ("openid", bare +
                         "\nGraphTokAuthority https://id.example")):
        provider = f"<GraphTokProvider x>\nGraphTokKind {kind}\n{inside}\n</GraphTokProvider>\n"
        dump = frame.check(provider=provider).dump["config"]["providers"][0]
        where.append((dump["imap"], dump["smtp"]))
    assert where == [("imaps://imap.gmail.com:993", "smtp://smtp.gmail.com:587"),
                     ("imaps://outlook.office365.com:993", "smtp://smtp.office365.com:587"),
                     (None, None), (None, None)]


@pytest.mark.parametrize("sync, background, cloud, scope, said", [
    ("on", "off", "global", "openid", "synchronises no mail"), ("on", "on", "global", "openid", None),
    ("off", "off", "global", "openid", None),
    ("on", "on", "china", "openid https://partner.outlook.cn/IMAP.AccessAsUser.All",
     "the mail servers of GraphTokCloud china are not known here"), ("on", "on", "china", "openid", None)])
def test_a_copy_that_nothing_fills_is_warned_of(frame, sync, background, cloud, scope, said):
    checked = frame.check(f"<GraphTokStore main>\nGraphTokMailSync {sync}\n</GraphTokStore>\n"
                          f"GraphTokBackground {background}",
                          provider=frame.provider(f"GraphTokCloud {cloud}\nGraphTokScope {scope}"))
    assert checked.ok
    for words in ("synchronises no mail", "are not known here"):
        assert (words in checked.err) == (said is not None and words in said), checked.err


@pytest.mark.parametrize("tables,message", [
    (("a", "b"), "store y has GraphTokMailSync on, as store x has, and both stand in one schema"),
    (("a", "mail_folders"), "store x has GraphTokMailSync on, and store y has the table"),
    (("mail_accounts", "c.b"), "store x has the table mail_accounts, which"),
    (("s.a", "s.b"), "both stand in one schema"), (("s.a", "t.b"), None)])
def test_a_schema_has_the_mail_of_one_store(frame, tables, message):
    stores = "".join(f"<GraphTokStore {name}>\nGraphTokTable {table}\n{more}</GraphTokStore>\n"
                     for name, table, more in zip("xy", tables, (
                         "GraphTokMailSync on\n",
                         "" if tables[1] == "mail_folders" else "GraphTokMailSync on\n")))
    checked = frame.check(stores)
    assert checked.ok if message is None else checked.code == 1 and message in checked.err
