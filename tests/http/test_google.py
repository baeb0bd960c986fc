# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Google as a provider: sign-in, refresh, revocation, and what its refusals lead to."""

import pytest

from support.browser import Browser, query_of

ADA = "ada@sandbox.example"

PROVIDER = """
<GraphTokProvider google>
    GraphTokClientID {google[client_id]}
    GraphTokClientSecret file:{client_secret_file}
    GraphTokAuthority {google[authority]}
    GraphTokCAFile {ca}
    {inside}
</GraphTokProvider>
GraphTokUseProvider google
"""
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/tom">
    GraphTokUser static tom
</Location>
<Location "/tom/auth">
    SetHandler graphtok-auth
</Location>
<Location "/tom/other">
    SetHandler graphtok-auth
    GraphTokUseProvider microsoft
</Location>
<Location "/health">
    SetHandler graphtok-health
</Location>
GraphTokLimit off
"""


def provider(sandbox, inside=""):
    return PROVIDER.format(**sandbox.process.facts, inside=inside)


@pytest.fixture(scope="module", name="site")
def fixture_site(make_site, sandbox_server):
    made = make_site(mounts=MOUNTS, settings=provider(sandbox_server))
    made.start()
    yield made
    made.end()


def token_calls(sandbox, grant_type):
    return sandbox.calls(f"google:token:{grant_type}")


def problem(answer, status, tag):
    assert (answer.status, answer.json["tag"]) == (status, tag), answer
    return answer.json


def until(site, browser, holds):
    """Ask for the token's status until it holds: a refresh goes on behind a token that is valid."""
    seen = []

    def asked():
        seen.append(browser.get(f"{site.url}/tom/auth/token"))
        return holds(seen[-1])
    site.httpd.wait_until(asked, 20)
    return seen[-1]


def test_what_is_asked_of_google(site, browser, sandbox):
    away = browser.get(f"{site.url}/auth/login?domain_hint=sandbox.example").location
    asked = query_of(away)
    assert away.startswith(sandbox.process.facts["browser_base"] + "/google/o/oauth2/v2/auth?")
    assert asked.pop("redirect_uri") == f"{site.url}/auth/callback"
    assert len(asked.pop("state")) == len(asked.pop("nonce")) == len(asked.pop("code_challenge"))
    assert asked == {
        "client_id": sandbox.process.facts["google"]["client_id"], "response_type": "code",
        "scope": "openid profile email https://www.googleapis.com/auth/calendar",
        "code_challenge_method": "S256", "access_type": "offline", "hd": "sandbox.example"}


@pytest.mark.parametrize("prompt,status", [("login", 400), ("select_account", 302)])
def test_only_prompts_that_google_has(site, browser, prompt, status):
    answer = browser.get(f"{site.url}/auth/login?prompt={prompt}")
    assert answer.status == status
    if status == 400:
        assert answer.json["errors"] == [
            {"field": "prompt", "message": "must be one of: none consent select_account"}]


@pytest.mark.parametrize("bare", [False, True], ids=["https", "bare"])
def test_a_sign_in(site, browser, sandbox, bare):
    """Both forms of the issuer are one person, and the user's name is the same."""
    sandbox.process.settings(google_bare_issuer=bare)
    answer = browser.sign_in(f"{site.url}/auth/login")
    assert answer.status == 200, answer
    token = browser.get(f"{site.url}/auth/token").json
    assert token["provider"] == "google" and token["status"] == "active"
    assert set(token["scope"].split()) == {
        "openid", *(f"https://www.googleapis.com/auth/{one}" for one in
                    ("userinfo.email", "userinfo.profile", "calendar"))}
    host = sandbox.process.facts["google"]["authority"].split("/")[2]
    assert token["user"].endswith("@" + host)
    call = sandbox.process.calls("google:token")["last"][-1]
    assert "code_verifier" in call["parameters"] and "scope" not in call["parameters"]
    assert site.database.sql("SELECT count(DISTINCT user_id) FROM user_tokens") == [["1"]]


