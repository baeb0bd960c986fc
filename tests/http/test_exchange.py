# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Token exchange (RFC 8693): who may ask, for whom, for what; and what everything else is told."""

import base64
import concurrent.futures
import hmac
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse

import pytest

from support import httpd as servers
from support.browser import Browser
from support.site import MOUNTS

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
USER_ID = "urn:mod_graphtok:token-type:user-id"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
READER = "reader-secret-0123456789"
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
<GraphTokClient backend>
    GraphTokClientSecret file:{folder}/secrets/reader
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject on-behalf-of
</GraphTokClient>
<GraphTokJWT app>
    GraphTokJWTIssuer https://app.example
    GraphTokJWTAudience graphtok
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{folder}/secrets/app
</GraphTokJWT>
<GraphTokJWT workloads>
    GraphTokJWTIssuer https://cluster.example
    GraphTokJWTAudience graphtok
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{folder}/secrets/workloads
</GraphTokJWT>
<GraphTokClient webapp>
    GraphTokClientSecret file:{folder}/secrets/reader
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject jwt=app
</GraphTokClient>
<GraphTokClient pod>
    GraphTokUseJWT workloads
    GraphTokClientUser system:serviceaccount:prod:pod
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject user jwt=app
</GraphTokClient>
<GraphTokClient stranger>
    GraphTokClientSecret file:{folder}/secrets/reader
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject user
</GraphTokClient>
<Location "/exchange">
    SetHandler graphtok-exchange
    GraphTokUseClient agent reader backend webapp pod
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
    made.write_secret("reader", READER + "\n")
    made.write_secret("app", "shared-secret-of-the-app-0123456789\n")
    made.write_secret("workloads", "shared-secret-of-the-cluster-0123456789\n")
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


