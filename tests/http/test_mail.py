# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Triage of unread mail through Graph, categories, drafts (missions E1 and E2)."""

import http.server
import json
import threading

import pytest

SCOPES = "GraphTokScope openid profile email offline_access User.Read Mail.ReadWrite"
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/mail">
    SetHandler graphtok-mail
</Location>
GraphTokLimit off
"""
ADA, GRACE, ALAN = (f"{name}@sandbox.example" for name in ("ada", "grace", "alan"))
UNREAD = "/me/mailFolders/inbox/messages"


@pytest.fixture(scope="module")
def mailing(make_site):
    """A site whose callers' mail may be read and written."""
    made = make_site(mounts=MOUNTS, provider=SCOPES)
    made.start()
    made.register("/auth")
    yield made
    made.end()


@pytest.fixture
def box(sandbox):
    """The sandbox's control."""
    return sandbox.process


@pytest.fixture
def ada(mailing, sandbox, browser):
    """A browser in which ada is signed in."""
    mailing.register("/auth")
    assert browser.sign_in(mailing.url + "/auth/login").status == 200
    return browser


def person(address, name="Somebody"):
    return {"emailAddress": {"name": name, "address": address}}


def mail(subject, text="", sender=GRACE, to=(ADA,), **more):
    return {"subject": subject, "from": person(sender), "toRecipients": [person(a) for a in to],
            "body": {"contentType": "text", "content": text}, **more}


def header(name, value):
    return {"internetMessageHeaders": [{"name": name, "value": value}]}


def run(ada, mailing, status=200, **body):
    answer = ada.post(mailing.url + "/mail/triage/run", body)
    assert answer.status == status, answer
    return answer.json


def test_E1_mail_is_sorted_with_its_reasons(mailing, box, ada):
    box.add_mail(
        ADA,
        mail("News", "Ready for summer?", "x@shop.example", **header("List-Unsubscribe", "<x:>")),
        mail("Plan", "FYI, it is done.", to=(GRACE, ADA)),
        mail("Lunch", "Are you free?\n> old text", to=("ada.lovelace@sandbox.example",)),
        mail("Review", type="eventMessageRequest"),
        mail("Canceled: Review", type="eventMessage"),
        mail("Seen", "Are you free?", isRead=True),
        mail("To Grace", to=(GRACE,), folder="sentitems", isRead=True))
    answer = run(ada, mailing)
    rows = {row["subject"]: row for row in answer["messages"]}
    assert {name: row["class"] for name, row in rows.items()} == {
        "News": "can-wait", "Plan": "to-know", "Lunch": "needs-answer", "Review": "needs-answer",
        "Canceled: Review": "to-know"}
    assert rows["Lunch"]["from"] == GRACE and rows["Lunch"]["from_name"] == "Somebody"
    assert rows["Lunch"]["reasons"] == [
        "asks a question", "addressed to you alone", "you have written to this sender",
        "from your own organization"]
    assert rows["News"]["reasons"][0] == "has a link to unsubscribe"
    assert answer["more"] is False and "category" not in rows["Lunch"]
    assert all(row["categories"] == [] for row in box.mail(ADA))


def test_E1_no_body_is_the_default(mailing, box, ada):
    box.add_mail(ADA, mail("Lunch", "Are you free?"))
    answer = ada.send("POST", mailing.url + "/mail/triage/run")
    assert answer.status == 200 and len(answer.json["messages"]) == 1


def test_E1_pages_up_to_a_bound(mailing, box, ada):
    box.add_mail(ADA, *[mail(f"m{n}", at=n) for n in range(130)])
    box.settings(page_limit=40)
    answer = run(ada, mailing, top=100)
    assert [row["subject"] for row in answer["messages"]] == [f"m{n}" for n in range(100)]
    assert answer["more"] is True
    assert box.count("graph:GET " + UNREAD) == 3
    assert len(run(ada, mailing, top=200)["messages"]) == 130


def test_E1_texts_that_are_too_long_together_are_read_by_their_beginnings(mailing, box, ada):
    box.add_mail(ADA, *[mail(f"m{n}", "Are you free? " + "x" * 1_500_000) for n in range(4)])
    assert [row["class"] for row in run(ada, mailing)["messages"]] == ["needs-answer"] * 4