def test_consent_is_asked_for_again_when_no_refresh_token_comes(site, browser, sandbox):
    """Once: and not when one is kept from an earlier sign-in."""
    assert browser.sign_in(f"{site.url}/auth/login").status == 200
    assert token_calls(sandbox, "authorization_code") == 1
    browser.jar.clear()
    assert browser.sign_in(f"{site.url}/auth/login").status == 200  # none comes, one is kept
    assert token_calls(sandbox, "authorization_code") == 2
    site.database.sql("DELETE FROM user_tokens")
    site.httpd.graceful()
    browser.jar.clear()
    again = browser.sign_in(f"{site.url}/auth/login?return_to=/health/live")
    assert again.status == 303 and query_of(again.location)["prompt"] == "consent"
    assert query_of(again.location)["login_hint"] == ADA
    assert not site.database.sql("SELECT 1 FROM user_tokens")
    end = browser.follow(site.url + again.location)
    assert end.status == 200 and end.json["status"] == "live"
    assert token_calls(sandbox, "authorization_code") == 4
    assert site.database.sql(
        "SELECT count(*) FROM user_tokens WHERE encrypted_refresh_token <> ''") == [["1"]]


def test_a_known_caller_is_asked_at_once(site, browser, sandbox):
    """Nothing is kept of tom: one sign-in does. Afterwards no consent is asked for any more."""
    first = query_of(browser.get(f"{site.url}/tom/auth/login").location)
    assert first["prompt"] == "consent"
    assert browser.sign_in(f"{site.url}/tom/auth/login").status == 200
    assert "prompt" not in query_of(browser.get(f"{site.url}/tom/auth/login").location)
    chosen = query_of(browser.get(f"{site.url}/tom/auth/login?prompt=none").location)
    assert chosen["prompt"] == "none"
    assert browser.post(f"{site.url}/tom/auth/revoke").status == 200
    chosen = query_of(browser.get(f"{site.url}/tom/auth/login?prompt=select_account").location)
    assert chosen["prompt"] == "consent select_account"


def test_no_circle_where_consent_brings_no_refresh_token(site, browser, sandbox):
    site.database.sql("DELETE FROM user_tokens")
    sandbox.process.settings(token_members={"refresh_token": None})
    again = browser.sign_in(f"{site.url}/auth/login")
    assert again.status == 303
    end = browser.follow(site.url + again.location)
    assert end.status == 200 and end.json["status"] == "signed_in"
    site.httpd.log_has("GT0611")
    assert browser.post(f"{site.url}/auth/revoke").status == 200


def test_refresh_keeps_the_refresh_token(site, browser, sandbox):
    """Google does not replace it, and a refresh names no scopes: the user may have unticked some."""
    sandbox.process.settings(google_unticked="https://www.googleapis.com/auth/calendar",
                             access_seconds=1)
    browser.sign_in(f"{site.url}/tom/auth/login")
    answer = until(site, browser, lambda _: token_calls(sandbox, "refresh_token") >= 2)
    assert answer.status == 200 and "calendar" not in answer.json["scope"], answer
    call = sandbox.process.calls("google:token:refresh_token")["last"][-1]
    assert "scope" not in call["parameters"]


def test_revoked_at_google_too(site, browser, sandbox):
    browser.sign_in(f"{site.url}/auth/login")
    assert browser.post(f"{site.url}/auth/revoke").json["status"] == "revoked"
    sandbox.wait_for_calls("google:revoke", 1)
    call = sandbox.process.calls("google:revoke")
    assert call["statuses"] == {"200": 1}
    assert browser.sign_in(f"{site.url}/auth/login").status == 200, "consent is gone, too"
    sandbox.process.google(ADA, end="expired")
    browser.post(f"{site.url}/auth/revoke")
    sandbox.wait_for_calls("google:revoke", 2)
    assert sandbox.process.calls("google:revoke")["statuses"] == {"200": 1, "400": 1}
    assert "GT0676" not in site.httpd.log(), "a dead token counts as revoked"


@pytest.mark.parametrize("why", ["expired", "invalid_rapt"])
def test_a_dead_refresh_token(site, browser, sandbox, why):
    """The grant is over; the sign-in that the answer offers asks for consent."""
    sandbox.process.settings(access_seconds=1)
    browser.sign_in(f"{site.url}/tom/auth/login")
    sandbox.process.google(ADA, end=why)
    told = problem(until(site, browser, lambda answer: answer.status != 200), 401, "GT0520")
    sandbox.process.settings(access_seconds=None)
    words = {"expired": "the user must sign in again", "invalid_rapt": "session length"}[why]
    assert words in told["detail"] and "/tom/auth/login" in told["login_url"]
    assert query_of(browser.get(f"{site.url}/tom/auth/login").location)["prompt"] == "consent"
    assert browser.sign_in(f"{site.url}/tom/auth/login").status == 200
    assert browser.get(f"{site.url}/tom/auth/token").status == 200


