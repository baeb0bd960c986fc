# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mail accounts: what sign-ins make of them, and what administrators do to them (E6, O5)."""

import base64
import html
import json
import re
import urllib.parse

import pytest

from support.site import MOUNTS, administered

STORE = """
<GraphTokStore main>
    GraphTokMailSync on
</GraphTokStore>
"""
MAIL = administered("/admin") + administered("/pages", "graphtok-admin") + """
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
<Location "/tom/mail">
    SetHandler graphtok-mail
</Location>
<Location "/staff/mail">
    SetHandler graphtok-mail
</Location>
"""
SCOPES = ("GraphTokScope openid profile email offline_access User.Read "
          "https://outlook.office.com/IMAP.AccessAsUser.All\n")
# As S3's document has them.
E6 = ("UPDATE mail_accounts SET incoming_auth_method = 'password' "
      "WHERE incoming_auth_method IN ('oauth', 'oauth2', 'xoauth2');")
OFF = "UPDATE mail_accounts SET sync_enabled = false;"


@pytest.fixture(scope="module", params=["sqlite3", "pgsql"], name="mail")
def fixture_mail(make_site, request):
    made = make_site("event", request.param, mounts=MOUNTS + MAIL, provider=SCOPES, migrate=False)
    made.configure(settings=f"GraphTokAudit {made.folder}/audit.log\n" + STORE)
    made.migrate()
    made.start()
    yield made
    made.end()


@pytest.fixture(name="account")
def fixture_account(mail, browser):
    """Tom's account, made anew by a sign-in."""
    mail.database.sql("DELETE FROM mail_accounts")
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    found = browser.get(mail.url + "/tom/mail/accounts").json["accounts"]
    assert len(found) == 1
    return found[0]


@pytest.fixture(name="ask")
def fixture_ask(mail, browser):
    """Ask as an administrator."""
    def send(method, path, user="ada", at="/admin"):
        word = base64.b64encode(f"{user}:{user}".encode()).decode()
        return browser.send(method, mail.url + at + path, None,
                            {"Accept": "application/json", "Authorization": "Basic " + word})
    return send


def row(mail, columns):
    return mail.database.sql(f"SELECT {columns} FROM mail_accounts")


def ctl(mail, *arguments):
    done = mail.ctl("account", *arguments, "--json")
    mail.database.hand_over()
    return json.loads(done.stdout)


def test_a_sign_in_makes_an_account_and_the_next_one_leaves_settings(mail, account, browser):
    assert {k: account[k] for k in ("user", "provider", "email_address", "incoming_server",
                                    "incoming_port", "outgoing_port", "incoming_auth_method",
                                    "sync_enabled", "sync_status", "state", "trouble")} == {
        "user": "tom", "provider": "microsoft", "email_address": "ada@sandbox.example",
        "incoming_server": "outlook.office365.com", "incoming_port": 993, "outgoing_port": 587,
        "incoming_auth_method": "xoauth2", "sync_enabled": True, "sync_status": "new",
        "state": "new", "trouble": None}
    mail.database.sql("UPDATE mail_accounts SET sync_enabled = false, incoming_server = 'other', "
                      "incoming_auth_method = 'password', due_at = 99999999999")
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    again = browser.get(mail.url + "/tom/mail/accounts").json["accounts"]
    assert [(a["id"], a["incoming_server"], a["sync_enabled"], a["incoming_auth_method"])
            for a in again] == [(account["id"], "other", False, "password")]
    assert int(row(mail, "due_at")[0][0]) < 99999999999
    # No other's accounts.
    assert browser.send("GET", mail.url + "/staff/mail/accounts", None, {
        "Authorization": "Basic " + base64.b64encode(b"bob:bob").decode()}).json["accounts"] == []


def test_an_account_goes_with_its_grant_and_says_why_it_is_halted(mail, account, browser, ask):
    grant = ask("GET", "/grants?q=tom").json["grants"][0]["id"]
    assert ask("POST", f"/grants/{grant}/deactivate").status == 200
    halted = ask("GET", f"/accounts/{account['id']}").json
    assert halted["state"] == "halted" and "grant is not active" in halted["trouble"]
    assert ask("GET", "/accounts?user=bob").json["accounts"] == []
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    assert ask("GET", f"/accounts/{account['id']}").json["state"] == "new"
    assert ask("DELETE", f"/grants/{grant}").status == 200
    assert ask("GET", f"/accounts/{account['id']}").json["tag"] == "GT1215"
    assert row(mail, "id") == []


