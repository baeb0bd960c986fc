# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Several tenants at one provider: which may sign in, guests, a registration of one tenant's own,
and an administrator's consent for all of one."""

import re
import urllib.parse

import pytest

from support.browser import Browser, query_of

HOME = "6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38"
PARTNER = "0c9e7f55-3b1a-4d62-a4f7-2e86d10b9c47"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
CLIENT = "22222222-3333-4444-5555-666666666666"
SECRET = "partner~secret~of~one~tenant~0123456789"
EMMY, EMMY_AS_GUEST = ("e3e3e3e3-1882-4323-8323-000000001882",
                       "e4e4e4e4-1882-4323-8323-000000001915")
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module", name="site")
def fixture_site(make_site):
    """The endpoint of all accounts; two tenants may sign in, one has a registration to itself."""
    made = make_site(provider=f"GraphTokTenant common\nGraphTokAllowedTenants {HOME} {PARTNER}\n"
                     f"GraphTokTenantClient {PARTNER} {CLIENT} file:{{secret}}")
    secret = made.write_secret("partner-secret", SECRET + "\n")
    made.configure(provider=made.text["provider"].replace("{secret}", str(secret)))
    made.start()
    yield made
    made.end()


@pytest.fixture(name="partner", autouse=True)
def fixture_partner(sandbox):
    """The partner's registration at the provider."""
    sandbox.process.control("POST", "client",
                            {"client_id": CLIENT, "secret": SECRET, "tenant": PARTNER})
    return sandbox


def sign_in(site, browser, hint, query=""):
    """Through all redirects, with the hint that a browser's session at the provider stands for."""
    url = f"{site.url}/auth/login?login_hint={hint}{query}"
    for _ in range(8):
        answer = browser.get(url)
        if answer.status not in (302, 303):
            return answer
        url = urllib.parse.urljoin(url, answer.location)
    raise AssertionError("too many redirects")


def last_token_call(sandbox):
    call = sandbox.process.calls("token")["last"][-1]
    return call["path"].split("/")[1], call["client_id"]


def test_each_tenant_has_its_own_users(site, sandbox):
    mine = sign_in(site, Browser(sandbox.ca), "ada@sandbox.example")
    assert mine.status == 200 and mine.json["user"].endswith("@" + HOME)
    assert site.database.sql("SELECT count(*) FROM user_tokens") == [["1"]]


def test_a_tenant_that_may_not_sign_in(site, sandbox, browser):
    answer = sign_in(site, browser, "mary@outlook.example")
    assert answer.status == 403 and answer.json["tag"] == "GT0532"
    assert browser.get(site.url + "/auth/token").status == 401


def test_a_tenant_that_may_not_is_not_even_asked(site, sandbox, browser):
    answer = browser.get(f"{site.url}/auth/login?tenant={PERSONAL}")
    assert answer.status == 403 and answer.json["tag"] == "GT0532"
    assert sandbox.calls("authorize") == 0


@pytest.mark.parametrize("tenant", ["common", "organizations", "x", "a..b", "a/b.c", "%0d%0aa.b"])
def test_what_is_no_tenant(site, browser, tenant):
    answer = browser.get(f"{site.url}/auth/login?tenant={tenant}")
    assert answer.status == 400 and answer.json["errors"][0]["field"] == "tenant"


def test_a_registration_of_one_tenant(site, sandbox, browser):
    """Refresh tokens belong to the registration that got them."""
    first = browser.leave_for_sign_in(f"{site.url}/auth/login?return_to=/auth/user",
                                      "emmy@partner.example")
    moved = browser.get(first)
    assert moved.status == 303
    asked = query_of(moved.location)
    assert asked["tenant"] == PARTNER and asked["return_to"] == "/auth/user"
    assert asked["login_hint"] == "emmy@partner.example"
    away = browser.get(urllib.parse.urljoin(site.url, moved.location))
    assert query_of(away.location)["client_id"] == CLIENT
    assert urllib.parse.urlsplit(away.location).path == f"/{PARTNER}/oauth2/v2.0/authorize"
    done = browser.get(browser.get(away.location).location)
    assert done.status == 303 and done.location == f"{site.url}/auth/user"
    assert browser.get(done.location).json["id"] == EMMY
    assert last_token_call(sandbox) == (PARTNER, CLIENT)
    sandbox.expire_access("emmy@partner.example")
    assert browser.get(f"{site.url}/auth/user").json["id"] == EMMY
    assert last_token_call(sandbox) == (PARTNER, CLIENT) and sandbox.calls("token") == 3


