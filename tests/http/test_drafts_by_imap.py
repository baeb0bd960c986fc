# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Drafts in mail accounts: put by IMAP into Dovecot's folder of drafts, and into servers that refuse."""

import base64
import contextlib
import email
import email.policy
import http.client
import json
import os
import re
import signal
import socket
import ssl
import threading

import pytest
from test_mail_copy import QUESTION

from support import mail_site
from support.mail_site import ADA

SETTINGS = """
GraphTokAudit audit.log
GraphTokBackground off
<GraphTokStore main>
    GraphTokMailSync on
</GraphTokStore>
"""
GROUP = (b"From: \"Low, Ann\" <ann@x.example>\r\nReply-To: list@x.example\r\n"
         b"To: Ada@Sandbox.example, bob@x.example, list@x.example\r\nCc: carol@x.example, BOB@x.example\r\n"
         b"Subject: re: plans\r\nMessage-ID: <3@x.example>\r\n"
         b"References: <1@x.example>\r\n <2@x.example> <not-whole\r\n\r\n> earlier\r\nShall we?\r\n")
OWN = (b"From: ada@sandbox.example\r\nTo: dan@x.example\r\nSubject: mine\r\n"
       b"Message-ID: <4@x.example>\r\nIn-Reply-To: <0@x.example>\r\n\r\nHello <Dan>\r\n")
HOSTILE = (b"From: =?utf-8?Q?a=0D=0ABcc:_evil@x.example?= <x@x.example>\r\n"
           b"To: ada@sandbox.example, =?utf-8?Q?=0D=0AX-Evil:_1?= <y@x.example>, \"q> x\"@x.example\r\n"
           b"Subject: =?utf-8?Q?hostile=0D=0ABcc:_evil@x.example?=\r\n"
           b"Message-ID: <a@b\r\n Bcc: evil@x.example>\r\n"
           b"References: <1@x.example>\r\n X-Evil:1 <\xff@x> <a\rX-Evil:2@x> " +
           b"".join(b"<%d@x.example>\r\n " % i for i in range(60_000)) +
           b"<end@x.example>\r\n\r\n.\r\nhi\r\n")
FIELDS = {b"Date", b"From", b"To", b"Cc", b"Bcc", b"Subject", b"Message-ID", b"In-Reply-To",
          b"References", b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding"}


def on(*rows):
    return pytest.mark.parametrize("mail", rows, indirect=True, scope="module")


BOTH, ONE = on("sqlite3-microsoft", "pgsql-google"), on("sqlite3-microsoft")


@pytest.fixture(scope="module", name="mail")
def fixture_mail(make_site, mail_server, sandbox_server, request):
    made = mail_site.make(make_site, mail_server, sandbox_server, request.param, SETTINGS)
    yield made
    made.end()


class Writer:
    """Tom, whose mailbox is Ada's."""

    def __init__(self, mail, browser, dovecot):
        self.mail, self.browser, self.dovecot = mail, browser, dovecot
        mail.database.sql("DELETE FROM mail_accounts")
        assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
        (self.account,) = browser.get(mail.url + "/tom/mail/accounts").json["accounts"]

    def kept(self, *mails):
        """Their ids, by the beginning of their subjects, once they are synchronised."""
        self.dovecot.append(ADA, *mails)
        self.mail.ctl("sync", str(self.account["id"]))
        self.mail.database.hand_over()
        rows = self.browser.get(self.mail.url + "/tom/mail/messages?folder=INBOX").json["messages"]
        assert len(rows) == len(mails)
        return {re.split(r"[ \r\n]", row["subject"])[0]: row["id"] for row in rows}

    def draft(self, key=None, at="/tom", **body):
        """At a place of Microsoft's the account is named, since Graph has drafts as well."""
        if not self.mail.is_google:
            body = {"account": self.account["id"], **body}
        if body.get("account", 0) is None:
            del body["account"]
        return self.browser.send(
            "POST", self.mail.url + at + "/mail/drafts/create", json.dumps(body).encode(),
            {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {}),
             "Authorization": "Basic " + base64.b64encode(b"bob:bob").decode()})

    def records(self):
        """Of the audit: the drafts, without what each has in common."""
        lines = (self.mail.folder / "audit.log").read_text().splitlines()
        found = [one for one in map(json.loads, lines) if one["event"] == "draft"]
        assert {(one["user"], one["route"]) for one in found} == {("tom", "draft")}
        return [(one["result"], one["detail"].partition(":")[0]) for one in found]

    def read(self, answer):
        """The draft of an answer as it lies there: its bytes, and the same parsed."""
        assert answer.status == 201, answer
        with self.dovecot.session(ADA) as client:
            client.select(answer.json["folder"], readonly=True)
            _, rows = client.uid("FETCH", str(answer.json["uid"]), "(BODY.PEEK[])")
        return rows[0][1], email.message_from_bytes(rows[0][1], policy=email.policy.default)


@pytest.fixture(name="tom")
def fixture_tom(mail, dovecot, browser):
    return Writer(mail, browser, dovecot)


