# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The kept copy of a mailbox, as its user reads it and as triage sorts it, against a real mail server."""

import base64
import json

import pytest

from support import mail_site
from support.mail_site import ADA

SETTINGS = """
GraphTokBackground on
<GraphTokStore main>
    GraphTokMailSync on
    GraphTokMailSyncEvery 1h
</GraphTokStore>
"""
QUESTION = (b"From: =?utf-8?Q?J=C3=BCrgen?= <juergen@x.example>\r\nTo: ada@sandbox.example\r\n"
            b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.example>\r\n"
            b"Date: Mon, 01 Jun 2026 10:00:00 +0200\r\n\r\nCould you send me the numbers by Friday?\r\n")
LIST = (b"From: news@list.example\r\nTo: all@list.example\r\nSubject: News\r\n"
        b"List-Id: <list.example>\r\nList-Unsubscribe: <https://list.example/u>\r\n"
        b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Unsubscribe</p><p>gr\xfcn</p>\r\n")
PLAIN = b"From: c@x.example\r\nTo: ada@sandbox.example\r\nSubject: %d\r\n\r\nNumber %d\r\n"


@pytest.fixture(scope="module", params=["sqlite3-microsoft", "pgsql-google"], name="mail")
def fixture_mail(make_site, mail_server, sandbox_server, request):
    made = mail_site.make(make_site, mail_server, sandbox_server, request.param, SETTINGS)
    yield made
    made.end()


class Reader:
    """Tom, whose mailbox is Ada's."""

    def __init__(self, mail, browser):
        self.base, self.browser, self.is_google = mail.url + "/tom/mail", browser, mail.is_google
        assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
        (self.account,) = browser.get(self.base + "/accounts").json["accounts"]

    def get(self, path):
        return self.browser.get(self.base + path)

    def triage(self, **body):
        """Of this account: at a place of Microsoft's it is named, since Graph has mail as well."""
        if not self.is_google:
            body.setdefault("account", self.account["id"])
        return self.browser.send("POST", self.base + "/triage/run", json.dumps(body).encode(),
                                 {"Content-Type": "application/json", "Accept": "application/json"})


@pytest.fixture(name="tom")
def fixture_tom(mail, dovecot, browser):
    """Seven mails, synced."""
    dovecot.append(ADA, b"From: ada@sandbox.example\r\nTo: c@x.example\r\nSubject: sent\r\n\r\nx\r\n",
                   folder="Sent")
    dovecot.append(ADA, QUESTION, LIST, *(PLAIN % (i, i) for i in range(5)))
    mail.database.sql("DELETE FROM mail_accounts")
    reader = Reader(mail, browser)
    mail.httpd.wait_until(
        lambda: len(reader.get("/messages?folder=INBOX").json["messages"]) == 7, 60)
    return reader


def test_a_mailbox_is_read_page_by_page(tom, mail, browser):
    pages, cursor = [], ""
    while cursor is not None:
        page = tom.get(f"/messages?folder=INBOX&limit=3{cursor}").json
        pages.append([message["subject"] for message in page["messages"]])
        cursor = "&cursor=" + page["next"] if "next" in page else None
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(sum(pages, [])) == ["0", "1", "2", "3", "4", "Grüße", "News"]
    everything = tom.get("/messages").json["messages"]
    assert {message["folder"] for message in everything} == {"INBOX", "Sent"}
    first = tom.get("/messages?folder=INBOX&limit=3").json["next"]
    assert tom.get("/messages?folder=Sent&cursor=" + first).json["tag"] == "GT1637"
    assert tom.get("/messages?cursor=x").json["tag"] == "GT1636"
    wrong = tom.get("/messages?limit=0&unread=maybe&top=1").json
    assert (wrong["tag"], {error["field"] for error in wrong["errors"]}) == (
        "GT1635", {"limit", "unread", "(another)"})
    # Personal text lies sealed.
    assert "Grüße".encode() not in mail.database.dump()


def test_a_message_is_whole(tom, mail, browser):
    rows = {row["subject"]: row for row in tom.get("/messages?folder=INBOX").json["messages"]}
    question = tom.get(f"/messages/{rows['Grüße']['id']}").json
    assert question["text"] == "Could you send me the numbers by Friday?\n"
    assert question["from"] == {"name": "Jürgen", "address": "juergen@x.example"}
    assert (question["message_id"], question["sent"], question["is_read"]) == (
        "1@x.example", "2026-06-01T08:00:00Z", False)
    assert tom.get(f"/messages/{rows['News']['id']}").json["text"] == "Unsubscribe\n\ngrün"
    assert rows["News"]["preview"] == "Unsubscribe grün"
    other = {"Authorization": "Basic " + base64.b64encode(b"bob:bob").decode()}
    for path in (f"/messages/{rows['News']['id']}", f"/messages?account={tom.account['id']}",
                 "/messages"):
        assert browser.send("GET", mail.url + "/staff/mail" + path, None, other).status == 404
    assert tom.get("/messages/4711").status == tom.get("/messages/x").status == 404


def test_triage_sorts_and_marks_at_the_server(tom, dovecot):
    sorted_ones = tom.triage(top=3).json
    assert sorted_ones["more"] is True and len(sorted_ones["messages"]) == 3
    done = tom.triage(apply=True).json
    found = {message["subject"]: message for message in done["messages"]}
    assert found["Grüße"]["class"] == "needs-answer" and found["News"]["class"] == "can-wait"
    assert "asks a question" in found["Grüße"]["reasons"]
    assert {message["category"] for message in done["messages"]} == {"written"}
    flags = dovecot.flags(ADA)
    assert flags[1] >= {"Needs_answer"} and flags[2] >= {"Can_wait"}
    # What is there stays; what is wrong goes, and other keywords are left alone.
    dovecot.store(ADA, "1", "-FLAGS (Needs_answer)")
    dovecot.store(ADA, "1", "+FLAGS (Can_wait mine)")
    again = {message["subject"]: message["category"]
             for message in tom.triage(apply=True).json["messages"]}
    assert (again["Grüße"], again["News"]) == ("written", "unchanged")
    assert dovecot.flags(ADA)[1] == {"Needs_answer", "mine"}


def test_triage_of_a_message_that_is_gone(tom, dovecot):
    """The copy is behind its server."""
    assert tom.triage(account=4711).json["tag"] == "GT1633"
    dovecot.expunge(ADA, "1")
    done = {message["subject"]: message
            for message in tom.triage(apply=True).json["messages"]}
    assert done["Grüße"]["category"] == "failed"
    assert "no longer in the inbox" in done["Grüße"]["problem"]
    assert done["News"]["category"] == "written"
