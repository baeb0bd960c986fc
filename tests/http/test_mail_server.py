# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The mail server of the tests is a strict one: its mailboxes open for the right tokens alone."""

import base64
import imaplib
import smtplib

import pytest
from peer import CALLBACK, SCOPE, Peer

ADA, ALAN, TEAM = "ada@sandbox.example", "alan@sandbox.example", "team@sandbox.example"
OUTLOOK = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send"


@pytest.fixture
def tokens(sandbox):
    """Ada's for Graph, and for Outlook."""
    sandbox.add_redirect_uri(CALLBACK)
    peer = Peer(sandbox.process)
    first = peer.sign_in(scope=f"{SCOPE} {OUTLOOK}")
    return (first["access_token"],
            peer.refresh(first["refresh_token"], scope=OUTLOOK).json["access_token"])


def opens(server, user, token, mechanism="XOAUTH2"):
    """Whether IMAP lets them in."""
    words = {"XOAUTH2": f"user={user}\x01auth=Bearer {token}\x01\x01",
             "OAUTHBEARER": f"n,a={user},\x01auth=Bearer {token}\x01\x01"}
    client = imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=server.context)
    try:
        client.authenticate(mechanism, lambda challenge: b"" if challenge else words[mechanism].encode())
        client.logout()
    except imaplib.IMAP4.error:
        return False
    return True


def test_mailboxes_open_by_the_right_token(sandbox, dovecot, tokens):
    graph, outlook = tokens
    assert [opens(dovecot, ADA, outlook, how) for how in ("XOAUTH2", "OAUTHBEARER")] == [True, True]
    assert opens(dovecot, TEAM, outlook)
    assert not opens(dovecot, ADA, graph)
    assert not opens(dovecot, ALAN, outlook)
    assert not opens(dovecot, ADA, "rubbish")
    sandbox.expire_access(ADA)
    assert not opens(dovecot, ADA, outlook)


def test_mail_is_put_and_looked_at(dovecot):
    dovecot.append(ADA, b"Subject: a\r\n\r\n1\r\n", b"Subject: b\r\n\r\n2\r\n", flags="\\Seen")
    dovecot.store(ADA, "1", "+FLAGS ($label1)")
    dovecot.append(ADA, b"Subject: c\r\n\r\n3\r\n", folder="Old mail")
    assert dovecot.flags(ADA) == {1: {"\\Seen", "$label1"}, 2: {"\\Seen"}}
    dovecot.expunge(ADA, "1")
    assert list(dovecot.flags(ADA)) == [2] and list(dovecot.flags(ADA, "Old mail")) == [1]
    assert dovecot.doveadm("mailbox", "status", "-u", ADA, "messages uidnext", "INBOX").split()[1:] == [
        "messages=1", "uidnext=3"]


def test_mail_goes_through_to_the_sink(dovecot, tokens):
    graph, outlook = tokens
    with smtplib.SMTP("localhost", dovecot.submission) as client:
        assert client.starttls(context=dovecot.context)[0] == 220
        client.ehlo()
        for token, codes in ((graph, [334, 334, 535]), (outlook, [334, 235])):
            words = base64.b64encode(f"user={ADA}\x01auth=Bearer {token}\x01\x01".encode()).decode()
            lines = ("AUTH XOAUTH2", words, "")
            assert [client.docmd(line)[0] for line in lines[:len(codes)]] == codes
        refused = client.sendmail(ADA, ["x@y.example", "reject@y.example"],
                                  b"Subject: d\r\n\r\n.4\r\n")
        assert refused["reject@y.example"][0] == 550
    (taken,) = dovecot.sink.wait(1)
    assert (taken.sender, taken.recipients) == (ADA, ["x@y.example"])
    assert taken.data.endswith(b"Subject: d\r\n\r\n.4\r\n")
