# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The routes of mail under the MPMs that block a thread, while children come and go; and asked from
pages of other sites."""

import pytest

from support import mail_site

APP, EVIL = "https://app.example", "https://evil.example"
SETTINGS = f"""
GraphTokBackground off
GraphTokAllowOrigin {APP}
MaxConnectionsPerChild 3
<GraphTokStore main>
    GraphTokMailSync on
</GraphTokStore>
"""
MAIL = {"to": "bob@elsewhere.example", "subject": "Hello", "text": "Hi"}
# The second one would be a change, and so is refused to other sites.
CALLS = [("GET", "messages", None, 200, 200), ("GET", "accounts", None, 200, 200),
         ("POST", "send", MAIL, 200, 403), ("POST", "drafts/create", {"subject": "Hello"}, 201, 403)]


@pytest.fixture(scope="module", name="mail", params=["worker", "prefork"])
def fixture_mail(make_site, mail_server, sandbox_server, request):
    made = mail_site.make(make_site, mail_server, sandbox_server, "sqlite3-google", SETTINGS, request.param)
    yield made
    made.end()


def test_the_routes_of_mail_everywhere(mail, dovecot, browser):
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    first, sent = set(mail.httpd.children()), 0
    for headers, is_let_in in (({}, True), ({}, True), ({"Origin": EVIL}, False),
                               ({"Origin": APP, "Sec-Fetch-Site": "cross-site"}, True)):
        for method, path, body, good, foreign in CALLS:
            answer = browser.send(method, f"{mail.url}/tom/mail/{path}", body, headers)
            assert answer.status == (good if is_let_in else foreign), (path, headers, answer)
            told = answer.headers.get("Access-Control-Allow-Origin")
            assert told == (APP if headers.get("Origin") == APP else None), (path, headers)
        sent += is_let_in
    assert len(dovecot.sink.wait(sent)) == sent == len(dovecot.flags("ada@sandbox.example", "Drafts"))
    mail.httpd.wait_until(lambda: not first & set(mail.httpd.children()), 30)
