# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The document of a mail client's backend (S3) from top to bottom, on conf/examples/s3.conf: each route,
command, variable and trouble that it lists."""

import base64
import json
import os
import pathlib
import re
import subprocess
import time

import pytest
from cryptography.fernet import Fernet

from support import httpd as servers
from support.browser import Browser, query_of
from support.jwt import Signer
from test_examples import EXAMPLES, Example

HERE = pathlib.Path(__file__).resolve()
SERVERS = [("event", "sqlite3"), ("prefork", "pgsql")]
ADA, BOB = "ada@sandbox.example", "bob@sandbox.example"
OAUTH, HEALTH = "/api/v1/oauth", "/api/v1/health"
PAGE = "http://localhost:3000/auth/callback"
SECRET = "the-secret-that-the-application-and-its-web-server-share-0123456789"
SCRIPT = {"Origin": "http://localhost:3000", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site"}

# Section, what it says, and where that is shown: a test of this file, or of another one.
DOCUMENT = [
    ("OAuth2 flow", "GET login/{provider}", "test_a_sign_in_at_each_provider"),
    ("OAuth2 flow", "consent screens of Google and Microsoft", "test_what_each_provider_is_asked"),
    ("OAuth2 flow", "PKCE, state", "test_what_each_provider_is_asked"),
    ("OAuth2 flow", "state for ten minutes", "http/test_sign_in.py"),
    ("OAuth2 flow", "GET callback/{provider}: state, code, tokens", "test_a_sign_in_at_each_provider"),
    ("OAuth2 flow", "state of one provider and browser", "test_a_state_is_of_one_provider"),
    ("OAuth2 flow", "the account is created or updated", "test_a_sign_in_makes_the_account"),
    ("OAuth2 flow", "its first synchronisation", "jobs/test_mail_sync.py"
                                                 "::test_two_mailboxes_are_as_the_server_has_them"),
    ("OAuth2 flow", "accounts of a user", "test_a_user_sees_their_own_accounts_alone"),
    ("OAuth2 flow", "the page of the front end brings it", "test_a_sign_in_at_each_provider"),
    ("OAuth2 flow", "a cancelled sign-in", "test_a_cancelled_sign_in_says_where_to_begin_again"),
    ("Token storage", "user_email_tokens", "test_the_table_of_tokens_as_the_document_shows_it"),
    ("Token storage", "sealed, by keys of their own", "test_what_each_key_seals"),
    ("Token refresh", "expired, and automatically", "unit/test_jobs.c"),
    ("Token refresh", "by the API", "test_a_token_is_refreshed_by_its_id"),
    ("Token refresh", "by the tool", "test_commands_as_they_are_typed"),
    ("Token refresh", "3 tries, 2 s, 4 s and 8 s apart", "test_three_tries_for_what_may_pass"),
    ("IMAP, SMTP", "XOAUTH2, a token of its resource", "test_one_refresh_token_two_resources"),
    ("IMAP, SMTP", "XOAUTH2 as it is written", "unit/test_imap_session.c"),
    ("IMAP, SMTP", "certificate and name are verified", "unit/test_dial.c"),
    ("IMAP, SMTP", "incremental", "jobs/test_mail_sync.py::test_changes_are_followed"),
    ("IMAP, SMTP", "trouble, and rounds after it",
     "jobs/test_mail_sync.py::test_troubles_say_what_to_do"),
    ("IMAP, SMTP", "mail is read from the database",
     "http/test_mail_copy.py::test_a_message_is_whole"),
    ("IMAP, SMTP", "mail is sent", "http/test_send.py::test_a_mail_as_its_recipient_gets_it"),
    ("Encryption", "AES-GCM with AAD", "unit/test_aead.c"),
    ("Encryption", "Fernet", "unit/test_fernet.c"),
    ("API", "GET tokens", "test_a_user_sees_their_own_tokens_alone"),
    ("API", "POST tokens/{id}/refresh", "test_a_token_is_refreshed_by_its_id"),
    ("API", "POST tokens/{id}/revoke", "test_a_token_is_revoked_by_its_id"),
    ("API", "tokens of others", "test_tokens_of_others_do_not_exist"),
    ("API", "GET health/email-sync", "test_health_of_mail"),
    ("API", "GET health/oauth-tokens", "test_health_of_tokens"),
    ("Commands", "refresh --list, --refresh-all, --provider, --dry-run, --token-id, --days",
     "test_commands_as_they_are_typed"),
    ("Commands", "an id is no user", "test_an_id_is_no_user"),
    ("Variables", "each is demanded", "test_a_missing_variable_is_named"),
    ("Variables", "keys as the document's commands print them", "test_what_each_key_seals"),
    ("Security", "sealed at rest, and in no log", "test_secrets_stand_nowhere"),
    ("Security", "a revoked token is used no more", "test_a_token_is_revoked_by_its_id"),
    ("Security", "failed refreshes are tracked", "test_a_dead_token_says_where_to_sign_in"),
    ("Security", "pages of other sites", "test_other_sites_and_other_bodies_do_nothing"),
    ("Security", "scopes of mail alone", "test_what_each_provider_is_asked"),
    ("Monitoring", "curl of both healths", "test_health_of_mail"),
    ("Monitoring", "log of sign-ins and refreshes", "http/test_log_levels.py"),
    ("Monitoring", "metrics", "http/test_metrics.py::test_O9_refreshes_and_why_they_failed"),
    ("Monitoring", "accounts active and in error", "http/test_mail_accounts.py::test_figures_of_mail"),
    ("Monitoring", "activity of 24 hours, success rate", "http/test_mail_accounts.py::test_O5_health_of_mail"),
    ("Trouble", "Failed to connect to IMAP server", "jobs/test_mail_sync.py::test_troubles_say_what_to_do"),
    ("Trouble", "OAuth authentication failed", "test_a_dead_token_says_where_to_sign_in"),
    ("Trouble", "Token refresh failed", "test_three_tries_for_what_may_pass"),
    ("Trouble", "provider credentials", "test_check_looks_at_both_providers"),
    ("Rollback", "both statements", "test_rollback_as_it_is_typed"),
    ("Rollback", "seen at the next round", "jobs/test_mail_sync.py::test_switched_off_at_the_next_round"),
    ("Rollback", "for one account, and back", "http/test_mail_accounts.py::test_E6_out_of_oauth_and_back"),
    ("Future", "Yahoo", "http/test_openid.py::test_sign_in_refresh_revoke"),
]


def on(*rows):
    return pytest.mark.parametrize("server", rows, indirect=True, scope="module",
                                   ids=["-".join(row) for row in rows])


BOTH, ONE = on(*SERVERS), on(SERVERS[0])


def variables(sandbox):
    """As the document makes them."""
    facts = sandbox.process.facts
    secret = pathlib.Path(facts["client_secret_file"]).read_text(encoding="ascii").strip()
    return {
        "GOOGLE_CLIENT_ID": facts["google"]["client_id"], "GOOGLE_CLIENT_SECRET": secret,
        "MICROSOFT_CLIENT_ID": sandbox.client_id, "MICROSOFT_CLIENT_SECRET": secret,
        "MICROSOFT_TENANT_ID": sandbox.tenant, "OAUTH_REDIRECT_URI": PAGE, "JWT_SECRET_KEY": SECRET,
        "ENCRYPTION_KEY_PII": base64.b64encode(Fernet.generate_key()).decode(),
        "ENCRYPTION_KEY_OAUTH_AES_GCM": base64.b64encode(os.urandom(32)).decode()}


class Client(Example):
    """An httpd with the example, and users 1 to 9 of the application."""

    def __init__(self, folder, mpm, engine, postgres, sandbox):
        self.audit = folder / "audit.log"
        given = variables(sandbox)
        if engine == "pgsql":
            given["ENCRYPTION_KEY_OAUTH_AES_GCM"] = (
                f"oauth access,refresh,cookie {given['ENCRYPTION_KEY_OAUTH_AES_GCM']}")
            given["ENCRYPTION_KEY_PII"] = f"pii personal {given['ENCRYPTION_KEY_PII']}"
        super().__init__(folder, "s3", mpm, engine, postgres, sandbox, given)
        self.database.sql("CREATE TABLE users (id INTEGER PRIMARY KEY)")
        for number in range(1, 10):
            self.database.sql(f"INSERT INTO users (id) VALUES ({number})")
        self.migrate()
        sandbox.add_redirect_uri(PAGE)
        self.httpd.start()

    def text(self, name):
        """With the sandbox in the place of both providers."""
        facts, text = self.sandbox.process.facts, (EXAMPLES / f"{name}.conf").read_text("utf-8")
        at = {"google": f"GraphTokAuthority {facts['google']['authority']}",
              "microsoft": f"GraphTokAuthority {self.sandbox.authority}\n"
                           f"GraphTokGraphURL {self.sandbox.graph}"}
        for line, instead in (
                (r"DBDriver .*", f"DBDriver {self.database.driver}"),
                (r"DBDParams .*", f'DBDParams "{self.database.params}"'),
                (r"<GraphTokProvider google>", rf"\g<0>\n{at['google']}\nGraphTokCAFile {facts['ca']}"),
                (r"<GraphTokProvider microsoft>",
                 rf"\g<0>\n{at['microsoft']}\nGraphTokCAFile {facts['ca']}")):
            text, times = re.subn(f"^{line}$", instead, text, flags=re.M)
            assert times == 1, line
        return text.replace("/var/log/apache2/graphtok-audit.log", str(self.audit)) + (
            "GraphTokBackground off\nGraphTokLimit off\n")


@pytest.fixture(scope="module")
def server(request, ground, sandbox_server):
    mpm, engine = request.param
    postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
    made = Client(ground / f"mail-client-{engine}", mpm, engine, postgres, sandbox_server)
    yield made
    made.httpd.remove()


@pytest.fixture(autouse=True, name="calm")
def fixture_calm(request, sandbox):
    """Each test begins without tokens; Google gives a refresh token with each sign-in."""
    sandbox.process.settings(google_always_refresh=True)
    if "server" in request.fixturenames:
        request.getfixturevalue("server").database.sql("DELETE FROM oauth_grants")


def bearer(user, **more):
    token = Signer("HS256", SECRET).token(body={"sub": str(user), "exp": int(time.time()) + 600})
    return {"Authorization": f"Bearer {token}", **more}


class Page:
    """A browser of the front end, whose user the application knows by a number."""

    def __init__(self, server, user, hint=ADA):
        self.server, self.user, self.hint = server, user, hint
        self.browser = Browser(server.sandbox.ca)

    def ask(self, method, path, **more):
        return self.browser.send(method, self.server.url + path, headers=bearer(self.user, **SCRIPT),
                                 **more)

    def leave(self, provider):
        """The address that the script sends the browser to."""
        answer = self.ask("GET", f"{OAUTH}/login/{provider}?login_hint={self.hint}")
        assert answer.status == 200, answer
        return answer.json["authorization_url"]

    def sign_in(self, provider):
        """What the callback tells the script of the page, which shows no token there."""
        back = self.browser.get(self.leave(provider)).location
        assert back.startswith(PAGE + "?"), back
        return self.browser.get(f"{self.server.url}{OAUTH}/callback/{provider}?{back.split('?')[1]}",
                                headers=SCRIPT)

    def tokens(self):
        answer = self.ask("GET", f"{OAUTH}/tokens")
        assert answer.status == 200, answer
        return {row["provider"]: row for row in answer.json["tokens"]}


@pytest.fixture(name="ada")
def fixture_ada(server):
    """User 1, who has connected both accounts."""
    page = Page(server, 1)
    for provider in ("google", "microsoft"):
        assert page.sign_in(provider).status == 200
    return page


# ---- the flow ----

@ONE
def test_what_each_provider_is_asked(server):
    page = Page(server, 1)
    google = query_of(page.leave("google"))
    assert google["scope"] == "openid profile email https://mail.google.com/"
    assert google["access_type"] == "offline"
    microsoft = query_of(page.leave("microsoft"))
    assert microsoft["scope"].split() == [
        "openid", "profile", "email", "offline_access", "User.Read", "Mail.ReadWrite", "Mail.Send",
        "https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"]
    for asked in (google, microsoft):
        assert asked["redirect_uri"] == PAGE and asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 22 and len(asked["code_challenge"]) == 43
    other = page.ask("GET", f"{OAUTH}/login/yahoo")
    assert other.status == 404 and other.json["tag"] == "GT0831"


@BOTH
def test_a_sign_in_at_each_provider(server):
    """The page is told of it; nothing of a token is among the words."""
    page = Page(server, 2)
    for provider in ("google", "microsoft"):
        answer = page.sign_in(provider)
        assert answer.status == 200, answer
        told = answer.json
        assert told.pop("expires_at").endswith("Z")
        assert told == {"status": "signed_in", "user": "2", "provider": provider, "email": ADA}
        assert answer.headers["Access-Control-Allow-Origin"] == SCRIPT["Origin"]
    assert server.database.sql("SELECT user_id, provider FROM oauth_grants ORDER BY provider") == [
        ["2", "google"], ["2", "microsoft"]]


@ONE
def test_a_cancelled_sign_in_says_where_to_begin_again(server):
    """By a link to the same provider."""
    page = Page(server, 2)
    asked = query_of(page.leave("microsoft"))
    answer = page.browser.get(
        f"{server.url}{OAUTH}/callback/microsoft?error=access_denied&state={asked['state']}",
        headers=SCRIPT)
    assert answer.status == 403 and "cancelled" in answer.json["detail"], answer
    assert answer.json["login_url"] == f"{OAUTH}/login/microsoft"


@ONE
def test_a_state_is_of_one_provider(server):
    page = Page(server, 2)
    back = page.browser.get(page.leave("google")).location
    answer = page.browser.get(f"{server.url}{OAUTH}/callback/microsoft?{back.split('?')[1]}",
                              headers=SCRIPT)
    assert answer.status == 400 and answer.json["tag"] == "GT0834"


# ---- tokens ----

@BOTH
def test_a_user_sees_their_own_tokens_alone(server, ada):
    listed = ada.tokens()
    assert set(listed) == {"google", "microsoft"}
    for provider, row in listed.items():
        assert row["email_address"] == ADA and row["status"] == "active", row
        assert set(row) == {"id", "provider", "email_address", "status", "scope", "expires_at",
                            "created_at", "updated_at"}
    assert not Page(server, 3).tokens()
    assert Browser().get(f"{server.url}{OAUTH}/tokens").status == 401


@BOTH
def test_a_token_is_refreshed_by_its_id(server, ada, sandbox):
    for provider, endpoint in (("google", "google:token:refresh_token"),
                               ("microsoft", "token:refresh_token")):
        before, row = sandbox.calls(endpoint), ada.tokens()[provider]
        answer = ada.ask("POST", f"{OAUTH}/tokens/{row['id']}/refresh")
        assert answer.status == 200, answer
        assert answer.json == {"id": row["id"], "provider": provider, "email_address": ADA,
                               "status": "refreshed", "expires_at": answer.json["expires_at"]}
        assert sandbox.calls(endpoint) == before + 1


@BOTH
def test_a_token_is_revoked_by_its_id(server, ada, sandbox):
    """The other one stays."""
    row = ada.tokens()["google"]
    answer = ada.ask("POST", f"{OAUTH}/tokens/{row['id']}/revoke")
    assert answer.status == 200 and answer.json["status"] == "revoked", answer
    sandbox.wait_for_calls("google:revoke", 1)
    assert set(ada.tokens()) == {"microsoft"}
    assert ada.ask("POST", f"{OAUTH}/tokens/{row['id']}/refresh").status == 404


@ONE
def test_tokens_of_others_do_not_exist(server, ada, sandbox):
    """An id of another user, of no grant, and a text that is none."""
    theirs, other = ada.tokens()["google"]["id"], Page(server, 2)
    for name in (theirs, "123", "0" * 32, theirs + "0"):
        for act in ("refresh", "revoke"):
            answer = other.ask("POST", f"{OAUTH}/tokens/{name}/{act}")
            assert (answer.status, answer.json["tag"]) == (404, "GT0899"), answer
    assert other.ask("GET", f"{OAUTH}/tokens/{theirs}/refresh").status == 405
    assert set(ada.tokens()) == {"google", "microsoft"}
    assert not sandbox.calls("google:token:refresh_token")


@ONE
def test_other_sites_and_other_bodies_do_nothing(server, ada):
    way = f"{server.url}{OAUTH}/tokens/{ada.tokens()['google']['id']}/revoke"
    foreign = ada.browser.post(way, headers=bearer(1, Origin="https://evil.example"))
    assert (foreign.status, foreign.json["tag"]) == (403, "GT0814")
    assert ada.browser.post(way, {"all": True}, headers=bearer(1)).json["tag"] == "GT1206"
    assert set(ada.tokens()) == {"google", "microsoft"}


@ONE
def test_a_dead_token_says_where_to_sign_in(server, ada, sandbox):
    """At its own provider; the list tells its state."""
    row = ada.tokens()["microsoft"]
    sandbox.revoke(ADA)
    answer = ada.ask("POST", f"{OAUTH}/tokens/{row['id']}/refresh")
    assert answer.status == 401 and answer.json["login_url"] == f"{OAUTH}/login/microsoft", answer
    assert ada.tokens()["microsoft"]["status"] == "inactive"
    assert ada.sign_in("microsoft").status == 200
    assert ada.tokens()["microsoft"]["id"] == row["id"]


@ONE
def test_one_refresh_token_two_resources(server, ada, sandbox):
    """Graph's token and Outlook's for IMAP and SMTP, each asked for with its own scopes alone."""
    def token(*words):
        done = server.graphtokctl("token", "1", "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    outlook = token("--provider", "microsoft", "--resource", "https://outlook.office.com")
    assert {word.rpartition("/")[2] for word in outlook["scope"].split()} >= {
        "IMAP.AccessAsUser.All", "SMTP.Send"} and "Mail.Send" not in outlook["scope"]
    call = sandbox.process.calls("token:refresh_token")["last"][-1]
    assert call["status"] == "200" and sandbox.calls("token:refresh_token") == 1
    graph = token("--provider", "microsoft")
    assert "Mail.Send" in graph["scope"] and "IMAP" not in graph["scope"]
    assert graph["token"] != outlook["token"]
    assert "https://mail.google.com/" in token("--provider", "google")["scope"].split()
    assert server.database.sql("SELECT count(*) FROM oauth_grants_access") == [["1"]]


@BOTH
def test_what_each_key_seals(server, ada):
    """Bare keys are for all; lines of a keyring say what each is for."""
    rows = server.database.sql("SELECT encrypted_access_token, encrypted_refresh_token, "
                               "encrypted_id_token FROM oauth_grants")
    ids = [{text.split(".")[1] for text in row} for row in rows]
    if "oauth" in server.httpd.environment["ENCRYPTION_KEY_OAUTH_AES_GCM"]:
        assert [[text.split(".")[1] for text in row] for row in rows] == [
            ["oauth", "oauth", "pii"]] * 2, rows
    else:
        assert len(ids[0]) == 1 and ids[0] == ids[1]
    assert all(text.startswith("gt2.") for row in rows for text in row)


# ---- the tables ----

VIEW = ("id user_id organization_id provider email_address access_token_encrypted "
        "refresh_token_encrypted expires_at status")


@BOTH
def test_the_table_of_tokens_as_the_document_shows_it(server, ada, sandbox):
    """A view, with sealed tokens; its times have no zone."""
    database, columns = server.database, VIEW.replace(" ", ", ")
    database.sql("DELETE FROM mail_accounts")
    database.sql("INSERT INTO mail_accounts (user_id, provider, email_address, organization_id, "
                 f"created_at, updated_at) VALUES (1, 'google', '{ADA}', 7, 1, 1)")
    rows = {row[3]: row for row in database.sql(f"SELECT {columns} FROM user_email_tokens")}
    given = sandbox.process.secrets()
    listed = ada.tokens()
    for provider, organization in (("google", "7"), ("microsoft", None)):
        row = dict(zip(VIEW.split(), rows[provider]))
        assert row["id"].replace("-", "") == listed[provider]["id"].replace("-", "")
        assert (row["user_id"], row["organization_id"] or None) == ("1", organization), row
        assert (row["email_address"], row["status"]) == (ADA, "active")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", row["expires_at"]), row
        assert row["expires_at"][:16].replace(" ", "T") == listed[provider]["expires_at"][:16]
        for kind in ("access_token", "refresh_token"):
            assert row[f"{kind}_encrypted"] and row[f"{kind}_encrypted"] not in given[kind]
    assert server.graphtokctl("migrate", "--mail-to", "0", "--yes").returncode == 0
    again = server.graphtokctl("migrate", "--yes")
    assert again.returncode == 0 and "user_email_tokens" in again.stdout, again
    server.database.hand_over()
    assert len(database.sql("SELECT id FROM user_email_tokens")) == 2


# ---- the command line ----

def refreshed(server, *words, code=0):
    done = server.graphtokctl("refresh", *words)
    assert done.returncode == code, (words, done.stdout + done.stderr)
    return done.stdout


@BOTH
def test_commands_as_they_are_typed(server, ada, sandbox):
    """Each line of the document, with an id of ours in the place of its number."""
    google, microsoft = ada.tokens()["google"]["id"], ada.tokens()["microsoft"]["id"]
    counted = {"google": "google:token:refresh_token", "microsoft": "token:refresh_token"}

    def spent(*words):
        before = {name: sandbox.calls(where) for name, where in counted.items()}
        told = refreshed(server, *words)
        return told, {name for name, where in counted.items() if sandbox.calls(where) > before[name]}
    told, asked = spent("--list")
    assert google in told and microsoft in told and ADA in told and not asked
    assert spent("--refresh-all") == ("refreshed 2, failed 0, skipped 0\n", {"google", "microsoft"})
    told, asked = spent("--refresh-all", "--provider", "google")
    assert told == "refreshed 1, failed 0, skipped 0\n" and asked == {"google"}
    told, asked = spent("--refresh-all", "--dry-run")
    assert told.endswith("would be refreshed 2, failed 0, skipped 0\n") and not asked, told
    told, asked = spent("--token-id", microsoft)
    assert microsoft in told and asked == {"microsoft"}
    assert spent("--refresh-all", "--days", "3")[1] == {"google", "microsoft"}
    assert not spent("--refresh-all", "--days", "0")[1]


@ONE
def test_an_id_is_no_user(server, ada):
    """The application's users have numbers."""
    done = server.graphtokctl("refresh", "--token-id", "1")
    assert done.returncode == 66 and "GT0952" in done.stderr, done
    assert "refreshed 2" in refreshed(server, "1")
    done = server.graphtokctl("refresh", "--token-id", "1", "--refresh-all")
    assert done.returncode == 64, done