def jwt(key, alg="HS256", **claims):
    """A token of the application (key app) or of the cluster (workloads)."""
    def text(value):
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
    secrets = {"app": "shared-secret-of-the-app-0123456789",
               "workloads": "shared-secret-of-the-cluster-0123456789"}
    claims = {"iss": "https://app.example" if key == "app" else "https://cluster.example",
              "aud": "graphtok", "exp": int(time.time()) + 300, **claims}
    head = text(json.dumps({"alg": alg, "typ": "JWT"}).encode())
    signed = f"{head}.{text(json.dumps({k: v for k, v in claims.items() if v is not None}).encode())}"
    return signed + "." + text(hmac.digest(secrets[key].encode(), signed.encode(), "sha256"))


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
    ("client-of-elsewhere", form(), {"Authorization": basic("stranger", READER)},
     401, "invalid_client"),
    ("anothers-secret", form(), {"Authorization": basic("agent", READER)},
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
    ("other-type", form(subject_token_type="urn:ietf:params:oauth:token-type:saml2"), {}, 400,
     "invalid_request"),
    ("type-of-others", form(subject_token_type=ACCESS), {}, 400, "unauthorized_client"),
    ("user-of-others", form(), {"Authorization": basic("backend", READER)}, 400,
     "unauthorized_client"),
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


def refusal(site, subject, authorization):
    """All that a client can see of a refusal, with the steps of its exchange, and after how many beats
    of 0.25 s it came."""
    began, logged = time.monotonic(), len(site.httpd.log())
    answer = ask(site, form(subject_token=subject), Authorization=authorization)
    fields = {name: value for name, value in answer.headers.items()
              if name not in ("Date", "RateLimit")}
    beats = (time.monotonic() - began) / 0.25
    steps = re.findall("step ([0-9]+) of exchange:", site.httpd.log()[logged:])
    return (answer.status, answer.body, str(fields), str(steps)), beats


def test_X3_no_subject_is_told_from_another(site, sandbox_server):
    """Unknown, gone, refused by the provider, one with more scopes than the client may have, one whose row
    cannot be opened, an id that is none: one answer, at the same beats, and no call."""
    browser = Browser(sandbox_server.ca)
    for name in ("ada", "bob"):
        own = {"Authorization": basic(name, name)}
        back = browser.leave_for_sign_in(site.url + "/staff/auth/login", headers=own)
        assert browser.get(back, headers=own).status == 200
        assert ask(site, form(subject_token=name)).status == 200
    site.database.sql("UPDATE user_tokens SET status = 0 WHERE user_id = 'bob'")
    site.database.sql("UPDATE user_tokens SET encrypted_access_token = 'gt2.x.y', "
                      "encrypted_refresh_token = 'gt2.x.y' WHERE user_id = 'ada'")
    site.httpd.stop()
    site.httpd.start()
    calls = sandbox_server.calls("token")
    reader = basic("reader", READER)
    seen = {subject: refusal(site, subject, reader) for subject in (
        "nobody", "bob", "ada", "tom", "x" * 300, "a\u0085b", "Tom", "tom ")}
    assert len({answer for answer, _ in seen.values()}) == 1, seen
    (status, body, _, steps), _ = seen["nobody"]
    assert status == 400 and json.loads(body)["error"] == "invalid_request"
    assert json.loads(body)["tag"] == "GT0890" and steps.count(",") >= 7, steps
    assert min(beats for _, beats in seen.values()) >= 1, seen
    assert sandbox_server.calls("token") == calls
    reasons = re.findall("(GT[0-9]+): exchange: client reader gets no token: ", site.httpd.log())
    assert reasons == ["GT0601", "GT0602", "GT0211", "GT0893", "GT0823",
                       "GT0601", "GT0601", "GT0601"]
    site.database.sql("DELETE FROM user_tokens WHERE user_id = 'ada'")


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
    other = basic("stranger", READER)
    assert ask(site, path="/few", Authorization=other).status == 200
    wrong = basic(secret="wrong-secret-0123456789")
    assert [ask(site, path="/few", Authorization=wrong).status for _ in range(4)] == [
        401, 401, 401, 429]
    assert ask(site, path="/few", Authorization=other).status == 429  # the address is spent


def test_X3_a_changed_secret_holds_at_once(site):
    """The new one at once; the one before for a second more, where it alone is shown."""
    site.write_secret("agent", "another-secret-0123456789\n")
    assert ask(site, Authorization=basic(secret="another-secret-0123456789")).status == 200
    assert ask(site).status == 401
    assert ask(site, Authorization=basic(secret="another-secret-0123456789")).status == 200
    site.write_secret("agent", SECRET + "\n")
    old = basic(secret="another-secret-0123456789")
    site.httpd.wait_until(lambda: ask(site, Authorization=old).status == 401, 10)
    assert ask(site).status == 200


def behalf(site, token, **changes):
    return ask(site, form(subject_token=token, subject_token_type=ACCESS, **changes),
               Authorization=basic("backend", READER))


def test_X3_on_behalf_of_a_users_token(site, sandbox):
    """One call at the provider, however often, and as the user of the token."""
    token = sandbox.user_token("grace@sandbox.example")
    first = behalf(site, token)
    assert first.status == 200 and first.json["issued_token_type"] == ACCESS, first
    graph = Browser(sandbox.ca).get(sandbox.graph + "/me", headers={
        "Authorization": "Bearer " + first.json["access_token"]})
    assert graph.json["mail"] == "grace@sandbox.example"
    before = sandbox.calls("token")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda _: behalf(site, token), range(16)))
    assert {answer.json.get("access_token") for answer in again} == {first.json["access_token"]}
    assert sandbox.calls("token") == before
    rows = (site.folder / "audit.log").read_text()
    assert re.search(r'"exchange","result":"ok".*"user":"b1b1b1b1-1906-[^"]*@.*"client":"backend"',
                     rows)


def test_X3_many_at_once_are_one_call(site, sandbox):
    token = sandbox.user_token("alan@sandbox.example")
    before = sandbox.calls("token")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: behalf(site, token), range(24)))
    assert {answer.status for answer in answers} == {200}, answers
    assert sandbox.calls("token") == before + 1


def test_X3_a_token_ends_with_the_assertion(site, sandbox):
    token = sandbox.user_token("ada@sandbox.example", exp=int(time.time()) + 40)
    answer = behalf(site, token)
    assert answer.status == 200 and answer.json["expires_in"] <= 40, answer
    before = sandbox.calls("token")
    assert behalf(site, token).json["expires_in"] <= 40
    assert sandbox.calls("token") == before  # no next one is fetched ahead: it would end as soon


@pytest.mark.parametrize("claims", [
    {"aud": "99999999-0000-0000-0000-000000000000"}, {"aud": "https://graph.microsoft.com"},
    {"scp": None}, {"scp": None, "roles": ["Calendars.Read"], "idtyp": "app"}, {"idtyp": "app"},
    {"exp": 1000}, {"exp": None}, {"ver": "1.0"}, {"nbf": int(time.time()) + 4000},
    {"iss": "https://sts.windows.net/6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38/"},
    {"tid": "00000000-0000-0000-0000-000000000000"}, {"sign_with": "unpublished"},
    {"sign_with": "personal"}], ids=str)