@pytest.mark.parametrize("error,status,words", [
    ("access_denied", 403, "the sign-in was cancelled"),
    ("admin_policy_enforced", 403, "API controls"),
    ("org_internal", 403, "user type Internal"),
    ("disabled_client", 403, "the registration is disabled")])
def test_refusals_at_the_sign_in(site, browser, error, status, words):
    asked = query_of(browser.get(f"{site.url}/auth/login").location)
    issuer = site.sandbox.process.facts["google"]["authority"]
    answer = browser.get(f"{site.url}/auth/callback?error={error}&state={asked['state']}"
                         f"&iss={issuer}")
    assert answer.status == status and words in answer.json["detail"], answer


def test_an_answer_of_another_issuer(site, browser):
    """RFC 9207: Google names itself, and an answer without its name, or with another, is none."""
    for issuer in ("", "&iss=https://accounts.example"):
        asked = query_of(browser.get(f"{site.url}/auth/login").location)
        answer = browser.get(f"{site.url}/auth/callback?code=x&state={asked['state']}{issuer}")
        assert answer.status == 400 and answer.json["tag"] == "GT0548", answer


@pytest.mark.parametrize("claims,words", [
    ({"aud": "another"}, "refused: aud"), ({"azp": "another"}, "made for another client"),
    ({"iss": "https://accounts.example"}, "another issuer"), ({"nonce": "another"}, "refused: nonce"),
    ({"at_hash": "LDktKdoQak3Pk0cnXxCltA"}, "its at_hash is of another access token"),
    ({"at_hash": 7}, "its at_hash is of another access token"),
    ({"iss": "http://localhost/google"}, "another issuer"), ({"exp": 1000}, "refused: exp")])
def test_an_id_token_that_is_not_ours(site, browser, sandbox, claims, words):
    sandbox.process.settings(id_token_claims=claims)
    answer = browser.sign_in(f"{site.url}/auth/login")
    assert answer.status == 502 or answer.status == 403, answer
    site.httpd.log_has("GT0531")
    assert words in site.httpd.log()


def test_an_address_that_google_does_not_vouch_for(site, browser, sandbox):
    sandbox.process.settings(id_token_claims={"email_verified": False})
    assert browser.sign_in(f"{site.url}/auth/login").json["email"] is None


def test_a_domain_alone(site, browser, sandbox):
    site.configure(settings=provider(sandbox, "GraphTokTenant sandbox.example"))
    site.httpd.graceful()
    try:
        asked = query_of(browser.get(f"{site.url}/auth/login?domain_hint=other.example").location)
        assert asked["hd"] == "sandbox.example"
        problem(browser.sign_in(f"{site.url}/auth/login"), 403, "GT0532")
        sandbox.process.settings(google_domain="sandbox.example")
        assert browser.sign_in(f"{site.url}/auth/login").status == 200
        browser.jar.clear()
        problem(browser.sign_in(f"{site.url}/auth/login", "mary@outlook.example"), 403, "GT0532")
    finally:
        site.configure(settings=provider(sandbox))
        site.httpd.graceful()


def test_a_refresh_token_for_days_alone_is_told_of(site, browser, sandbox):
    sandbox.process.settings(google_testing=True)
    assert browser.sign_in(f"{site.url}/auth/login").status == 200
    site.httpd.log_has("GT0577")
    assert "for 7 days alone" in site.httpd.log()


def test_tokens_of_one_provider(site, browser, sandbox):
    """A place lists those of its own provider, and acts on no other."""
    site.register("/tom/other")
    for place in ("auth", "other"):
        assert browser.sign_in(f"{site.url}/tom/{place}/login").status == 200

    def listed(place):
        return {row["provider"]: row["id"] for row in
                browser.get(f"{site.url}/tom/{place}/tokens").json["tokens"]}
    assert set(listed("auth")) == {"google"} and set(listed("other")) == {"microsoft"}
    theirs = f"/tokens/{listed('other')['microsoft']}/revoke"
    problem(browser.post(f"{site.url}/tom/auth{theirs}"), 404, "GT0899")
    assert browser.post(f"{site.url}/tom/other{theirs}").json["status"] == "revoked"
    assert not listed("other") and set(listed("auth")) == {"google"}