@ONE
def test_three_tries_for_what_may_pass(server, ada, sandbox):
    """After 2 s, 4 s and 8 s, and none for what the provider refuses."""
    at = [time.monotonic()]
    sandbox.fault("/google/token", "answer", status=500, times=2)
    assert refreshed(server, "--token-id", ada.tokens()["google"]["id"])
    at.append(time.monotonic())
    assert at[1] - at[0] >= 6 and sandbox.calls("google:token:refresh_token") == 3
    sandbox.process.google(ADA, end="expired")
    done = server.graphtokctl("refresh", "--refresh-all", "--provider", "google")
    assert "failed 1" in done.stdout and "GT0520" in done.stderr, done
    assert time.monotonic() - at[1] < 6, "a refusal is final"


# ---- operating ----

@ONE
def test_health_of_tokens(server, ada):
    answer = Browser().get(f"{server.url}{HEALTH}/oauth-tokens")
    assert answer.status == 200
    assert {"total", "active", "expired", "expiring_soon", "refresh_failures"} <= set(answer.json)
    for provider in ("google", "microsoft"):
        answer = Browser().get(f"{server.url}{HEALTH}/{provider}").json
        assert answer["status"] == "healthy" and answer["configured"], answer


@ONE
def test_check_looks_at_both_providers(server):
    """And at the registered redirect address of each."""
    told = server.graphtokctl("check").stdout
    assert told.count(f"redirect URI: {PAGE}") == 2, told
    assert "OK     provider google" in told and "OK     provider microsoft" in told, told