@BOTH
def test_a_new_draft(tom, dovecot):
    long = "x" * 60 + "\n"
    answer = tom.draft(to=["Bób <bob@x.example>"], bcc="dave@x.example", subject="Grüße",
                       body="Hi\n" + long * 10_000)
    raw, got = tom.read(answer)
    assert {**answer.json, "uid": 0, "uidvalidity": 0} == {
        "account": tom.account["id"], "folder": "Drafts", "uid": 0, "uidvalidity": 0,
        "message_id": got["Message-ID"], "subject": "Grüße"}
    (flags,) = dovecot.flags(ADA, "Drafts").values()
    assert flags - {"\\Recent"} == {"\\Draft", "\\Seen"}
    assert tom.records()[-1] == ("ok", "made")
    assert (got["From"], got["Subject"], got["Bcc"]) == (ADA, "Grüße", "dave@x.example")
    assert got["To"].addresses[0].display_name == "Bób"
    assert got.get_content().replace("\r\n", "\n") == "Hi\n" + long * 10_000
    bare = tom.draft(subject="Bare", body="<b>x</b>", body_type="html")
    assert tom.read(bare)[1].get_content_type() == "text/html" and raw.endswith(b"x\r\n")


@BOTH
def test_answers(tom):
    ids = tom.kept(QUESTION, GROUP, OWN)
    answer = tom.draft(message_id=ids["Grüße"], body="On Friday.")
    _, got = tom.read(answer)
    assert (got["To"], got["Cc"], got["Subject"]) == ("Jürgen <juergen@x.example>", None, "Re: Grüße")
    assert (got["In-Reply-To"], got["References"]) == ("<1@x.example>", "<1@x.example>")
    assert answer.json["account"] == tom.account["id"]
    assert got.get_content().replace("\r\n", "\n") == (
        "On Friday.\n\nOn 2026-06-01 at 08:00 UTC, Jürgen wrote:\n"
        "> Could you send me the numbers by Friday?\n")
    _, got = tom.read(tom.draft(message_id=str(ids["re:"]), body="Yes", reply_all=True))
    assert (got["To"], got["Subject"]) == ("list@x.example", "re: plans")
    assert got["Cc"] == "bob@x.example, carol@x.example"
    assert (got["In-Reply-To"], got["References"]) == (
        "<3@x.example>", "<1@x.example> <2@x.example> <3@x.example>")
    assert ">> earlier\n> Shall we?\n" in got.get_content().replace("\r\n", "\n")
    _, got = tom.read(tom.draft(message_id=ids["mine"], body="<i>and</i>", body_type="html"))
    assert (got["To"], got["References"]) == ("dan@x.example", "<0@x.example> <4@x.example>")
    assert "<i>and</i>" in got.get_content() and "Hello &lt;Dan&gt;" in got.get_content()


@ONE
def test_a_hostile_original_injects_nothing(tom):
    ids = tom.kept(HOSTILE)
    raw, got = tom.read(tom.draft(message_id=next(iter(ids.values())), body="No", reply_all=True))
    header = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in header.split(b"\r\n") if line[:1] not in b" \t"]
    assert set(names) <= FIELDS - {b"Bcc"} and len(names) == len(set(names)), names
    assert b"\n" not in header.replace(b"\r\n", b"") and len(header) < 30_000
    for name in ("In-Reply-To", "References", "Message-ID"):
        assert re.fullmatch(r"(<[^<>\s]+>\s*)*", got[name] or ""), got[name]
    assert [a.addr_spec for a in got["To"].addresses] == ["x@x.example"]
    assert [a.addr_spec for a in got["Cc"].addresses] == ["y@x.example"]


@ONE
def test_a_thread_is_kept_whole(tom):
    """Of ids longer than a kept field of another kind."""
    ids = [f"<{n}.{'x' * 60}@x.example>" for n in range(60)]
    kept = tom.kept(QUESTION.replace(b"Message-ID: <1@x.example>", "References: {}\r\nMessage-ID: {}".format(
        "\r\n ".join(ids[:-1]), ids[-1]).encode()))
    _, got = tom.read(tom.draft(message_id=kept["Grüße"], body="Yes"))
    assert got["References"].split() == ids and got["In-Reply-To"] == ids[-1]


@ONE
def test_a_key_makes_one(tom, dovecot):
    before = len(tom.records())
    first, again = (tom.draft("k", subject="One") for _ in range(2))
    assert (first.status, again.status) == (201, 200) and first.json["uid"] == again.json["uid"]
    assert tom.records()[before:] == [("ok", "made"), ("ok", "found")]
    other = tom.draft("k", subject="Other")
    assert (other.status, other.json["tag"]) == (422, "GT1668")
    assert first.json["uidvalidity"] == again.json["uidvalidity"]
    assert tom.draft("l", subject="One").status == 201 == tom.draft(subject="One").status
    assert len(dovecot.flags(ADA, "Drafts")) == 3


