# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions A1, A2, A3, A4, A5, A8: the road of a sign-in, and what is refused on it."""

import base64
import concurrent.futures
import http.client
import json
import socket
import urllib.parse

import pytest

from support.browser import Browser, query_of

EVERYWHERE = True


def state_cookies(browser):
    return [cookie.name for cookie in browser.jar if "graphtok-s-" in cookie.name]


def test_A1_login_asks_for_code_with_state_nonce_and_pkce(site, browser):
    answer = browser.get(site.url + "/auth/login")
    asked = query_of(answer.location)
    assert answer.status == 302
    assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 22 and len(asked["nonce"]) >= 22
    assert len(asked["code_challenge"]) == 43
    assert asked["redirect_uri"] == site.url + "/auth/callback"
    assert "offline_access" in asked["scope"].split()


@pytest.mark.parametrize("path", ["/auth/", "/auth", "/auth/login", "/auth/login/microsoft"])
def test_A1_every_way_in(site, browser, path):
    answer = browser.get(site.url + path)
    assert answer.status == 302 and answer.location.startswith(("http://", "https://"))


def test_A1_another_provider_is_not_found(site, browser):
    assert browser.get(site.url + "/auth/login/google").status == 404


def test_A2_sign_in_status_revoke(site, browser):
    done = browser.sign_in(site.url + "/auth/login")
    assert done.status == 200 and done.json["status"] == "signed_in"
    token = browser.get(site.url + "/auth/token")
    assert token.status == 200 and token.json["status"] == "active"
    assert token.json["provider"] == "microsoft"
    assert 0 < token.json["expires_in"] <= 7200
    assert browser.post(site.url + "/auth/revoke").json["status"] == "revoked"
    after = browser.get(site.url + "/auth/token")
    assert after.status == 401 and after.json["login_url"].endswith("/auth/login")
    assert site.database.sql("SELECT count(*) FROM user_tokens") == [["0"]]


def test_A2_a_page_for_a_person(site, browser):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    page = browser.get(callback, headers={"Accept": "text/html"})
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert "ada@sandbox.example" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_A5_user(site, browser):
    browser.sign_in(site.url + "/auth/login")
    user = browser.get(site.url + "/auth/user")
    assert user.status == 200 and user.json["userPrincipalName"] == "ada@sandbox.example"


def test_A2_a_hang_up_during_the_exchange_loses_no_tokens(site, sandbox, browser):
    """The provider's tokens are stored, whether the browser still waits for the page or not."""
    callback = urllib.parse.urlsplit(browser.leave_for_sign_in(site.url + "/tom/auth/login"))
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.jar)
    asked = sandbox.calls("token")
    sandbox.fault(where="token", kind="delay", seconds=1, times=1)
    client = http.client.HTTPConnection(callback.netloc, timeout=30)
    client.request("GET", f"{callback.path}?{callback.query}", headers={"Cookie": cookies})
    sandbox.wait_for_calls("token", asked + 1)
    client.sock.shutdown(socket.SHUT_RDWR)
    client.close()
    other = Browser(sandbox.ca)
    site.httpd.wait_until(lambda: other.get(site.url + "/tom/auth/token").status == 200, 20)
    assert sandbox.calls("token") == asked + 1
    assert other.post(site.url + "/tom/auth/revoke").status == 200


def test_A8_static_user_needs_no_cookie(site, sandbox, browser):
    browser.sign_in(site.url + "/tom/auth/login")
    other = Browser(sandbox.ca)
    assert other.get(site.url + "/tom/auth/token").json["user"] == "tom"
    assert other.post(site.url + "/tom/auth/revoke").status == 200


def test_A8_many_users_by_session(site, sandbox):
    browsers = [Browser(sandbox.ca) for _ in range(2)]
    for browser, name in zip(browsers, ("ada", "grace")):
        browser.sign_in(site.url + "/auth/login", f"{name}@sandbox.example")
    names = [browser.get(site.url + "/auth/user").json["userPrincipalName"] for browser in browsers]
    assert names == ["ada@sandbox.example", "grace@sandbox.example"]


def test_remote_user(site, browser):
    basic = {"Authorization": "Basic " + base64.b64encode(b"bob:bob").decode()}
    assert browser.get(site.url + "/staff/auth/token").status == 401
    away = browser.get(site.url + "/staff/auth/login?login_hint=alan@sandbox.example",
                       headers=basic)
    callback = browser.get(away.location).location
    assert browser.get(callback, headers=basic).json["user"] == "bob"
    assert browser.get(site.url + "/staff/auth/token", headers=basic).json["user"] == "bob"
    assert browser.post(site.url + "/staff/auth/revoke", headers=basic).status == 200