def test_E6_out_of_oauth_and_back(mail, account, ask):
    """By the document's statements, by graphtokctl and by the API; each takes back the others."""
    one = f"/accounts/{account['id']}"
    mail.database.sql(E6)
    mail.database.sql(OFF)
    seen = ask("GET", one).json
    assert (seen["incoming_auth_method"], seen["state"]) == ("password", "off")
    assert ctl(mail, "oauth", "--all") == {"changed": 1}
    assert ctl(mail, "sync", "on", "--all") == {"changed": 1}
    assert ctl(mail, "oauth", "--all") == {"changed": 0}
    seen = ask("GET", one).json
    assert (seen["incoming_auth_method"], seen["state"]) == ("xoauth2", "new")
    assert ask("POST", "/accounts/password").json == {"status": "by password", "changed": 1}
    seen = ask("GET", one).json
    assert seen["state"] == "halted" and "by a password and has none" in seen["trouble"]
    assert ctl(mail, "oauth", str(account["id"])) == {"changed": 1}
    assert ask("POST", one + "/stop").json == {"id": account["id"], "status": "stopped",
                                               "changed": 1}
    assert ask("POST", "/accounts/start").json["changed"] == 1
    assert ask("POST", one + "/sync").json["status"] == "due"
    assert ask("POST", one + "/fly").json["tag"] == "GT1216"
    assert ask("POST", "/accounts/4711/sync").status == 404
    assert ask("POST", one + "/sync", user="bob").status in (401, 403)


def test_accounts_by_graphtokctl(mail, account, ask):
    """A shared mailbox, and one with a password, which stands nowhere in the clear."""
    secret = mail.write_secret("mailbox", "correct horse battery\n")
    shared = ctl(mail, "add", "office@sandbox.example", "--user", "tom", "--folder", "INBOX",
                 "--folder", "Sent Items", "--push")["id"]
    plain = ctl(mail, "add", "old@sandbox.example", "--user", "ann", "--password-file",
                str(secret), "--imap", "imap://[::1]:1143", "--smtp", "smtps://mail.example:465")["id"]
    listed = {a["id"]: a for a in ctl(mail, "list")["accounts"]}
    assert set(listed) == {account["id"], shared, plain}
    assert (listed[shared]["folders"], listed[shared]["push"]) == (["INBOX", "Sent Items"], True)
    assert (listed[plain]["incoming_server"], listed[plain]["incoming_security"],
            listed[plain]["has_password"], listed[plain]["state"]) == ("::1", "starttls", True, "new")
    sealed = mail.database.sql(f"SELECT password_encrypted FROM mail_accounts WHERE id = {plain}")
    assert sealed[0][0].startswith("gt2.") and "horse" not in mail.database.dump().decode("latin1")
    assert [a["id"] for a in ctl(mail, "list", "--user", "ann")["accounts"]] == [plain]
    assert ctl(mail, "password", "--all") == {"changed": 2}
    assert ctl(mail, "oauth", "--all") == {"changed": 2}  # the one made with a password stays
    assert ask("GET", f"/accounts/{plain}").json["incoming_auth_method"] == "password"
    assert ctl(mail, "remove", str(plain)) == {"changed": 1}
    text = mail.ctl("account", "list").stdout
    assert re.search(r"new +oauth +- +microsoft +office@sandbox\.example +tom", text), text
    page = ask("GET", "/accounts?limit=1").json
    assert page["next"] == str(account["id"])
    assert [a["id"] for a in ask("GET", "/accounts?cursor=" + page["next"]).json["accounts"]] == [
        shared]
    with open(mail.folder / "audit.log", encoding="utf-8") as audit:
        acts = [json.loads(line) for line in audit]
    acts = [a.get("detail") for a in acts if a["event"] == "mail_account"]
    assert acts[-5:] == ["add", "add", "password", "oauth", "remove"]


def test_servers_of_an_account(mail, account):
    """One of them, then both; the other one stays, and the account is due at once."""
    name, columns = str(account["id"]), ("incoming_server, incoming_port, incoming_security, outgoing_server, "
                                         "outgoing_port, outgoing_security")
    mail.database.sql("UPDATE mail_accounts SET due_at = 99999999999, failures = 7")
    assert ctl(mail, "servers", name, "--imap", "imap://mx.example:143") == {"changed": 1}
    assert row(mail, columns) == [["mx.example", "143", "starttls", "smtp.office365.com", "587", "starttls"]]
    assert int(row(mail, "due_at")[0][0]) < 99999999999 and row(mail, "failures") == [["0"]]
    ctl(mail, "servers", name, "--imap", "imaps://[::1]:993", "--smtp", "smtps://mx.example:465")
    assert row(mail, columns) == [["::1", "993", "tls", "mx.example", "465", "tls"]]


def test_mistakes_of_graphtokctl(mail, account):
    assert account
    for arguments, code, message in (
            (["add", "nobody", "--user", "tom"], 64, "ADDRESS"),
            (["add", "ada@sandbox.example", "--user", "tom"], 65, "GT0498"),
            (["add", "Ada@Sandbox.example", "--user", "tom"], 65, "GT0498"),
            (["servers", str(account["id"])], 64, "wants --imap URL"),
            (["servers", "--all", "--smtp", "smtp://a.example:25"], 64, "by its ID"),
            (["servers", str(account["id"]), "--smtp", "a.example"], 64, "smtps://HOST:PORT"),
            (["servers", "4711", "--imap", "imaps://a.example:993"], 66, "GT0995"),
            (["add", "a@b.example", "--user", "tom", "--imap", "imap.b.example"], 64,
             "imaps://HOST:PORT"),
            (["add", "a@b.example", "--user", "tom", "--provider", "gugel"], 66,
             "there is no provider gugel"),
            (["add", "a@b.example", "--user", "tom", "--folder", "A\nB"], 64, "--folder"),
            (["add", "a@b.example", "--user", "tom", "--folder", ""], 64, "--folder"),
            (["add", "a@b@c", "--user", "tom"], 64, "ADDRESS"),
            (["sync", "sideways", "--all"], 64, "sync on or sync off"),
            (["oauth"], 64, "Name one ID"), (["oauth", "4711"], 66, "GT0995"),
            (["list", "--store", "beta"], 66, "GT0996"),
            (["password", "1", "--password-file", "/no/such"], 65, "GT0997")):
        done = mail.ctl("account", *arguments, check=False)
        assert (done.returncode, message in done.stderr) == (code, True), done
    mail.database.hand_over()