@ONE
def test_a_missing_variable_is_named(server):
    given = dict(server.httpd.environment)
    try:
        for name in variables(server.sandbox):
            server.httpd.environment = {key: text for key, text in given.items() if key != name}
            _, _, err = server.httpd.check()
            assert name in err, (name, err)
    finally:
        server.httpd.environment = given


@ONE
def test_health_of_mail(server, ada):
    """As the document's curl asks."""
    answer = ada.browser.get(f"{server.url}{HEALTH}/email-sync", headers=bearer(1))
    assert answer.status == 200, answer
    assert {"total", "active", "error", "last_24h", "success_rate"} <= set(answer.json)


@ONE
def test_a_sign_in_makes_the_account(server, ada):
    assert sorted(server.database.sql(
        "SELECT provider, email_address, incoming_server, outgoing_server FROM mail_accounts "
        "WHERE user_id = 1")) == [
            ["google", ADA, "imap.gmail.com", "smtp.gmail.com"],
            ["microsoft", ADA, "outlook.office365.com", "smtp.office365.com"]]


@ONE
def test_a_user_sees_their_own_accounts_alone(server, ada):
    """A user without an account is led to the sign-in of the provider that is meant."""
    def accounts(page):
        answer = page.ask("GET", "/api/v1/mail/accounts")
        assert answer.status == 200, answer
        return sorted((row["provider"], row["email_address"]) for row in answer.json["accounts"])
    assert accounts(ada) == [("google", ADA), ("microsoft", ADA)]
    other = Page(server, 5)
    assert not accounts(other)
    answer = other.ask("POST", "/api/v1/mail/drafts/create", body={"subject": "x"})
    assert answer.status == 401, answer
    assert answer.json["login_url"] == f"{OAUTH}/login/microsoft", answer


