# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Slips of an administrator's first hour that httpd -t names, before a user meets them."""

import os
import shutil

import pytest

from support.certificate import Certificate

GUID = "11111111-2222-3333-4444-555555555555"  # the client id of the frame
PLACE = '<Location "/auth">\nSetHandler graphtok-auth\n</Location>\n'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")


def said(frame, text="", code=0, **parts):
    """What -t says of ours, one text."""
    checked = frame.check(PLACE + text, **parts)
    assert checked.code == code, checked.err
    return "\n".join(line for line in checked.err.splitlines() if line.startswith("GT"))


def test_the_frame_is_without_fault(frame):
    assert said(frame) == ""


@pytest.mark.parametrize("handler", ["graphtok_auth", "graphtok", "GraphTokAuth", "graphtok-calender"])
def test_a_handler_that_is_none(frame, handler):
    text = f'<Location "/x">\nSetHandler {handler}\n</Location>'
    assert f"SetHandler '{handler}' is none of: graphtok-admin graphtok-auth" in said(frame, text, code=1)


@pytest.mark.parametrize("content, words", [
    (b"first\nsecond\n", "has several lines"), (b"first\r\nsecond", "has several lines"),
    (b"value: abc\n", "has a blank in it"), (GUID.encode() + b"\n", "is a GUID, as the Secret ID is"),
    (b"\xef\xbb\xbfa-good-one\r\n\r\n", ""), (b" a-good~one.with_8Q~ \n", "")])
def test_a_client_secret_that_can_be_none(frame, content, words):
    frame.secret.write_bytes(content)
    found = said(frame)
    assert found.count("GT0852") == bool(words) and words in found
    assert "first" not in found and GUID not in found


@pytest.mark.parametrize("inside, words", [
    ("GraphTokTenant contoso", "'contoso' is none that Entra knows"),
    ("GraphTokTenant organisations", "'organisations' is none that Entra knows"),
    (f"GraphTokTenant {GUID[:-1]}", "is none that Entra knows"),
    (f"GraphTokTenant {GUID.upper()}", "are the same: one is the Directory (tenant) ID"),
    ("GraphTokTenant contoso.onmicrosoft.com", ""), ("GraphTokTenant consumers", "")])
def test_ids_of_the_portal_mixed_up(frame, inside, words):
    found = said(frame, provider=frame.provider(inside))
    assert found.count("GT0852") == bool(words) and words in found


@pytest.mark.parametrize("path, is_wrong", [
    ("/contoso.example", True), ("/common/v2.0/.well-known/openid-configuration", True),
    ("/gateway", False), ("", False)])
def test_an_authority_that_goes_too_far(frame, path, is_wrong):
    provider = frame.provider(f"GraphTokAuthority https://login.microsoftonline.com{path}")
    assert ("goes too far: it is the host alone" in said(frame, provider=provider)) == is_wrong


def test_an_audit_that_is_a_folder(frame):
    checked = frame.check(f"GraphTokAudit {frame.folder}")
    assert not checked.ok and f"{frame.folder} is a folder; name a file in it" in checked.err


@as_root
def test_a_ca_file_that_httpd_cannot_read(frame):
    ca = frame.write_authority("ca.pem")
    ca.chmod(0o600)
    inside = f"GraphTokCAFile {ca}"
    assert f"the user www-data cannot read {ca}" in said(frame, provider=frame.provider(inside))
    ca.chmod(0o644)
    assert said(frame, provider=frame.provider(inside)) == ""


@pytest.mark.parametrize("authority, is_wrong", [
    ("https://idp.example/.well-known/openid-configuration", True), ("https://idp.example/realms/a", False)])
def test_an_issuer_that_is_its_document(frame, authority, is_wrong):
    provider = frame.provider(f"GraphTokKind openid\nGraphTokAuthority {authority}")
    found = said(frame, provider=provider.replace("GraphTokTenant contoso.example", ""))
    assert ("goes too far: it is the issuer" in found) == is_wrong


@pytest.mark.parametrize("written", ["File:/etc/graphtok/secret", "ENV:SECRET", "Exec:/bin/cat"])
def test_a_source_in_capitals_is_no_secret(frame, written):
    checked = frame.check(provider=frame.provider(f"GraphTokClientSecret {written}"))
    assert checked.code == 1 and "write file:, env: and exec: in small letters" in checked.err


@pytest.mark.parametrize("kind", ["empty", "key", "text"])
def test_a_ca_file_without_an_authority(frame, kind):
    ca = frame.folder / "ca.pem"
    ca.write_text({"empty": "", "key": Certificate().key_pem(), "text": "-----BEGIN CERTIFICATE-----\n"}[kind])
    issuer = ("<GraphTokJWT a>\nGraphTokJWTIssuer i\nGraphTokJWTAudience a\nGraphTokJWTAlgorithms RS256\n"
              f"GraphTokJWTKeys https://issuer.example/keys\nGraphTokCAFile {ca}\n</GraphTokJWT>")
    found = said(frame, issuer, code=1, provider=frame.provider(f"GraphTokCAFile {ca}"))
    assert found.count(f"GraphTokCAFile: {ca} holds no certificate in PEM") == 2