def test_X3_assertions_that_are_none(site, sandbox, claims):
    """Ours are the provider's, for us, of a user, within their time: others do not reach it."""
    token = sandbox.user_token("ada@sandbox.example", **claims)
    before = sandbox.calls("token")
    answer = behalf(site, token)
    assert answer.status == 400 and answer.json["error"] == "invalid_request", answer
    assert answer.json["tag"] == "GT0890" and sandbox.calls("token") == before
    assert token not in site.httpd.log()


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "." * 99])
def test_X3_no_token_at_all(site, sandbox, token):
    assert behalf(site, token).json["tag"] == "GT0890"


def test_X3_a_forged_or_changed_assertion(site, sandbox):
    """The cache knows an assertion by all of its bytes."""
    token = sandbox.user_token("ada@sandbox.example")
    assert behalf(site, token).status == 200
    head, claims, signature = token.split(".")
    other = base64.urlsafe_b64encode(json.dumps({
        **json.loads(base64.urlsafe_b64decode(claims + "==")),
        "oid": "b1b1b1b1-1906-4d09-8c09-000000001906"}).encode()).decode().rstrip("=")
    for forged in (f"{head}.{other}.{signature}", f"{head}.{claims}.", token + "A", token[:-4]):
        assert behalf(site, forged).json["tag"] == "GT0890"


def test_X3_a_claims_challenge_is_handed_back(site, sandbox):
    """Each time, and without the provider being asked each time."""
    sandbox.process.settings(behalf_challenge=True)
    token = sandbox.user_token("ada@sandbox.example")
    before = sandbox.calls("token")
    for _ in range(3):
        answer = behalf(site, token)
        assert answer.status == 400 and answer.json["error"] == "interaction_required", answer
        assert json.loads(answer.json["claims"])["access_token"]["acrs"]["value"] == "c1"
    assert sandbox.calls("token") == before + 1


def test_X3_consent_is_the_users(site, sandbox):
    token = sandbox.user_token("grace@sandbox.example")
    sandbox.process.control("POST", "revoke", {"person": "grace@sandbox.example", "consent": True})
    answer = behalf(site, token)
    assert answer.status == 400 and answer.json["error"] == "interaction_required", answer
    assert "claims" not in answer.json


def test_X3_a_provider_that_is_down_says_when_to_come_again(site, sandbox):
    sandbox.fault(where="token", kind="status", status=503, times=1)
    answer = behalf(site, sandbox.user_token("alan@sandbox.example"))
    assert answer.status in (502, 503) and answer.json["error"] == "temporarily_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


def for_jwt(site, token, authorization=None, **changes):
    return ask(site, form(subject_token=token, subject_token_type=JWT, **changes),
               Authorization=authorization or basic("webapp", READER))


def test_X3_the_users_jwt_says_whose_token(site):
    assert for_jwt(site, jwt("app", sub="tom")).status == 200
    assert for_jwt(site, jwt("app", sub="tom", may_act={"sub": "webapp"})).status == 200


@pytest.mark.parametrize("claims", [
    {"sub": "nobody"}, {"sub": None}, {"exp": 1000}, {"exp": None}, {"aud": "another"},
    {"iss": "https://evil.example"}, {"alg": "none"}, {"alg": "HS512"}, {"key": "workloads"},
    {"nbf": 9999999999}, {"may_act": {"sub": "agent"}}, {"may_act": {}}, {"may_act": "webapp"}],
    ids=str)
def test_X3_jwts_of_no_subject(site, claims):
    """Each fault of a JWT, and a user who is unknown: one answer."""
    token = jwt(**{"key": "app", "sub": "tom", **claims})
    answer = for_jwt(site, token)
    assert (answer.status, answer.json["error"], answer.json["tag"]) == (
        400, "invalid_request", "GT0890"), answer
    assert answer.json == ask(site, form(subject_token="nobody")).json


def pod(**claims):
    return jwt("workloads", **{"sub": "system:serviceaccount:prod:pod", **claims})