def test_O5_health_of_mail(mail, account, browser):
    mail.database.sql("UPDATE mail_accounts SET last_error = 'away', sync_status = 'error', "
                      "tried_at = created_at")
    seen = browser.get(mail.url + "/health/email-sync").json
    assert {k: seen[k] for k in ("store", "status", "total", "active", "error", "off",
                                 "success_rate", "last_24h", "last_sync_at")} == {
        "store": "main", "status": "degraded", "total": 1, "active": 0, "error": 1, "off": 0,
        "success_rate": 0.0, "last_24h": {"tried": 1, "synced": 0}, "last_sync_at": None}
    assert account["id"]


def form_of(page, act):
    """The address and the token of the form of an act."""
    found = re.search(rf'<form method="post" action="([^"]*/{act})"><input type="hidden" '
                      r'name="([^"]+)" value="([^"]+)">', page)
    assert found, page
    return found[1], urllib.parse.urlencode({found[2]: html.unescape(found[3])}).encode()


def test_the_page_of_mailboxes(mail, account, browser):
    """State and trouble, and a form for each act; what a form without its token asks is refused."""
    word = "Basic " + base64.b64encode(b"ada:ada").decode()
    fields = {"Authorization": word, "Accept": "text/html", "Accept-Language": "de",
              "Origin": mail.url}

    posting = {**fields, "Content-Type": "application/x-www-form-urlencoded"}

    def look():
        return browser.send("GET", mail.url + "/pages/accounts", None, fields)
    page = look()
    assert page.status == 200 and "Postfächer" in page.text and "Jetzt abgleichen" in page.text
    assert "ada@sandbox.example" in page.text and ">Neu</span>" in page.text
    path, form = form_of(page.text, "password")
    assert browser.send("POST", mail.url + path, b"a=b", posting).status == 403
    assert row(mail, "incoming_auth_method") == [["xoauth2"]]
    done = browser.send("POST", mail.url + path, form, posting)
    assert (done.status, done.location) == (303, "/pages/accounts?done=1")
    assert row(mail, "incoming_auth_method") == [["password"]]
    page = look()
    assert "it signs in by a password and has none" in page.text and ">Ausgesetzt<" in page.text
    for act in ("oauth", "stop"):
        path, form = form_of(look().text, act)
        assert browser.send("POST", mail.url + path, form, posting).status == 303
    assert "Einschalten" in look().text and account["id"]


def test_figures_of_mail(mail, account, browser):
    page = browser.get(mail.url + "/metrics").text
    assert 'graphtok_mail_accounts{store="main",state="active"}' in page and account["id"]
    assert 'graphtok_mail_messages_total{provider="microsoft",change="added"} 0' in page


def test_an_account_needs_the_scope(mail, browser):
    """A token of Graph's resource opens no IMAP."""
    mail.database.sql("DELETE FROM mail_accounts")
    mail.configure(provider="GraphTokScope openid profile email offline_access User.Read\n")
    mail.httpd.graceful()
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    assert browser.get(mail.url + "/tom/mail/accounts").json["accounts"] == []
    mail.configure(provider=SCOPES)
    mail.httpd.graceful()


def test_all_else_is_served_before_the_migration(mail, browser):
    """A node whose database lacks the tables says so once."""
    mail.ctl("migrate", "--mail-to", "0", "--yes")
    mail.database.hand_over()
    done = mail.ctl("status", check=False)
    assert done.returncode == 65 and "GT0999" in done.stderr, done
    mail.httpd.graceful()
    for _ in range(2):
        assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    assert browser.get(mail.url + "/tom/auth/token").status == 200
    assert browser.get(mail.url + "/tom/mail/accounts").json["tag"] == "GT0497"
    assert mail.httpd.log().count("GT0495") == 1
    # A role without rights on the tables sees none as well.
    mail.httpd.log_has("GT0495: store main keeps no mail yet: its database lacks the tables: run "
                       "graphtokctl migrate; where it was run, httpd's role lacks rights")
    mail.ctl("migrate")
    mail.ctl("status")
    mail.database.hand_over()
    assert browser.sign_in(mail.url + "/tom/auth/login").status == 200
    assert len(browser.get(mail.url + "/tom/mail/accounts").json["accounts"]) == 1
