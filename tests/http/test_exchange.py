# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Token exchange (RFC 8693): who may ask, for whom, for what; and what everything else is told."""

import base64
import json
import re
import time
import urllib.parse

import pytest

from support.browser import Browser
from support.site import MOUNTS

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
USER_ID = "urn:mod_graphtok:token-type:user-id"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
SECRET = "agent-secret-0123456789+/%"
CLIENTS = """
GraphTokAudit {folder}/audit.log
<GraphTokClient agent>
    GraphTokClientSecret file:{folder}/secrets/agent
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject user
</GraphTokClient>
<GraphTokClient reader>
    GraphTokClientSecret file:{folder}/secrets/reader
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.Read
    GraphTokClientSubject user
</GraphTokClient>
<GraphTokClient stranger>
    GraphTokClientSecret file:{folder}/secrets/reader
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject user
</GraphTokClient>
<Location "/exchange">
    SetHandler graphtok-exchange
    GraphTokUseClient agent reader
</Location>
<Location "/few">
    SetHandler graphtok-exchange
    GraphTokLimit exchange 3/h
</Location>
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
"""


@pytest.fixture(scope="module")
def site(make_site, sandbox_server):
    made = make_site(mounts=MOUNTS + CLIENTS)
    made.write_secret("agent", SECRET + "\n")
    made.write_secret("reader", "reader-secret-0123456789\n")
    made.start()
    browser = Browser(sandbox_server.ca)
    assert browser.sign_in(made.url + "/tom/auth/login").status == 200
    yield made
    made.end()


def basic(name="agent", secret=SECRET, encode=urllib.parse.quote_plus):
    pair = f"{encode(name)}:{encode(secret)}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def form(**changes):
    """A good form with changes; None takes a parameter away."""
    fields = {"grant_type": GRANT, "subject_token": "tom", "subject_token_type": USER_ID, **changes}
    return urllib.parse.urlencode({k: v for k, v in fields.items() if v is not None}).encode()


def ask(site, body=None, path="/exchange", **headers):
    fields = {"Authorization": basic(), "Content-Type": "application/x-www-form-urlencoded"}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Browser().post(site.url + path, body=form() if body is None else body,
                          headers={k: v for k, v in fields.items() if v is not None})


def test_X3_a_client_gets_the_users_token(site, sandbox_server):
    answer = ask(site)
    assert answer.status == 200, answer
    assert answer.json.keys() == {"access_token", "issued_token_type", "token_type", "expires_in",
                                  "scope"}
    assert answer.json["issued_token_type"] == ACCESS and answer.json["token_type"] == "Bearer"
    assert 60 < answer.json["expires_in"] <= 5400
    assert {"User.Read", "Calendars.ReadWrite"} <= {
        name.rpartition("/")[2] for name in answer.json["scope"].split()}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    graph = Browser(sandbox_server.ca).get(
        sandbox_server.graph + "/me",
        headers={"Authorization": "Bearer " + answer.json["access_token"]})
    assert graph.json["mail"] == "ada@sandbox.example"


@pytest.mark.parametrize("body, headers", [
    (form(client_id="agent", client_secret=SECRET), {"Authorization": None}),
    (form(), {"Authorization": basic(encode=str)}),  # as most programs write it (RFC 7617)
    (form(client_id="agent"), {}),
    (form(resource="https://graph.microsoft.com"), {}),
    (form(resource="https://graph.microsoft.com/", audience="graph"), {}),
    (form(scope="Calendars.ReadWrite", requested_token_type=ACCESS), {}),
    (form(scope="https://graph.microsoft.com/calendars.readwrite openid", resource=""), {}),
    (form(unknown="x"), {"Content_Type": "application/x-www-form-urlencoded; charset=utf-8"}),
], ids=["post", "raw-basic", "id-twice", "resource", "both", "scope", "full-scope", "charset"])
def test_X3_other_ways_to_say_the_same(site, body, headers):
    answer = ask(site, body, **headers)
    assert answer.status == 200 and answer.json["access_token"], answer


