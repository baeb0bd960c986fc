# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Sending mail (POST /send): through Dovecot's submission to a sink, and by servers that cut."""

import base64
import email
import email.policy
import json
import os
import signal
import socket
import ssl
import threading
import time

import pytest

from support import dovecot as mail_servers
from support.site import MOUNTS

STORE = """
<GraphTokStore main>
    GraphTokMailSync on
</GraphTokStore>
GraphTokLimit off
"""
MAIL = """
<Location "/tom/mail">
    SetHandler graphtok-mail
</Location>
<Location "/few/mail">
    SetHandler graphtok-mail
    GraphTokUser static tom
    GraphTokLimit send 1/h
</Location>
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
"""
SCOPES = """
GraphTokScope openid profile email offline_access User.Read \\
    https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send
GraphTokSMTP smtp://localhost:{submission}
GraphTokIMAP imaps://localhost:{imaps}
"""
ADA, BOB = "ada@sandbox.example", "bob@elsewhere.example"
PDF = base64.b64encode(bytes(range(256)) * 3).decode()


class Cutter:
    """An SMTP server over TLS that takes a mail up to its dot, and then does as it is told."""

    def __init__(self, mail_server, verdict, certificate=None):
        self.verdict, self.dots, self.mails = verdict, threading.Semaphore(0), 0
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate or mail_server.folder / "cert.pem",
                                certificate or mail_server.folder / "key.pem")
        self.listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        lines = client.makefile("rwb", 0)
        answers = {b"EHLO": b"250-x\r\n250-AUTH XOAUTH2 PLAIN\r\n250 SIZE 1000000\r\n",
                   b"AUTH": b"334 \r\n", b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n",
                   b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
        lines.write(b"220 x\r\n")
        while line := lines.readline():
            word = line[:4].upper().rstrip()
            lines.write(answers.get(word, b"235 in\r\n"))
            if word == b"DATA":
                while lines.readline() not in (b".\r\n", b""):
                    pass
                self.mails += 1
                self.dots.release()
                if self.verdict is None:
                    lines.readline()  # until the client goes
                    break
                lines.write(self.verdict)
                if not self.verdict:
                    break
        client.close()


def settings(site):
    return f"GraphTokAudit {site.folder}/audit.log\n" + STORE


@pytest.fixture(scope="module", params=["sqlite3", "pgsql"], name="mail")
def fixture_mail(make_site, mail_server, request):
    made = make_site("event", request.param, mounts=MOUNTS + MAIL, migrate=False,
                     provider=SCOPES.format(submission=mail_server.submission,
                                            imaps=mail_server.imaps))
    made.configure(settings=settings(made))
    made.migrate()
    made.start()
    yield made
    made.end()


@pytest.fixture(name="account")
def fixture_account(mail, sandbox, dovecot, browser):
    """Ada's account, made anew by Tom's sign-in."""
    mail.database.sql("DELETE FROM mail_accounts")
    mail.database.sql("DELETE FROM mail_sends")
    mail.register()
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    return browser.get(mail.url + "/tom/mail/accounts").json["accounts"][0]


@pytest.fixture(name="send")
def fixture_send(mail, account, browser):
    def send(key=None, at="/tom", **body):
        body = {"to": BOB, "subject": "Hello", "text": "Hi\n", **body}
        return browser.send("POST", mail.url + at + "/mail/send", json.dumps(body).encode(), {
            "Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})})
    return send


@pytest.fixture(name="server")
def fixture_server(mail, account, mail_server):
    """Make the account's server one that cuts."""
    made = []

    def make(verdict, certificate=None):
        made.append(Cutter(mail_server, verdict, certificate))
        mail.database.sql(f"UPDATE mail_accounts SET outgoing_server = 'localhost', "
                          f"outgoing_port = {made[-1].port}, outgoing_security = 'tls'")
        return made[-1]
    yield make
    for one in made:
        one.stop()


def records(mail):
    return [json.loads(line) for line in (mail.folder / "audit.log").read_text().splitlines()
            if '"event":"mail"' in line]


def test_a_mail_as_its_recipient_gets_it(mail, account, send, dovecot):
    answer = send(account=account["id"], to=["Bób <bob@elsewhere.example>", "x@münchen.example"],
                  cc="carol@elsewhere.example", bcc=["dave@elsewhere.example"],
                  subject="Grüße, und ein Betreff von mehr als einer Zeile " + "ü" * 60,
                  text=".dot\n..two\nfrom:\n" + "ä" * 2000, html="<p>Hi</p>",
                  attachments=[{"name": "Übersicht.pdf", "content_type": "application/pdf",
                                "content": PDF}, {"name": "a", "content": ""}])
    assert (answer.status, answer.json["outcome"]) == (200, "sent"), answer
    (taken,) = dovecot.sink.wait(1)
    assert taken.sender == ADA
    assert taken.recipients == [BOB, "x@xn--mnchen-3ya.example", "carol@elsewhere.example",
                                "dave@elsewhere.example"]
    assert max(map(len, taken.data.split(b"\r\n"))) < 998 and b"dave" not in taken.data
    got = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert (got["From"], got["Message-ID"]) == (ADA, answer.json["message_id"])
    assert got["Message-ID"].endswith("@sandbox.example>") and got["Date"] and not got["Bcc"]
    assert got["Subject"] == "Grüße, und ein Betreff von mehr als einer Zeile " + "ü" * 60
    assert [a.display_name for a in got["To"].addresses] == ["Bób", ""]
    text = got.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text == ".dot\n..two\nfrom:\n" + "ä" * 2000 + "\n"
    assert got.get_body(("html",)).get_content().strip() == "<p>Hi</p>"
    files = list(got.iter_attachments())
    assert [(f.get_filename(), f.get_content_type(), len(f.get_content())) for f in files] == [
        ("Übersicht.pdf", "application/pdf", 768), ("a", "application/octet-stream", 0)]
    record = records(mail)[-1]
    assert record["detail"] == f"sent: account {account['id']}, {got['Message-ID']}, 4 recipients"
    assert (record["user"], record["result"], record["route"]) == ("tom", "ok", "send")


# Body, status, outcome, tag, field
REFUSED = [
    ({"to": [BOB, "reject@x.example"]}, 422, "refused", "GT1655", "to[1]"),
    ({"cc": "temp@x.example"}, 503, "temporary", "GT1657", "cc"),
    ({"text": "refuse this content"}, 422, "refused", "GT1656", None),
    ({"to": "jösé@x.example"}, 400, "refused", "GT1660", None),
    ({"to": "a@x.example>\r\nRCPT TO:<b@x.example"}, 400, None, "GT1662", "to"),
    ({"to": "a@x.example\n"}, 400, None, "GT1662", "to"),
    ({"to": []}, 400, None, "GT1662", "to"),
    ({"bcc": "\"a> x\"@x.example"}, 400, None, "GT1662", "bcc"),
    ({"subject": "a\r\nBcc: b@x.example"}, 400, None, "GT1662", "subject"),
    ({"attachments": [{"name": "a", "content": "x"}]}, 400, None, "GT1662", "attachments[0].content"),
    ({"attachments": [{"name": "a\r\nX: y", "content": ""}]}, 400, None, "GT1662",
     "attachments[0].name"),
    ({"attachments": [{"name": "a", "content": "", "content_type": "a/b\r\nX: y"}]}, 400, None,
     "GT1662", "attachments[0].content_type"),
    ({"account": 4711}, 404, None, "GT1664", None),
    ({"account": "nobody@x.example"}, 404, None, "GT1664", None),
    ({"account": True}, 400, None, "GT1663", "account"),
    ({"from": "b@x.example"}, 400, None, "GT0102", "from"),
]


@pytest.mark.parametrize("body, status, outcome, tag, field", REFUSED)
def test_refusals(mail, send, dovecot, body, status, outcome, tag, field):
    answer = send(**body)
    assert (answer.status, answer.json.get("outcome")) == (status, outcome), answer.json
    if tag != "GT0102":
        assert answer.json["tag"] == tag
    if field:
        assert [e["field"] for e in answer.json["errors"]] == [field]
    assert bool(answer.headers.get("Retry-After")) == (status == 503)
    assert not dovecot.sink.messages
    if outcome:
        assert records(mail)[-1]["detail"].startswith(outcome + ": account ")


def test_a_certificate_of_another_host(send, server, sandbox_server):
    other = server(b"250 ok\r\n", sandbox_server.process.folder / "elsewhere.pem")
    answer = send()
    assert (answer.status, answer.json["outcome"], other.mails) == (503, "temporary", 0)
    assert "matches target host name" in answer.json["detail"]


def test_what_a_provider_demands_of_calls_holds_for_mail_servers(make_site, mail_server, browser):
    """Its pins and its connect timeout, by IMAP and by SMTP; each account has a password."""
    pins = " ".join("sha256//" + base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2))
    site = make_site("event", "sqlite3", mounts=MOUNTS + MAIL, migrate=False,
                     provider=SCOPES.format(submission=mail_server.submission, imaps=mail_server.imaps)
                     + f"GraphTokPin {pins}\nGraphTokConnectTimeout 1s\n")
    site.configure(settings=settings(site) + "GraphTokBackground off\n")
    site.migrate()
    (site.folder / "password").write_text("x")
    (site.folder / "password").chmod(0o600)
    site.ctl("account", "add", ADA, "--user", "tom", "--password-file", str(site.folder / "password"))
    site.database.hand_over()
    site.start()

    def send():
        return browser.send("POST", site.url + "/tom/mail/send", json.dumps(
            {"to": BOB, "subject": "x", "text": "x"}).encode(), {"Content-Type": "application/json"})
    try:
        assert "GT0316" in site.ctl("sync", check=False).stdout
        site.database.hand_over()
        refused = send()
        assert (refused.status, refused.json["tag"]) == (503, "GT0316"), refused.json
        with socket.create_server(("127.0.0.1", 0)) as silent:
            site.database.sql("UPDATE mail_accounts SET outgoing_security = 'tls', "
                              f"outgoing_port = {silent.getsockname()[1]}")
            began = time.monotonic()
            assert send().status == 503
            assert time.monotonic() - began < 8  # by itself a transfer gives up after 10 s
    finally:
        site.end()


def test_a_key_sends_once(mail, send, dovecot):
    first, again = send("k-1"), send("k-1")
    assert first.json == again.json and (first.status, again.status) == (200, 200)
    assert len(dovecot.sink.messages) == 1
    other = send("k-1", subject="Other")
    assert (other.status, other.json["tag"]) == (422, "GT1668")
    assert send("k-2").json["message_id"] != first.json["message_id"]
    assert send().status == send().status == 200 and len(dovecot.sink.messages) == 4
    refused, repeated = send("k-3", to="reject@x.example"), send("k-3", to="reject@x.example")
    assert (repeated.status, repeated.json["outcome"], repeated.json["message_id"]) == (
        422, "refused", refused.json["message_id"])
    mail.database.sql("UPDATE mail_sends SET request_digest = 'of a key that was retired'")
    assert send("k-1").json == first.json
    passing, cured = send("k-4", to="temp@x.example"), send("k-4", to="temp@x.example")
    assert (passing.status, cured.status) == (503, 503)
    assert passing.json["message_id"] == cured.json["message_id"]
    dump = mail.database.dump()
    assert b"Hello" not in dump and BOB.encode() not in dump


def test_a_passing_failure_frees_its_key(mail, send, server, dovecot):
    server(b"451 4.3.0 later\r\n")
    passing = send("k")
    assert (passing.status, passing.json["outcome"]) == (503, "temporary")
    good = server(b"250 ok\r\n")
    cured = send("k")
    assert (cured.status, cured.json["message_id"]) == (200, passing.json["message_id"])
    assert good.mails == 1


def test_an_unknown_outcome_is_never_sent_again(mail, send, server):
    cut = server(b"")
    lost = send("k")
    assert (lost.status, lost.json["outcome"], lost.json["may_be_done"]) == (504, "unknown", True)
    again = send("k")
    assert (again.status, again.json["outcome"]) == (504, "unknown")
    assert again.json["message_id"] == lost.json["message_id"] in again.json["detail"]
    assert cut.mails == 1
    assert not again.headers.get("Retry-After")


def test_a_process_that_dies_between_the_end_and_its_answer(mail, send, server):
    held = server(None)
    first = []
    asking = threading.Thread(target=lambda: first.append(fails(lambda: send("k"))))
    asking.start()
    assert held.dots.acquire(timeout=60)
    busy = send("k")
    assert (busy.status, busy.json["tag"]) == (409, "GT1669")
    for pid in mail.httpd.children():
        os.kill(pid, signal.SIGKILL)
    asking.join(60)
    again = send("k")
    assert (again.status, again.json["outcome"]) == (504, "unknown"), again.json
    assert held.mails == 1


@pytest.fixture(name="silent")
def fixture_silent(mail, account):
    """A server that is connected to, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        mail.database.sql(f"UPDATE mail_accounts SET outgoing_port = {listener.getsockname()[1]}, "
                          "outgoing_security = 'tls'")
        yield


@pytest.fixture(name="hurried")
def fixture_hurried(mail):
    """httpd waits for six seconds at most."""
    mail.configure(settings=settings(mail) + "Timeout 6\n")
    mail.httpd.graceful()
    yield
    mail.configure(settings=settings(mail))
    mail.httpd.graceful()


def test_a_server_that_says_nothing(mail, hurried, send, silent):
    hung = send("k")
    assert (hung.status, hung.json["outcome"]) == (503, "temporary"), hung.json
    assert hung.json["message_id"] and hung.headers["Retry-After"]


def test_a_server_that_hangs_at_the_end_of_a_mail(mail, hurried, send, server):
    """The answer tells the outcome, and no child outlives a graceful restart for it."""
    server(None)
    hung = send("k")
    assert (hung.status, hung.json["outcome"]) == (504, "unknown"), hung.json
    assert send("k").json["message_id"] == hung.json["message_id"]
    old = mail.httpd.children()
    mail.httpd.graceful()
    mail.httpd.wait_until(lambda: not set(old) & set(mail.httpd.children()), 15)


def fails(call):
    try:
        return call()
    except OSError as error:
        return error


def test_by_a_password(mail, account, send, dovecot):
    mail.database.sql("UPDATE mail_accounts SET incoming_auth_method = 'password'")
    without = send()
    assert (without.status, without.json["tag"]) == (403, "GT1673")
    for password, status in (("wrong", 403), (mail_servers.PASSWORD, 200)):
        file = mail.write_secret("mail-password", password)
        mail.ctl("account", "password", str(account["id"]), "--password-file", str(file))
        mail.database.hand_over()
        assert send().status == status
    assert len(dovecot.sink.messages) == 1


def test_nothing_goes_out_without_tls(mail, send, dovecot):
    mail.database.sql(f"UPDATE mail_accounts SET outgoing_port = {dovecot.sink.port}")
    answer = send()
    assert (answer.status, answer.json["outcome"]) == (503, "temporary")
    assert not dovecot.sink.messages


def test_the_limit_and_the_figures(mail, send, browser, dovecot):
    assert send(at="/few").status == 200
    assert send(at="/few").status == 429
    page = browser.get(mail.url + "/metrics").body.decode()
    assert 'graphtok_mails_total{outcome="sent"}' in page