def test_tokens_of_a_session(site, browser, sandbox):
    """Which ends with the grant."""
    assert browser.get(f"{site.url}/auth/tokens").status == 401
    assert browser.sign_in(f"{site.url}/auth/login").status == 200
    row, = browser.get(f"{site.url}/auth/tokens").json["tokens"]
    assert row["email_address"] == ADA and row["provider"] == "google"
    done = browser.post(f"{site.url}/auth/tokens/{row['id']}/revoke")
    assert done.status == 200 and done.json["status"] == "revoked" and done.cookies, done
    assert browser.get(f"{site.url}/auth/tokens").status == 401


PAGE = "https://front.example/signed-in/"
FRONT = {"Origin": "https://front.example", "Accept": "*/*", "Sec-Fetch-Mode": "cors"}


@pytest.fixture(name="front")
def fixture_front(site, sandbox):
    """The registered redirect address is a page of another program, whose script calls us."""
    sandbox.add_redirect_uri(PAGE)
    mounts = MOUNTS.replace('"/auth">', '"/auth">\n    GraphTokAllowOrigin https://front.example')
    site.configure(settings=provider(sandbox, f"GraphTokRedirectURI {PAGE}"), mounts=mounts)
    site.httpd.graceful()
    yield site
    site.configure(settings=provider(sandbox), mounts=MOUNTS)
    site.httpd.graceful()


def brought_back(front, browser, way="/auth/login"):
    """What the page is given, as it would bring it to our callback."""
    back = browser.leave_for_sign_in(front.url + way)
    assert back.startswith(PAGE + "?"), back
    return f"{front.url}/auth/callback?{back.split('?')[1]}"


def test_the_redirect_address_of_a_front_end(front, browser, sandbox):
    """The page brings the answer to our callback, in the same browser; its script gets JSON."""
    callback = brought_back(front, browser, "/auth/login?return_to=/health/live")
    problem(Browser(sandbox.ca).get(callback, headers=FRONT), 400, "GT0834")
    answer = browser.get(callback, headers=FRONT)
    assert answer.status == 200 and answer.json["status"] == "signed_in", answer
    assert answer.json["return_to"] == f"{front.url}/health/live" and answer.json["email"] == ADA
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT["Origin"]
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert browser.get(f"{front.url}/auth/token").status == 200
    again = problem(browser.get(callback, headers=FRONT), 400, "GT0834")
    assert again["login_url"] == "/auth/login"
    checked = front.ctl("check", check=False).stdout.splitlines()
    assert [line.split() for line in checked if f"redirect URI: {PAGE}" in line] == [
        ["OK", "redirect", "URI:", PAGE]] * 2, checked  # of both places


def test_a_window_at_the_callback_of_a_front_end(front, browser):
    """A page that sends the browser itself is led on as by our own redirect address."""
    callback = brought_back(front, browser, "/auth/login?return_to=/health/live")
    answer = browser.get(callback, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert answer.status == 303 and answer.location == f"{front.url}/health/live"


def test_a_front_end_is_told_where_consent_is_asked_for(front, browser, sandbox):
    browser.get(brought_back(front, browser), headers=FRONT)
    front.database.sql("DELETE FROM user_tokens")
    browser.jar.clear()
    told = problem(browser.get(brought_back(front, browser), headers=FRONT), 401, "GT0576")
    assert told["login_url"] == "/auth/login?prompt=consent"
    answer = browser.get(brought_back(front, browser, told["login_url"]), headers=FRONT)
    assert answer.status == 200 and answer.json["status"] == "signed_in", answer


def test_health_and_check(site, browser):
    health = browser.get(f"{site.url}/health/google").json
    assert (health["service"], health["status"], health["provider"]) == ("google", "healthy", "up")
    done = site.ctl("check", check=False)
    assert "google" in done.stdout and "GT05" not in done.stdout, done.stdout