def test_a_guest_stays_one(site, sandbox, browser):
    """At `common` a refresh would be for the account at home, with other rights."""
    done = sign_in(site, browser, "emmy@partner.example", f"&tenant={HOME}")
    assert done.status == 200 and done.json["user"] == f"{EMMY_AS_GUEST}@{HOME}"
    assert browser.get(f"{site.url}/auth/user").json["id"] == EMMY_AS_GUEST
    sandbox.expire_access("emmy@partner.example")
    again = browser.get(f"{site.url}/auth/user")
    assert again.json["id"] == EMMY_AS_GUEST
    assert last_token_call(sandbox) == (HOME, sandbox.client_id)
    sandbox.expire_access("emmy@partner.example")
    sandbox.revoke("emmy@partner.example")
    ended = browser.get(f"{site.url}/auth/user")
    assert ended.status == 401 and f"tenant={HOME}" in ended.json["login_url"]


def test_a_guest_is_not_the_user_at_home(site, sandbox):
    """The same address, another tenant: another grant."""
    at_home, abroad = Browser(sandbox.ca), Browser(sandbox.ca)
    users = {sign_in(site, at_home, "emmy@partner.example").json["user"],
             sign_in(site, abroad, "emmy@partner.example", f"&tenant={HOME}").json["user"]}
    assert users == {f"{EMMY}@{PARTNER}", f"{EMMY_AS_GUEST}@{HOME}"}


def test_who_moved_to_another_tenant_is_another_person(site, sandbox, browser):
    """The same address with another tenant's tid and oid, at a user id that httpd gives."""
    basic = {"Authorization": "Basic YWRhOmFkYQ=="}

    def sign_in_as_ada():
        away = browser.get(f"{site.url}/staff/auth/login?login_hint=ada@sandbox.example",
                           headers=basic)
        return browser.get(browser.get(away.location).location, headers=basic)
    first = sign_in_as_ada()
    assert first.status == 200 and first.json["user"] == "ada"
    moved = {"tid": "77777777-0000-4000-8000-000000000001", "oid": EMMY,
             "iss": f"{sandbox.authority}/77777777-0000-4000-8000-000000000001/v2.0"}
    sandbox.process.settings(id_token_claims=moved)
    assert sign_in_as_ada().json["tag"] == "GT0532"
    moved = {"tid": HOME, "oid": "77777777-0000-4000-8000-000000000002"}
    sandbox.process.settings(id_token_claims=moved)
    refused = sign_in_as_ada()
    assert refused.status == 409
    sandbox.process.settings(id_token_claims={})
    assert browser.get(f"{site.url}/staff/auth/token", headers=basic).json["user"] == "ada"


@pytest.mark.parametrize("lie", [
    {"id_token_claims": {"iss": f"https://localhost/{PARTNER}/v2.0"}},
    {"id_token_claims": {"iss": "BASE/" + PARTNER + "/v2.0"}},
    {"id_token_claims": {"iss": "BASE/{tenantid}/v2.0"}},
    {"id_token_claims": {"iss": "BASE/common/v2.0"}},
    {"id_token_claims": {"tid": PARTNER}},
    {"id_token_claims": {"tid": "{tenantid}"}},
    {"id_token_claims": {"tid": None}},
    {"id_token_claims": {"aud": CLIENT}},
    {"sign_with": "personal"}])