BAD = [
    ("no-credentials", form(), {"Authorization": None}, 401, "invalid_client"),
    ("id-alone", form(client_id="agent"), {"Authorization": None}, 401, "invalid_client"),
    ("wrong-secret", form(), {"Authorization": basic(secret=SECRET + "x")}, 401, "invalid_client"),
    ("empty-secret", form(), {"Authorization": basic(secret="")}, 401, "invalid_client"),
    ("part-of-secret", form(), {"Authorization": basic(secret=SECRET[:-1])}, 401,
     "invalid_client"),
    ("unknown-client", form(), {"Authorization": basic("nobody")}, 401, "invalid_client"),
    ("client-of-elsewhere", form(), {"Authorization": basic("stranger",
                                                            "reader-secret-0123456789")},
     401, "invalid_client"),
    ("anothers-secret", form(), {"Authorization": basic("agent", "reader-secret-0123456789")},
     401, "invalid_client"),
    ("bearer", form(), {"Authorization": "Bearer " + SECRET}, 401, "invalid_client"),
    ("two-ways", form(client_id="agent", client_secret=SECRET), {}, 400, "invalid_request"),
    ("two-names", form(client_id="reader"), {}, 400, "invalid_request"),
    ("no-base64", form(), {"Authorization": "Basic !!!"}, 400, "invalid_request"),
    ("no-colon", form(), {"Authorization": "Basic YWdlbnQ="}, 400, "invalid_request"),
    ("nul-in-basic", form(), {"Authorization": "Basic YWcAZW50OmE="}, 400, "invalid_request"),
    ("no-grant-type", form(grant_type=None), {}, 400, "invalid_request"),
    ("other-grant-type", form(grant_type="client_credentials"), {}, 400, "unsupported_grant_type"),
    ("refresh-token", form(requested_token_type="urn:ietf:params:oauth:token-type:refresh_token"),
     {}, 400, "invalid_request"),
    ("actor", form(actor_token="x", actor_token_type=ACCESS), {}, 400, "invalid_request"),
    ("no-subject", form(subject_token=None), {}, 400, "invalid_request"),
    ("empty-subject", form(subject_token=""), {}, 400, "invalid_request"),
    ("no-type", form(subject_token_type=None), {}, 400, "invalid_request"),
    ("other-type", form(subject_token_type=ACCESS), {}, 400, "invalid_request"),
    ("other-resource", form(resource="https://outlook.office.com"), {}, 400, "invalid_target"),
    ("other-audience", form(audience="outlook"), {}, 400, "invalid_target"),
    ("two-targets", form(resource="https://graph.microsoft.com", audience="outlook"), {}, 400,
     "invalid_target"),
    ("lying-resource", form(resource="https://graph.microsoft.com.evil.example"), {}, 400,
     "invalid_target"),
    ("other-scope", form(scope="Calendars.ReadWrite Mail.Read"), {}, 400, "invalid_scope"),
    ("all-scopes", form(scope="https://graph.microsoft.com/.default"), {}, 400, "invalid_scope"),
    ("twice", form() + b"&subject_token=tom", {}, 400, "invalid_request"),
    ("twice-in-other-case", form() + b"&Subject_Token=tom", {}, 400, "invalid_request"),
    ("many", form() + b"".join(b"&a%d=1" % n for n in range(20)), {}, 400, "invalid_request"),
    ("broken-escape", form() + b"&x=%zz", {}, 400, "invalid_request"),
    ("control", form() + b"&x=%00", {}, 400, "invalid_request"),
    ("raw-nul", form() + b"&x=\x00", {}, 400, "invalid_request"),
    ("no-utf-8", form() + b"&x=%ff", {}, 400, "invalid_request"),
    ("empty", b"", {}, 400, "invalid_request"),
    ("json", json.dumps({"grant_type": GRANT}).encode(), {"Content_Type": "application/json"}, 415,
     "invalid_request"),
    ("no-type-of-body", form(), {"Content_Type": "text/plain"}, 415, "invalid_request"),
    ("long-token", form(subject_token="a" * (16 * 1024 + 1)), {}, 413, "invalid_request"),
    ("long-body", form(x="a" * (64 * 1024)), {}, 413, "invalid_request"),
    ("in-address", b"", {"path": "/exchange?" + form().decode()}, 400, "invalid_request"),
    ("other-site", form(), {"Origin": "https://evil.example"}, 403, "invalid_request"),
]


@pytest.mark.parametrize("body, headers, status, error", [row[1:] for row in BAD],
                         ids=[row[0] for row in BAD])