@pytest.mark.parametrize("body, field", [
    ({"top": 0}, "top"), ({"top": 201}, "top"), ({"top": "5"}, "top"), ({"apply": "yes"}, "apply"),
    ({"folder": "inbox"}, "folder")])
def test_E1_bodies_are_held_against_their_rules(mailing, ada, body, field):
    answer = run(ada, mailing, 400, **body)
    assert [row["field"] for row in answer["errors"]] == [field]


def test_E1_what_Graph_refuses(mailing, box, ada):
    """Without User.Read the rules know less; without Mail.Read there is nothing to sort."""
    box.add_mail(ADA, mail("Lunch", "Are you free? Please answer."))
    box.fault("/v1.0/me", "graph_error", status=403, code="ErrorAccessDenied", times=3)
    row = run(ada, mailing)["messages"][0]
    assert row["reasons"] == ["asks a question", "asks you to do something"]
    box.fault("/v1.0" + UNREAD, "graph_error", status=403, code="ErrorAccessDenied")
    answer = run(ada, mailing, 403)
    assert answer["tag"] == "GT0704" and "ErrorAccessDenied" in answer["detail"]


def test_E1_rubbish_from_graph_is_an_error(mailing, box, ada):
    box.fault("/v1.0" + UNREAD, "answer", body='["no object"]')
    assert run(ada, mailing, 502)["tag"] == "GT0725"
    box.fault("/v1.0" + UNREAD, "answer", body='{"value": [{"id": 5}, 7, {"id": "a"}, null]}')
    assert [row["id"] for row in run(ada, mailing)["messages"]] == ["a"]


def test_mail_needs_a_user(mailing, sandbox, browser):
    answer = browser.post(mailing.url + "/mail/triage/run", {})
    assert answer.status == 401


# ---- categories ----

BATCH = "/v1.0/$batch"
PATCHES = "graph:PATCH /me/messages/{id}"


def categories(box):
    return {row["subject"]: row["categories"] for row in box.mail(ADA)}


def outcomes(answer):
    return {row["subject"]: row["category"] for row in answer["messages"]}


def test_E1_classes_are_written_as_categories(mailing, box, ada):
    box.add_mail(ADA, mail("Lunch", "Are you free?", categories=["Mine", "can WAIT"]),
                 mail("Plan", "FYI, done.", categories=["To know", "Mine"]))
    assert outcomes(run(ada, mailing, apply=True)) == {"Lunch": "written", "Plan": "unchanged"}
    assert categories(box) == {"Lunch": ["Mine", "Needs answer"], "Plan": ["To know", "Mine"]}
    count = box.count("graph:POST /$batch")
    assert set(outcomes(run(ada, mailing, apply=True)).values()) == {"unchanged"}
    assert box.count("graph:POST /$batch") == count


def test_E1_batches_of_twenty(mailing, box, ada):
    box.add_mail(ADA, *[mail(f"m{n}", at=n) for n in range(45)])
    assert set(outcomes(run(ada, mailing, apply=True)).values()) == {"written"}
    assert box.count("graph:POST /$batch") == 3 and box.count(PATCHES) == 45


def test_E1_what_is_throttled_is_tried_again(mailing, box, ada):
    """Parts of a batch, and a whole one."""
    box.add_mail(ADA, *[mail(f"m{n}", at=n) for n in range(6)])
    box.fault("/v1.0/me/messages/", "graph_error", status=429, code="ApplicationThrottled",
              retry_after=1, times=2, method="PATCH")
    box.fault(BATCH, "graph_error", status=503, retry_after=1)
    assert set(outcomes(run(ada, mailing, apply=True)).values()) == {"written"}
    assert box.count("graph:POST /$batch") == 3 and box.count(PATCHES) == 8


def test_E1_partial_failure_is_told_for_each_message(mailing, box, ada):
    box.add_mail(ADA, *[mail(f"m{n}", at=n) for n in range(3)])
    box.fault("/v1.0/me/messages/", "graph_error", status=404, code="ErrorItemNotFound", skip=1,
              method="PATCH")
    answer = run(ada, mailing, apply=True)
    assert outcomes(answer) == {"m0": "written", "m1": "failed", "m2": "written"}
    problems = [row.get("problem") for row in answer["messages"]]
    assert problems == [None, "Graph answered 404 ErrorItemNotFound: Injected.", None]