def test_an_issuer_that_lies(site, sandbox, browser, lie):
    """A template is filled with the token's own tenant, and its key must be of that one."""
    claims = lie.get("id_token_claims", {})
    if "iss" in claims:
        claims = {"iss": claims["iss"].replace("BASE", sandbox.authority)}
    sandbox.process.settings(**{**lie, **({"id_token_claims": claims} if claims else {})})
    refused = sign_in(site, browser, "ada@sandbox.example")
    assert refused.status >= 400 and refused.json["tag"] == "GT0530"
    assert browser.get(site.url + "/auth/token").status == 401


# ---- consent of an administrator ----

def ask_admin(browser, url, choice):
    """What an administrator does: from our route to the provider's page and its button."""
    away = browser.get(url)
    assert away.status == 302, away
    page = browser.get(away.location)
    assert page.status == 200, page
    flow = re.search(r'name="flow" value="([^"]+)"', page.text).group(1)
    action = re.search(r'action="([^"]+)"', page.text).group(1)
    back = browser.post(urllib.parse.urljoin(away.location, action),
                        urllib.parse.urlencode({"flow": flow, "choice": choice}).encode(),
                        headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert back.status == 302, back
    return away.location, back.location


def test_admin_consent_given(site, browser):
    asked, back = ask_admin(browser, f"{site.url}/auth/admin-consent?tenant={HOME}", "accept")
    assert urllib.parse.urlsplit(asked).path == f"/{HOME}/v2.0/adminconsent"
    assert "Calendars.ReadWrite" in query_of(asked)["scope"]
    page = browser.get(back, headers={**PAGE, "Accept-Language": "de"})
    assert page.status == 200 and HOME in page.text and "erteilt" in page.text
    again = browser.get(back, headers=PAGE)
    assert again.status == 200 and HOME not in again.text and "has consented" in again.text


def test_admin_consent_as_json(site, browser):
    _, back = ask_admin(browser, f"{site.url}/auth/admin-consent", "accept")
    told = browser.get(back).json
    assert told["status"] == "admin_consent_given" and told["tenant"] == HOME


def test_admin_consent_by_the_tenants_own_registration(site, browser):
    asked, back = ask_admin(browser, f"{site.url}/auth/admin-consent?tenant={PARTNER}", "accept")
    assert query_of(asked)["client_id"] == CLIENT
    assert browser.get(back).json["tenant"] == PARTNER


def test_admin_consent_not_given(site, browser):
    _, back = ask_admin(browser, f"{site.url}/auth/admin-consent", "cancel")
    page = browser.get(back, headers=PAGE)
    assert page.status == 200 and "not given" in page.text and "AADSTS65004" in page.text


def test_consent_begun_elsewhere_is_told_without_its_tenant(site, sandbox, browser):
    _, back = ask_admin(browser, f"{site.url}/auth/admin-consent", "accept")
    told = Browser(sandbox.ca).get(back)
    assert told.status == 200 and told.json == {"status": "admin_consent_told"}


def test_the_state_of_a_consent_signs_nobody_in(site, sandbox, browser):
    _, back = ask_admin(browser, f"{site.url}/auth/admin-consent", "accept")
    state = query_of(back)["state"]
    code = query_of(Browser(sandbox.ca).leave_for_sign_in(f"{site.url}/auth/login"))["code"]
    calls = sandbox.calls("token")
    browser.get(f"{site.url}/auth/callback?code={code}&state={state}")
    assert sandbox.calls("token") == calls
    assert browser.get(f"{site.url}/auth/token").status == 401


def test_admin_consent_of_a_tenant_that_may_not_sign_in(site, browser):
    answer = browser.get(f"{site.url}/auth/admin-consent?tenant={PERSONAL}")
    assert answer.status == 403 and answer.json["tag"] == "GT0532"


def test_its_broken_secret_holds_back_that_tenant_only(site, sandbox, browser):
    sandbox.process.control("POST", "client",
                            {"client_id": CLIENT, "secret": "changed" + SECRET, "tenant": PARTNER})
    refused = sign_in(site, browser, "emmy@partner.example")
    assert refused.status == 502 and refused.json["code"] == "AADSTS7000215"
    assert PARTNER in site.httpd.log()
    assert sign_in(site, Browser(sandbox.ca), "ada@sandbox.example").status == 200