@pytest.mark.parametrize("way", ["assertion", "assertion-alone", "bearer"])
def test_X3_a_client_shows_a_jwt(site, way):
    fields = {"client_assertion": pod(), "client_assertion_type": ASSERTION, "client_id": "pod"}
    if way == "bearer":
        answer = ask(site, form(client_id="pod"), Authorization="Bearer " + pod())
        assert answer.status == 200, answer
    elif way == "assertion":
        assert ask(site, form(**fields), Authorization=None).status == 200
    else:  # the entry is found by `sub`, which names no entry here
        answer = ask(site, form(**{**fields, "client_id": None}), Authorization=None)
        assert answer.status == 401


def test_X3_an_assertion_with_an_id_works_once(site):
    fields = {"client_assertion": pod(jti="1"), "client_assertion_type": ASSERTION,
              "client_id": "pod"}
    assert [ask(site, form(**fields), Authorization=None).status for _ in range(3)] == [200, 401, 401]
    fields["client_assertion"] = pod()
    assert [ask(site, form(**fields), Authorization=None).status for _ in range(2)] == [200, 200]


BAD_CLIENTS = [
    ({"client_id": "pod", "client_assertion": "x", "client_assertion_type": "y"}, None, 400),
    ({"client_id": "pod", "client_assertion": "x"}, None, 400),
    ({"client_id": "pod", "client_assertion": lambda: pod(), "client_assertion_type": True},
     lambda: "Bearer " + pod(), 400),
    ({"client_id": "pod"}, lambda: "Bearer " + pod(sub="system:serviceaccount:prod:other"), 401),
    ({"client_id": "pod"}, lambda: "Bearer " + pod(exp=1000), 401),
    ({"client_id": "pod"}, lambda: "Bearer " + jwt("app", sub="system:serviceaccount:prod:pod"), 401),
    ({"client_id": "agent"}, lambda: "Bearer " + pod(), 401),
    ({"client_id": "nobody"}, lambda: "Bearer " + pod(), 401),
    ({}, lambda: "Bearer " + pod(), 401),
    ({"client_id": "pod", "client_secret": "reader-secret-0123456789"}, None, 401),
    ({"client_id": "pod"}, lambda: "Bearer ", 401),
]


@pytest.mark.parametrize("fields, authorization, status", BAD_CLIENTS)
def test_X3_clients_that_show_no_good_jwt(site, fields, authorization, status):
    fields = {name: ASSERTION if value is True else value() if callable(value) else value
              for name, value in fields.items()}
    answer = ask(site, form(**fields),
                 Authorization=authorization() if authorization else None)
    assert answer.status == status, answer
    assert answer.json["error"] == ("invalid_client" if status == 401 else "invalid_request")


def example(site, sandbox, name, **more):
    path = pathlib.Path(__file__).resolve().parents[2] / "conf" / "examples" / name
    return [str(path)], {**os.environ, "EXCHANGE_URL": site.url + "/exchange",
                         "GRAPH_URL": sandbox.graph, "SSL_CERT_FILE": str(sandbox.ca), **more}


def test_the_example_of_an_agent(site, sandbox):
    command, environment = example(site, sandbox, "exchange_agent.py", CLIENT_ID="agent",
                                   CLIENT_SECRET_FILE=str(site.secrets / "agent"))
    assert Browser(sandbox.ca).sign_in(site.url + "/tom/auth/login").status == 200
    made = Browser(sandbox.ca).post(site.url + "/tom/calendar/events", {
        "subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}})
    assert made.status == 201
    done = subprocess.run(command + ["tom"], env=environment, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stdout == "2030-05-01T12:00 Lunch\n", done.stderr
    done = subprocess.run(command + ["nobody"], env=environment, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and "no token for nobody: invalid_request" in done.stderr


def test_the_example_of_a_web_application(site, sandbox):
    port = servers.free_port()
    command, environment = example(site, sandbox, "exchange_webapp.py", PORT=str(port),
                                   CLIENT_SECRET=READER)
    assert Browser(sandbox.ca).sign_in(site.url + "/tom/auth/login").status == 200

    def get(**fields):
        try:
            return Browser().get(f"http://127.0.0.1:{port}/", headers=fields)
        except OSError:
            return None
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            servers.Httpd.wait_until(get, 30)
            assert get(Authorization="Bearer " + jwt("app", sub="tom")).text == "Hello Ada Lovelace"
            refused = get(Authorization="Bearer " + jwt("app", sub="nobody"))
            assert refused.status == 401 and refused.text == "invalid_request"
        finally:
            server.terminate()