def test_E1_a_wait_that_is_too_long_is_told(mailing, box, ada):
    box.add_mail(ADA, mail("m0"))
    box.fault("/v1.0/me/messages/", "graph_error", status=429, code="ApplicationThrottled",
              retry_after=300, method="PATCH")
    row = run(ada, mailing, apply=True)["messages"][0]
    assert row["category"] == "failed" and "429" in row["problem"]


def test_E1_a_change_meanwhile_is_not_overwritten(mailing, box, ada):
    """The message changes between the reading and the writing: here by a batch that is held up."""
    box.add_mail(ADA, mail("m0"))
    box.fault("/v1.0/me/messages/", "graph_error", status=412, code="ErrorIrresolvableConflict",
              method="PATCH")
    row = run(ada, mailing, apply=True)["messages"][0]
    assert row["category"] == "failed" and "412" in row["problem"]
    assert box.calls(PATCHES)["last"][-1]["headers"]["if-match"].startswith('W/"')


def test_E1_a_lost_answer_is_asked_for_again(mailing, box, ada):
    """The first batch was carried out; its repeat must not fail for its own change."""
    box.add_mail(ADA, mail("m0"))
    box.fault(BATCH, "die_after", bytes=0)
    assert outcomes(run(ada, mailing, apply=True)) == {"m0": "written"}
    assert categories(box) == {"m0": ["To know"]} and box.count(PATCHES) == 2


def test_E1_without_the_right_to_write_all_of_it_is_refused(mailing, box, ada):
    box.add_mail(ADA, mail("m0"), mail("m1"))
    box.fault("/v1.0/me/messages/", "graph_error", status=403, code="ErrorAccessDenied", times=2,
              method="PATCH")
    assert run(ada, mailing, 403, apply=True)["tag"] == "GT0704"


def test_E1_an_answer_that_lacks_a_part(mailing, box, ada):
    box.add_mail(ADA, mail("m0"))
    box.fault(BATCH, "answer", body='{"responses": [{"id": "7", "status": 200}, 5, {"id": "0"}]}',
              times=1)
    assert outcomes(run(ada, mailing, apply=True)) == {"m0": "written"}


# ---- drafts ----

def create(ada, mailing, status=201, headers=None, **body):
    answer = ada.post(mailing.url + "/mail/drafts/create", body, headers=headers)
    assert answer.status == status, answer
    return answer.json


def drafts(box):
    return [row for row in box.mail(ADA) if row["folder"] == "drafts"]


def addresses(row, member):
    return [one["emailAddress"]["address"] for one in row[member]]


def test_E2_a_new_draft(mailing, box, ada):
    made = create(ada, mailing, to=[f"Grace <{GRACE}>"], bcc=ALAN, subject="Hi", body="a <b>")
    draft, = drafts(box)
    assert made == {"id": draft["id"], "webLink": draft["webLink"], "subject": "Hi"}
    assert draft["isDraft"] and draft["body"]["content"] == "<html><body>a <b></body></html>"
    assert addresses(draft, "toRecipients") == [GRACE]
    assert addresses(draft, "bccRecipients") == [ALAN] and draft["ccRecipients"] == []


@pytest.mark.parametrize("to_all", [False, True])
def test_E2_an_answer_quotes_the_original(mailing, box, ada, to_all):
    known, = box.add_mail(ADA, mail("Lunch", "Are you free?", ccRecipients=[person(ALAN)]))
    made = create(ada, mailing, message_id=known, body="Yes, 1 < 2", reply_all=to_all)
    draft, = drafts(box)
    assert made["id"] == draft["id"] and made["subject"] == draft["subject"] == "RE: Lunch"
    content = draft["body"]["content"]
    assert content.index("Yes, 1 &lt; 2") < content.index("Are you free?")
    assert addresses(draft, "toRecipients") == [GRACE]
    assert addresses(draft, "ccRecipients") == ([ALAN] if to_all else [])


def test_E2_an_answer_without_its_text_is_taken_away(mailing, box, ada):
    known, = box.add_mail(ADA, mail("Lunch", "Are you free?"))
    box.fault("/v1.0/me/messages/", "graph_error", status=413, code="TooLarge", method="PATCH")
    assert create(ada, mailing, 413, message_id=known, body="Yes")["tag"] == "GT0701"
    assert drafts(box) == []