def test_A2_state_works_once(site, browser):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    kept = list(browser.jar)
    assert browser.get(callback).status == 200
    for cookie in kept:
        browser.jar.set_cookie(cookie)
    again = browser.get(callback)
    assert again.status == 400 and again.json["tag"] == "GT0834"


def test_A2_state_of_another_browser(site, sandbox, browser):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    assert Browser(sandbox.ca).get(callback).status == 400
    assert browser.get(callback).status == 200


def test_A2_state_of_another_mount(site, browser):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    assert browser.get(callback.replace("/auth/callback", "/tom/auth/callback")).status == 400


@pytest.mark.parametrize("change", [
    lambda q: {**q, "state": q["state"][:-1] + ("A" if q["state"][-1] != "A" else "B")},
    lambda q: {**q, "state": ""},
    lambda q: {**q, "state": "x" * 4000},
    lambda q: {k: v for k, v in q.items() if k != "state"},
    lambda q: {**q, "code": ""},
    lambda q: {**q, "code": "x" * 9000},
    lambda q: {k: v for k, v in q.items() if k != "code"},
])
def test_A2_callback_parameters(site, browser, change):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    base, query = callback.split("?")
    wrong = urllib.parse.urlencode(change(dict(urllib.parse.parse_qsl(query))))
    answer = browser.get(f"{base}?{wrong}")
    assert answer.status in (400, 414), answer


@pytest.mark.parametrize("name", ["state", "code"])
def test_every_parameter_once(site, browser, name):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    answer = browser.get(callback + f"&{name}=again")
    assert answer.status == 400 and answer.json["errors"][0]["field"] == name
    assert browser.get(callback).status == 200


def test_foreign_code(site, browser):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    query = query_of(callback)
    answer = browser.get(site.url + "/auth/callback?" + urllib.parse.urlencode(
        {**query, "code": "0.AAAA" + "x" * 200}))
    assert answer.status >= 400 and "code" not in answer.json["detail"].lower().split("=")
    assert browser.get(site.url + "/auth/token").status == 401


def test_consent_denied(site, browser):
    login = browser.get(site.url + "/auth/login")
    state = query_of(login.location)["state"]
    answer = browser.get(site.url + "/auth/callback?" + urllib.parse.urlencode(
        {"error": "access_denied", "error_subcode": "cancel", "state": state,
         "error_description": "<script>alert(1)</script>"}))
    assert answer.status == 403 and "script" not in answer.text


def test_error_callback_needs_our_state(site, browser):
    answer = browser.get(site.url + "/auth/callback?error=access_denied&state=unknown")
    assert answer.status == 400 and answer.json["tag"] == "GT0834"


def test_ten_tabs_in_reverse_order(site, sandbox, browser):
    callbacks = [browser.leave_for_sign_in(site.url + "/auth/login") for _ in range(10)]
    assert len(state_cookies(browser)) == 10
    for callback in reversed(callbacks):
        assert browser.get(callback).status == 200
    assert state_cookies(browser) == []


def test_cookies_stay_bounded(site, browser):
    for _ in range(25):
        browser.get(site.url + "/auth/login")
    assert len(state_cookies(browser)) <= 10


def test_cookie_attributes(site, browser):
    login = browser.get(site.url + "/auth/login")
    callback = browser.sign_in(site.url + "/auth/login")
    for cookie in login.cookies + callback.cookies:
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie


def test_session_cookie_cannot_be_made(site, sandbox, browser):
    browser.sign_in(site.url + "/auth/login")
    cookie = next(c for c in browser.jar if c.name.startswith("graphtok-") and "-s-" not in c.name)
    last = "BB" if cookie.value.endswith("AA") else "AA"
    for value in ("", "tom", cookie.value[:-2] + last, "gt1.x.y", cookie.value + "=",
                  "%00", "A" * 5000):
        answer = Browser(sandbox.ca).get(site.url + "/auth/token",
                                         headers={"Cookie": f"{cookie.name}={value}"})
        assert answer.status == 401, value
    doubled = Browser(sandbox.ca).get(
        site.url + "/auth/token",
        headers={"Cookie": f"{cookie.name}={cookie.value}; {cookie.name}={cookie.value}"})
    assert doubled.status == 401