def test_X3_bad_requests(site, sandbox_server, body, headers, status, error):
    before = sandbox_server.calls("token")
    answer = ask(site, body, **headers)
    assert answer.status == status and answer.json["error"] == error, answer
    assert set(answer.json) <= {"error", "error_description", "tag", "field"}
    assert re.fullmatch(r"[ !#-\[\]-~]+", answer.json["error_description"])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    challenge = answer.headers["WWW-Authenticate"]
    assert (challenge or "").startswith("Basic ") == (status == 401)
    assert SECRET not in answer.text and sandbox_server.calls("token") == before


def test_X3_no_subject_is_told_from_another(site, sandbox_server):
    """Unknown, gone, refused by the provider, an id that is none: one answer, at the same beats."""
    browser = Browser(sandbox_server.ca)
    bob = {"Authorization": "Basic Ym9iOmJvYg=="}
    back = browser.leave_for_sign_in(site.url + "/staff/auth/login", headers=bob)
    assert browser.get(back, headers=bob).status == 200
    assert ask(site, form(subject_token="bob")).status == 200
    site.database.sql("UPDATE user_tokens SET status = 0 WHERE user_id = 'bob'")
    site.httpd.stop()
    site.httpd.start()
    answers, times = {}, {}
    for subject in ("nobody", "bob", "x" * 300, "a\tb".replace("\t", "\u0085"), "Tom", "tom "):
        began = time.monotonic()
        answer = ask(site, form(subject_token=subject))
        times[subject] = time.monotonic() - began
        answers[subject] = (answer.status, answer.body, {
            name: value for name, value in answer.headers.items()
            if name not in ("Date", "RateLimit")})
    assert len({str(answer) for answer in answers.values()}) == 1, answers
    status, body, _ = answers["nobody"]
    assert status == 400 and json.loads(body)["error"] == "invalid_request"
    assert min(times.values()) >= 0.25  # the first beat, however soon it was known
    site.httpd.log_has("GT0601: exchange: client agent gets no token: user nobody")
    site.httpd.log_has("GT0602: exchange: client agent gets no token: the grant of user bob")


def test_X3_a_token_with_more_than_the_entry_allows_stays(site):
    answer = ask(site, Authorization=basic("reader", "reader-secret-0123456789"))
    assert answer.status == 400 and answer.json["error"] == "invalid_scope", answer
    assert answer.json["tag"] == "GT0893"
    site.httpd.log_has("client reader gets no token: the user's has the scopes")


def test_X3_actor_and_subject_are_in_the_audit(site):
    ask(site)
    ask(site, form(subject_token="nobody"))
    ask(site, Authorization=basic(secret="wrong-secret-0123456789"))
    lines = [json.loads(line) for line in (site.folder / "audit.log").read_text().split("\n")
             if line]
    rows = [(row["result"], row.get("client"), row.get("user"))
            for row in lines if row["event"] == "exchange"]
    assert rows[-3:] == [("ok", "agent", "tom"), ("sign-in-required", "agent", "nobody"),
                         ("forbidden", "agent", None)]
    assert Browser().get(site.url + "/metrics").text.count(
        'graphtok_exchanges_total{result="ok"}') == 1
    site.httpd.accessed(lambda log: ' agent "POST /exchange HTTP/1.1" 200' in log)


def test_X3_limits_of_client_and_address(site):
    """Each client has its own count; an address, for what does not show who it is."""
    for _ in range(3):
        assert ask(site, path="/few").status == 200
    refused = ask(site, path="/few")
    assert refused.status == 429 and refused.json["error"] == "temporarily_unavailable"
    assert int(refused.headers["Retry-After"]) > 0
    other = basic("stranger", "reader-secret-0123456789")
    assert ask(site, path="/few", Authorization=other).status == 200
    wrong = basic(secret="wrong-secret-0123456789")
    assert [ask(site, path="/few", Authorization=wrong).status for _ in range(4)] == [
        401, 401, 401, 429]
    assert ask(site, path="/few", Authorization=other).status == 429  # the address is spent


def test_X3_a_changed_secret_holds_at_once(site):
    site.write_secret("agent", "another-secret-0123456789\n")
    assert ask(site).status == 401
    assert ask(site, Authorization=basic(secret="another-secret-0123456789")).status == 200
    site.write_secret("agent", SECRET + "\n")
    assert ask(site).status == 200