@ONE
def test_requests_that_are_wrong(tom):
    ids = tom.kept(QUESTION)
    for body, status, tag in (
            ({"to": "x\r\nBcc: y@x.example"}, 400, "GT1662"), ({"subject": "a\nb"}, 400, "GT1662"),
            ({"to": ADA}, 400, "GT1662"), ({"message_id": "x", "body": "x"}, 400, "GT1662"),
            ({"message_id": 4711, "body": "x"}, 404, "GT1675"),
            ({"subject": "x", "account": 4711}, 404, "GT1664"),
            ({"message_id": ids["Grüße"], "body": "x", "account": 4711}, 404, "GT1664")):
        answer = tom.draft(**body)
        assert (answer.status, answer.json["tag"]) == (status, tag), (body, answer)
    # Of others there is nothing.
    other = tom.draft(at="/staff", message_id=ids["Grüße"], body="x", account=tom.account["id"])
    assert (other.status, other.json["tag"]) == (404, "GT1675")
    other = tom.draft(at="/staff", subject="x", account=tom.account["id"])
    assert (other.status, other.json["tag"]) == (404, "GT1664")
    # Without an account it is Graph's, for which there was no right.
    assert tom.draft(subject="x", account=None).json["tag"] == "GT0704"


class Liar:
    """An IMAP server over TLS that knows a folder, and ends APPEND as it is told."""

    def __init__(self, mail_server, folder, entry, verdict, asks=True):
        self.folder, self.entry, self.verdict, self.asks = folder, entry, verdict, asks
        self.drafts, self.may_answer = threading.Semaphore(0), threading.Event()
        self.may_answer.set()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(mail_server.folder / "cert.pem", mail_server.folder / "key.pem")
        self.listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        with client:
            self._speak(client.makefile("rwb", 0))

    def _speak(self, lines):
        can = b"CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR"
        before = {b"CAPABILITY": b"* %s\r\n" % can, b"LIST": self.folder}
        ends = {b"AUTHENTICATE": self.entry, b"APPEND": self.verdict}
        lines.write(b"* OK hi\r\n")
        while line := lines.readline():
            tag, verb = line.split()[:2]
            if verb == b"APPEND" and self.asks:
                lines.write(b"+ go on\r\n")
                lines.read(int(re.search(rb"\{(\d+)\}", line)[1]) + 2)
                self.drafts.release()
                self.may_answer.wait(60)
                if not self.verdict:
                    return
            lines.write(before.get(verb, b"") + tag + b" " + ends.get(verb, b"OK done") + b"\r\n")


DRAFTS = b'* LIST (\\HasNoChildren) "." INBOX.Drafts\r\n'
LIES = [
    (DRAFTS, b"OK in", b"OK done", True, 201, None),
    (b'* LIST () "/" Other\r\n* LIST (\\Noselect \\Drafts) "/" D\r\n', b"OK in", b"OK done", True, 404, "GT1677"),
    (DRAFTS, b"OK in", b"NO [TRYCREATE] none", False, 404, "GT1677"),
    (DRAFTS, b"OK in", b"NO [OVERQUOTA] it is full", False, 429, "GT1516"),
    (DRAFTS, b"OK in", b"NO it is refused", False, 422, "GT1508"),
    (DRAFTS, b"OK in", b"OK done", False, 502, "GT1501"),
    (DRAFTS, b"OK in", b"", True, 502, "GT1513"),
    (DRAFTS, b"NO [AUTHENTICATIONFAILED] no", b"", True, 401, "GT1503"),
]


@ONE
@pytest.mark.parametrize("folder, entry, verdict, asks, status, tag", LIES)
def test_servers_that_refuse(tom, mail, mail_server, folder, entry, verdict, asks, status, tag):
    liar = Liar(mail_server, folder, entry, verdict, asks)
    mail.database.sql(f"UPDATE mail_accounts SET sync_enabled = false, incoming_port = {liar.port}")
    answer = tom.draft(subject="x")
    liar.listener.close()
    assert (answer.status, answer.json.get("tag")) == (status, tag), answer
    assert bool(answer.json.get("may_be_done")) == (tag == "GT1513")
    assert tom.records()[-1][1] == {None: "made", "GT1513": "unknown"}.get(tag, "failed")
    if status in (422, 429):
        assert "it is " in answer.json["detail"]
    if tag is None:
        assert answer.json["folder"] == "INBOX.Drafts" and "uid" not in answer.json


@ONE
def test_a_key_at_the_same_moment(tom, mail, mail_server):
    """One draft, also where the first request's process dies."""
    liar = Liar(mail_server, DRAFTS, b"OK in", b"OK done")
    mail.database.sql(f"UPDATE mail_accounts SET sync_enabled = false, incoming_port = {liar.port}")
    answers = []

    def first():
        with contextlib.suppress(OSError, http.client.HTTPException):
            answers.append(tom.draft("same", subject="x"))
    for dies in (False, True):
        liar.may_answer.clear()
        asking = threading.Thread(target=first)
        asking.start()
        assert liar.drafts.acquire(timeout=60)
        busy = tom.draft("same", subject="x")
        assert (busy.status, busy.json["tag"]) == (409, "GT1611")
        if dies:
            (child,) = mail.httpd.children()
            os.kill(child, signal.SIGKILL)
        liar.may_answer.set()
        asking.join()
    again = tom.draft("same", subject="x")
    liar.listener.close()
    assert [one.status for one in (*answers, again)] == [201, 201]
