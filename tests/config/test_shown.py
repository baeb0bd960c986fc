# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What conf/examples and the documents show can be loaded as it stands. What an example takes from the
environment is named in its head, under "Variables"."""

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = sorted((TOP / "conf/examples").glob("*.conf"))
# The blocks of guides are parts of a configuration; http/test_guides.py runs them.
DOCUMENTS = [path for path in [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]
             if path.parent.name != "guides"]
BLOCKS = [(path, block) for path in DOCUMENTS
          for block in re.findall(r"^```apache\n(.*?)^```", path.read_text("utf-8"), re.S | re.M)]
TAKEN = re.compile(r"\$\{(\w+)\}|\benv:(\w+)")
NAMED = re.compile(r"^# Variables [^\n]*:\n#   ([A-Z_]+(?: [A-Z_]+)*)$", re.M)
VALUES = {"CLIENT_ID": "22222222-2222-3333-4444-555555555555",
          "CLIENTID": "22222222-2222-3333-4444-555555555555", "KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
          "KEY_PII": "QUFFQ0F3UUZCZ2NJQ1FvTERBME9EeEFSRWhNVUZSWVhHQmthR3h3ZEhoOD0=",
          "KEY_OAUTH_AES_GCM": "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE=",
          "GOOGLE_CLIENT_ID": "1-a.apps.googleusercontent.com",
          "REDIRECT_URI": "http://localhost:3000/auth/callback", "SECRET": "a-secret",
          "APP_SECRET": "c2VjcmV0IG9mIGFuIGFwcGxpY2F0aW9uLCBmb3IgdGVzdHM=", "USERNAME": "tracker@example.org"}
GUID = "11111111-2222-3333-4444-555555555555"


def head(text):
    """The comment before the first directive."""
    return text[:re.search(r"^[^#\n]", text, re.M).start()]


def loads(frame, text, variables=()):
    """httpd -t takes it, without a word of ours or of httpd's, but for what is meant: Fernet, tokens without
    issuer and audience, an account's password."""
    frame.httpd.environment = {
        name: next((value for end, value in sorted(VALUES.items(), key=lambda one: -len(one[0]))
                    if name.endswith(end)), GUID)
        for name in variables}
    for folder in ("/etc/graphtok", "/var/log/apache2"):
        text = text.replace(folder, str(frame.folder))
    checked = frame.check(text, provider="", database="", keyring="")
    assert checked.ok, checked.err
    assert not [line for line in checked.warnings if "writes Fernet" not in line
                and "GraphTokJWTIssuer none and GraphTokJWTAudience none" not in line
                and "GraphTokAccountGrant password shows" not in line]
    assert "AH0" not in checked.err
    assert checked.dump["mounts"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_names_its_variables(frame, path):
    text = path.read_text(encoding="utf-8")
    taken = {name for pair in TAKEN.findall(text) for name in pair if name}
    assert set(" ".join(NAMED.findall(head(text))).split()) == taken
    loads(frame, text, taken)


@pytest.mark.parametrize("path,block", BLOCKS, ids=lambda part: getattr(part, "name", ""))
def test_a_block_of_a_document_loads(frame, path, block):
    assert not TAKEN.search(block), f"{path}: a variable that is not named"
    loads(frame, block)


def test_something_was_found():
    assert len(EXAMPLES) >= 2 and len(BLOCKS) >= 2