DEEP = ["/calendar/events?q=a%20b", "/calendar/events/100%25", "/calendar/events/a%5Cb",
        "/calendar/events/a%0Ab", "/calendar/events//y", "/calendar/events/../events/y",
        "/calendar/events/%20?x=%5C&y=//z/../", "/calendar//",
        "//calendar/./events", "/calendar/events?q=" + "long" * 500,
        "/calendar/events?q=" + "a%20" * 600, "/calendar/events?q=" + "x" * 3000,
        "/calendar/events?q=" + "%C3%A9" * 1300]


@pytest.mark.parametrize("target", DEEP, ids=[target[:32] for target in DEEP])
def test_a_deep_link_comes_back_byte_for_byte(site, browser, target):
    asked = raw_get(site, target)
    assert asked.status == 302, asked
    done = browser.sign_in(site.url + asked.headers["Location"])
    # Slashes in front of a path would name a host: one of them comes back.
    assert done.status == 303 and done.location == site.url + target.replace("//c", "/c")


@pytest.mark.parametrize("target", DEEP[:8], ids=[target[:32] for target in DEEP[:8]])
def test_an_explicit_deep_link_comes_back_byte_for_byte(site, browser, target):
    done = browser.sign_in(site.url + "/auth/login?" + urllib.parse.urlencode(
        {"return_to": target}))
    assert done.status == 303 and done.location == site.url + target


# What one-page applications and programs write, and what a browser makes of it.
WRITTEN = [("/app?a=b#/view/1?c=d", "/app?a=b#/view/1?c=d"), ("/app#", "/app#"),
           ("/search?q=a b", "/search?q=a%20b"), ("/käse?q=süß", "/k%C3%A4se?q=s%C3%BC%C3%9F")]


@pytest.mark.parametrize("target, then", WRITTEN)
def test_a_target_as_people_write_it(site, browser, target, then):
    done = browser.sign_in(site.url + "/auth/login?return_to=" + urllib.parse.quote(target))
    assert done.status == 303 and done.location == site.url + then