@BOTH
def test_rollback_as_it_is_typed(server, ada):
    """Both statements of the document."""
    server.database.sql("UPDATE mail_accounts SET incoming_auth_method = 'password' WHERE "
                        "incoming_auth_method IN ('oauth', 'oauth2', 'xoauth2');")
    server.database.sql("UPDATE mail_accounts SET sync_enabled = false;")
    told = server.graphtokctl("account", "list")
    assert told.returncode == 0 and told.stdout.count("password") >= 2, told
    assert ada.sign_in("google").status == 200, "sign-ins go on"


@ONE
def test_secrets_stand_nowhere(server, ada, sandbox):
    """Neither in a log nor in the database."""
    ada.ask("POST", f"{OAUTH}/tokens/{ada.tokens()['google']['id']}/refresh")
    kept = server.database.dump() + b"".join(
        path.read_bytes() for path in server.httpd.folder.glob("*.log"))
    for kind in ("access_token", "refresh_token", "code", "verifier", "id_token"):
        for secret in sandbox.process.secrets()[kind]:
            assert secret.encode() not in kept, kind


# ---- the document itself ----

@pytest.mark.parametrize("section,says,shown", DOCUMENT)
def test_each_part_of_the_document_is_shown(section, says, shown):
    path, _, name = shown.rpartition("::") if "::" in shown else (
        ("", "", shown) if shown.startswith("test_") else (shown, "", ""))
    place = HERE if not path else HERE.parent.parent / path
    assert place.exists(), (section, says)
    assert not name or f"def {name}(" in place.read_text(encoding="utf-8"), (section, says)