CALENDAR = '<Location "/calendar">\nSetHandler graphtok-calendar\n{}\n</Location>\n'
OTHER = "<GraphTokStore beta>\nGraphTokTable beta_tokens\n</GraphTokStore>\n"


@pytest.mark.parametrize("inside, is_wrong", [
    ("GraphTokUseStore beta", True), ("GraphTokUseStore main", False),
    ("GraphTokUseStore beta\nGraphTokUser static tom\nRequire local", False)])
def test_a_place_for_which_nobody_signs_in(frame, inside, is_wrong):
    found = said(frame, OTHER + CALENDAR.format(inside))
    assert ("at /calendar: no graphtok-auth of this server signs in for its provider microsoft and "
            "its store beta" in found) == is_wrong
    more = '<Location "/beta">\nSetHandler graphtok-auth\nGraphTokUseStore beta\n</Location>'
    assert "no graphtok-auth" not in said(frame, OTHER + CALENDAR.format(inside) + more)


def test_a_sign_in_of_another_virtual_host(frame):
    text = '<VirtualHost *:81>\nServerName x\n' + CALENDAR.format("") + "</VirtualHost>\n" + PLACE
    checked = frame.check(text)
    assert checked.ok and "no graphtok-auth" not in checked.err


@pytest.mark.parametrize("url, is_wrong", [
    ("https://www.example.org/auth/callback", True), ("https://www.example.org/app/auth/callback", True),
    ("https://www.example.org/auth", False), ("https://www.example.org/callback", False)])
def test_a_public_url_that_is_the_redirect_uri(frame, url, is_wrong):
    assert ("is a redirect URI; write what stands before" in said(frame, f"GraphTokPublicURL {url}")) \
        == is_wrong


def test_a_folder_of_sqlite_that_is_not_there(frame):
    database = "DBDriver sqlite3\nDBDParams /no/such/folder/tokens.db"
    assert "there is no folder /no/such/folder" in said(frame, database=database)


@as_root
def test_a_folder_of_sqlite_that_httpd_cannot_write(frame):
    folder = frame.folder / "db"
    folder.mkdir()
    database = f"DBDriver sqlite3\nDBDParams {folder}/tokens.db"
    folder.chmod(0o755)
    assert f"user www-data cannot write the folder {folder}" in said(frame, database=database)
    shutil.chown(folder, "root", "www-data")
    folder.chmod(0o770)
    assert said(frame, database=database) == ""
    (folder / "tokens.db").write_bytes(b"")
    (folder / "tokens.db").chmod(0o640)
    assert f"user www-data cannot write the file {folder}/tokens.db" in said(frame, database=database)
    shutil.chown(folder / "tokens.db", "www-data")
    assert said(frame, database=database) == ""


@pytest.fixture
def served(frame):
    """A folder that httpd hands out, under another name than its own."""
    real, link = frame.folder / "real", frame.folder / "served"
    real.mkdir()
    link.symlink_to(real)
    return link


HANDING_OUT = {
    "root": "DocumentRoot {folder}",
    "host": '<VirtualHost *:81>\nServerName x\nDocumentRoot "{folder}/"\n</VirtualHost>',
    "alias": "Alias /files {folder}", "inner": '<Location "/files">\nAlias {folder}\n</Location>'}


@pytest.mark.parametrize("text", HANDING_OUT.values(), ids=HANDING_OUT)
def test_a_keyring_that_httpd_would_hand_out(frame, served, text):
    path = served / "keyring"
    shutil.move(frame.keyring, path)
    shutil.chown(path, "root", "www-data") if os.geteuid() == 0 else None
    alias = "LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so\n"
    found = said(frame, alias + text.format(folder=served), code=1,
                 keyring=f"GraphTokKeyring file:{path}")
    assert found.startswith("GT0851") and "httpd hands out what lies in" in found
    assert f"the keyring {path.resolve()} lies there: move it" in found


def test_other_files_that_httpd_would_hand_out(frame, served):
    for name in ("secret", "proxy"):
        (served / name).write_text("user:password")
        (served / name).chmod(0o640)
    found = said(frame, f"DocumentRoot {served}\nGraphTokJournal {served}/journal\n"
                 f"GraphTokAudit {served}/audit\nGraphTokAuditHeads {served}/heads", code=1,
                 database=f"DBDriver sqlite3\nDBDParams {served}/tokens.db",
                 provider=frame.provider(f"GraphTokClientSecret file:{served}/secret\n"
                                         f"GraphTokProxy http://proxy.example:3128 file:{served}/proxy"))
    for what in ("a client secret", "the login of a proxy", "the journal", "the audit",
                 "what is noted of the audit", "the database"):
        assert f"and {what} {served.resolve()}" in found


def test_a_folder_beside_one_that_is_served(frame, served):
    assert said(frame, f"DocumentRoot {served}\nGraphTokAudit {served.resolve()}.log") == ""