def raw_get(site, target):
    """What a browser's page request of exactly this target is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=60)
    connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", f"localhost:{site.httpd.port}")
    connection.putheader("Accept", "text/html")
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def cookie_field(browser):
    """The bytes of the Cookie field that the browser sends to us."""
    ours = [f"{cookie.name}={cookie.value}" for cookie in browser.jar
            if cookie.name.startswith(("graphtok", "__Host-graphtok"))]
    return len("; ".join(ours))


def test_sign_ins_begun_and_left_never_fill_the_cookie_field(site, browser):
    targets = ["/calendar/?q=" + "x" * size for size in (700, 2000, 10, 6000, 1)]
    for turn in range(40):
        back = browser.leave_for_sign_in(site.url + "/auth/login?return_to="
                                         + urllib.parse.quote(targets[turn % 5]))
        assert cookie_field(browser) <= 3072
    done = browser.get(back)
    assert done.status == 303 and done.location == site.url + targets[39 % 5]


def test_the_sign_in_that_began_last_is_the_last_to_go(site, browser):
    """Within one second too, in which names that held seconds were sorted by their hashes."""
    backs = [browser.leave_for_sign_in(site.url + "/auth/login") for _ in range(12)]
    statuses = [browser.get(back).status for back in backs]
    kept = statuses.count(200)
    assert kept >= 5 and statuses == [400] * (12 - kept) + [200] * kept


def test_return_to_is_followed(site, browser):
    done = browser.sign_in(site.url + "/auth/login?return_to=/calendar/next24%3Ftop=5")
    assert done.status == 303 and done.location == site.url + "/calendar/next24?top=5"


def test_page_request_is_sent_to_sign_in_and_back(site, browser):
    page = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    answer = browser.get(site.url + "/calendar/next24?top=3", headers=page)
    assert answer.status == 302
    assert answer.location == "/auth/login?return_to=%2Fcalendar%2Fnext24%3Ftop%3D3"
    script = browser.get(site.url + "/calendar/next24",
                         headers={"Accept": "text/html", "Sec-Fetch-Mode": "cors"})
    assert script.status == 401


def test_same_person_keeps_the_row(site, browser):
    browser.sign_in(site.url + "/tom/auth/login")
    first = site.database.sql("SELECT id, generation FROM user_tokens WHERE user_id = 'tom'")
    browser.sign_in(site.url + "/tom/auth/login")
    second = site.database.sql("SELECT id, generation FROM user_tokens WHERE user_id = 'tom'")
    assert first[0][0] == second[0][0] and int(second[0][1]) == int(first[0][1]) + 1
    browser.post(site.url + "/tom/auth/revoke")


def test_another_person_is_refused(site, sandbox, browser):
    browser.sign_in(site.url + "/tom/auth/login", "ada@sandbox.example")
    other = Browser(sandbox.ca).sign_in(site.url + "/tom/auth/login", "grace@sandbox.example")
    assert other.status == 409
    assert browser.get(site.url + "/tom/auth/user").json["userPrincipalName"] \
        == "ada@sandbox.example"
    browser.post(site.url + "/tom/auth/revoke")


def test_rotated_signing_keys(site, sandbox, browser):
    browser.sign_in(site.url + "/auth/login")
    sandbox.rotate_keys()
    assert Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 200


def test_login_parameters_go_on(site, browser):
    asked = query_of(browser.get(
        site.url + "/auth/login?login_hint=grace@sandbox.example&prompt=consent").location)
    assert asked["login_hint"] == "grace@sandbox.example" and asked["prompt"] == "consent"


def test_problem_is_json_with_no_store(site, browser):
    answer = browser.get(site.url + "/auth/token")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem = json.loads(answer.body)
    assert problem["status"] == 401 and problem["title"] and problem["type"].startswith("urn:")


def test_methods(site, browser):
    answer = browser.get(site.url + "/auth/revoke")
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    answer = browser.send("OPTIONS", site.url + "/calendar/events")
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, POST"
    assert browser.get(site.url + "/auth/nothing").status == 404
    assert browser.get(site.url + "/auth/token/x").status == 404
    head = browser.send("HEAD", site.url + "/auth/token")
    assert head.status == 401 and head.body == b""


def test_many_sign_ins_at_once(site, sandbox):
    def one(_):
        answer = Browser(sandbox.ca).sign_in(site.url + "/auth/login")
        return answer.status, answer.text if answer.status != 200 else ""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(16))) == [(200, "")] * 16


PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


def begin(site, browser, mount=""):
    """Begin a sign-in; the state."""
    return query_of(browser.get(site.url + mount + "/auth/login").location)["state"]


def come_back(site, browser, query, **headers):
    return browser.get(site.url + "/auth/callback?" + query, headers={**PAGE, **headers})


@pytest.mark.parametrize("description", [
    "AADSTS65004%3a+User+declined.%0d%0aTrace+ID%3a+1%0d%0aTimestamp%3a+2026-01-01",
    "AADSTS65004%3a+%e4%b8%ad%ff%fe", "AADSTS65004%3a+broken+%", "AADSTS65004%00"])
def test_an_error_as_microsoft_writes_it(site, browser, description):
    state = begin(site, browser)
    answer = come_back(site, browser, f"error=access_denied&error_description={description}"
                       f"&error_uri=https%3a%2f%2flogin%2fx%ff&unread=%0d%0a&unread=2&state={state}")
    assert answer.status == 403 and "cancelled" in answer.text and "AADSTS65004" in answer.text
    assert 'href="/auth/login"' in answer.text
    assert not state_cookies(browser)


def test_a_plain_error_shows_its_code(site, browser):
    state = begin(site, browser)
    answer = come_back(site, browser, f"error=access_denied&state={state}")
    assert answer.status == 403 and "access_denied" in answer.text


@pytest.mark.parametrize("query", [
    "state={0}&state={0}&code=no-such-code-1", "state={0}&code=no-such-code-1&code=no-such-code-2",
    "state={0}&code=no-such-code-1%00", "state={0}&code=no-such-code-%ff", "state={0}&code="])
def test_what_is_read_must_be_whole_and_have_come_once(site, sandbox, browser, query):
    posts = sandbox.calls("token")
    answer = come_back(site, browser, query.format(begin(site, browser)))
    assert answer.status == 400 and answer.location is None
    assert sandbox.calls("token") == posts


@pytest.mark.parametrize("code", [50105, 50020, 50057, 53003, 500212, 90094])
def test_a_user_who_may_not_is_no_outage(site, browser, code):
    state = begin(site, browser)
    answer = come_back(site, browser, f"error=invalid_request&error_description=AADSTS{code}%3a+x"
                       f"&state={state}")
    assert answer.status == 403 and f"AADSTS{code}" in answer.text


def test_a_browser_cannot_say_that_our_secret_is_wrong(site, browser):
    before = site.httpd.log()
    for error in ("invalid_client", "unauthorized_client", "invalid_request"):
        state = begin(site, browser)
        answer = come_back(site, browser, f"error={error}&error_description=AADSTS7000215%3a+x"
                           f"&state={state}")
        assert answer.status == 403
    told = site.httpd.log()[len(before):]
    assert ":error]" not in told and ":warn]" not in told, told
    assert browser.sign_in(site.url + "/auth/login").status == 200


def test_the_back_button_and_a_reload_of_who_is_signed_in(site, browser):
    asked = browser.get(site.url + "/auth/login?login_hint=ada@sandbox.example").location
    first = browser.get(asked).location
    assert browser.get(first, headers=PAGE).status == 200
    reloaded = browser.get(first, headers=PAGE)
    assert reloaded.status == 200 and "Signed in" in reloaded.text
    again = browser.get(browser.get(asked).location, headers=PAGE)
    assert again.status == 200 and "Signed in" in again.text
    scripted = browser.get(first)
    assert scripted.status == 400 and scripted.json["login_url"] == "/auth/login"


def test_a_dead_end_has_our_words_and_a_link(site, browser):
    answer = come_back(site, browser, "state=old&code=no-such-code-1")
    assert answer.status == 400 and "This sign-in is over" in answer.text
    assert 'href="/auth/login"' in answer.text and "Refused by the provider" not in answer.text


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"},
                                     {"Purpose": "prefetch"}, None],
                         ids=["Sec-Purpose", "Purpose", "HEAD"])
def test_looking_ahead_spends_nothing(site, sandbox, browser, headers):
    method = "GET" if headers else "HEAD"
    ahead = browser.send(method, site.url + "/auth/login", headers=headers)
    assert ahead.status == 204 and not state_cookies(browser)
    back = browser.leave_for_sign_in(site.url + "/auth/login")
    posts = sandbox.calls("token")
    assert browser.send(method, back, headers=headers).status == 204
    assert sandbox.calls("token") == posts and state_cookies(browser)
    assert browser.get(back, headers=PAGE).status == 200


@pytest.mark.parametrize("query, words", [
    ("admin_consent=True&tenant=6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38&scope=x", "has consented"),
    ("admin_consent=True&tenant=6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38&state=12345", "has consented"),
    ("admin_consent=True&error=access_denied&error_description=AADSTS65004%0d%0a", "not given")])
def test_admin_consent_comes_back(site, browser, query, words):
    answer = come_back(site, browser, query)
    assert answer.status == 200 and words in answer.text and 'href="/auth/login"' in answer.text
    assert browser.get(site.url + "/auth/token").status == 401


@pytest.mark.parametrize("issuer, status", [("own", 200), ("https://evil.example/v2.0", 400),
                                            ("", 400)])
def test_an_issuer_that_names_itself_must_be_ours(site, sandbox, browser, issuer, status):
    """RFC 9207."""
    back = browser.leave_for_sign_in(site.url + "/auth/login")
    if issuer == "own":
        issuer = f"{sandbox.authority}/{sandbox.tenant}/v2.0"
    answer = browser.get(back + "&" + urllib.parse.urlencode({"iss": issuer}), headers=PAGE)
    assert answer.status == status
    assert browser.get(site.url + "/auth/token").status == (200 if status == 200 else 401)


def test_a_code_is_in_no_log_whoever_refuses_it(site, browser):
    mark = "code-of-a-callback-4711"
    for method, path in (("POST", "/auth/callback"), ("PUT", "/auth/callback/microsoft"),
                         ("GET", "/staff/auth/callback"), ("GET", "/auth/callback/other"),
                         ("GET", "/auth/callbacks")):
        browser.send(method, f"{site.url}{path}?code={mark}&state={mark}")
    seen = site.httpd.accessed(lambda log: mark in log or '"GET /auth/callbacks' in log)
    assert mark not in seen and mark not in site.httpd.log()


@pytest.mark.parametrize("most, is_read", [(64, True), (65, False)])
def test_a_callback_is_read_up_to_its_64th_parameter(site, browser, most, is_read):
    """A provider may add what it likes, but not without end."""
    address, _, query = browser.leave_for_sign_in(site.url + "/auth/login").partition("?")
    pairs = sorted(query.split("&"), key=lambda pair: pair.startswith("state="))
    added = [f"p{n}=1" for n in range(most - len(pairs))]
    answer = browser.follow(address + "?" + "&".join(added + pairs))
    assert (answer.status == 200) is is_read, answer


def test_other_routes_read_24_parameters(site, browser):
    browser.sign_in(site.url + "/auth/login")
    for most, status in ((24, 200), (25, 400)):
        query = "&".join(f"p{n}=1" for n in range(most))
        assert browser.get(site.url + "/auth/token?" + query).status == status