def test_E2_a_repeat_with_its_key_finds_the_draft(mailing, box, ada):
    known, = box.add_mail(ADA, mail("Lunch", "Are you free?"))
    for body in ({"subject": "Hi", "to": GRACE}, {"message_id": known, "body": "Yes"}):
        key = {"Idempotency-Key": f"key-{len(body['subject' if 'to' in body else 'body'])}"}
        made = create(ada, mailing, headers=key, **body)
        assert create(ada, mailing, 200, headers=key, **body) == made
    assert len(drafts(box)) == 2
    bad = create(ada, mailing, 400, headers={"Idempotency-Key": "it's"}, subject="x")
    assert bad["tag"] == "GT0728"


def test_E2_what_cannot_be_drafted(mailing, box, ada):
    wrong = create(ada, mailing, 400, to=["a@x.example\r\nBcc: b@x.example"], body="x", cc="ann")
    assert [row["field"] for row in wrong["errors"]] == ["to[0]", "cc"]
    gone = create(ada, mailing, 404, message_id="AAMkNoSuchMessageAtAll", body="x")
    assert "ErrorItemNotFound" in gone["detail"]
    box.fault("/v1.0/me/messages", "graph_error", status=403, code="ErrorAccessDenied")
    assert create(ada, mailing, 403, subject="x")["tag"] == "GT0704"
    box.fault("/v1.0/me/messages", "answer", body='{"id": 5}')
    assert create(ada, mailing, 502, subject="x")["tag"] == "GT0729"
    assert drafts(box) == []


# ---- a model server ----

class Model(http.server.BaseHTTPRequestHandler):
    """Answers what the test says, and keeps what it was asked."""

    def do_POST(self):
        server = self.server
        server.asked.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps(server.says).encode() if not isinstance(server.says, bytes) else server.says
        server.let_go.wait(30)
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # the client was not patient

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def model():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.let_go = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def advised(make_site, model):
    made = make_site(mounts=MOUNTS, provider=SCOPES, settings=(
        f"GraphTokTriageURL http://127.0.0.1:{model.server_port}/sort\nGraphTokTriageWait 1s\n"))
    made.start()
    yield made
    made.end()


@pytest.fixture
def asked(advised, model, sandbox, browser):
    """Sorts two mails, and gives the answer; the model says what it is told."""
    advised.register("/auth")
    assert browser.sign_in(advised.url + "/auth/login").status == 200
    sandbox.process.add_mail(ADA, mail("Lunch", "Are you free?"), mail("Plan", "Done."))

    def ask(says, status=200, waits=False):
        model.asked, model.says, model.status = [], says, status
        (model.let_go.clear if waits else model.let_go.set)()
        found = {row["subject"]: row for row in run(browser, advised)["messages"]}
        model.let_go.set()
        return found
    return ask


def test_E1_a_model_server_is_asked(asked, model, sandbox):
    found = asked({"messages": [{"id": "0", "class": "can-wait", "reason": "as it says"}]})
    assert found["Plan"]["class"] == "can-wait" and found["Plan"]["reasons"] == ["as it says"]
    assert found["Plan"]["sorted_by"] == "model" and "sorted_by" not in found["Lunch"]
    assert found["Lunch"]["class"] == "needs-answer"
    (headers, body), = model.asked
    assert json.loads(body)["messages"][1] == {
        "id": "1", "subject": "Lunch", "from": GRACE, "from_name": "Somebody", "text": "Are you free?",
        "received": found["Lunch"]["received"], "class": "needs-answer"}
    assert "Authorization" not in headers and "Cookie" not in headers
    assert ADA.encode() not in body
    assert not any(token.encode() in body for token in sandbox.process.secrets()["access_token"])


@pytest.mark.parametrize("says, status, waits", [
    ({"messages": [{"id": "0", "class": "can-wait"}]}, 500, False),
    (b"no json", 200, False), ({"messages": 5}, 200, False),
    ({"messages": [{"id": "7", "class": "can-wait"}, {"id": "0", "class": "x"}, 5]}, 200, False),
    ({"messages": [{"id": "0", "class": "can-wait"}]}, 200, True)])
def test_E1_the_rules_hold_where_the_model_is_of_no_use(asked, advised, says, status, waits):
    found = asked(says, status, waits)
    advised.httpd.log_has("GT0730")
    assert [found[name]["class"] for name in ("Lunch", "Plan")] == ["needs-answer", "to-know"]
