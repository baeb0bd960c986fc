# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A provider that is slow, throttles, fails, answers rubbish or dies: the right status, no secret,
nothing lost, and the next call works."""

import time

import pytest

from support.browser import Browser

EVERYWHERE = True

GRAPH = [
    (dict(kind="status", status=500), (500, 502)),
    (dict(kind="html"), (502,)),
    (dict(kind="garbage"), (502,)),
    (dict(kind="die"), (502,)),
    (dict(kind="redirect"), (502,)),
    (dict(kind="graph_error", status=503, code="ServiceUnavailable"), (503,)),
]


@pytest.fixture
def ada(site, browser):
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


@pytest.mark.parametrize("fault, statuses", GRAPH, ids=[row[0]["kind"] for row in GRAPH])
def test_graph(site, sandbox, ada, fault, statuses):
    sandbox.fault(where="graph", times=3, **fault)
    answer = ada.get(site.url + "/calendar/")
    assert answer.status in statuses, answer
    sandbox.fault(where="graph", kind="none")
    assert ada.get(site.url + "/calendar/").status == 200


def test_graph_dies_in_the_middle_of_an_answer(site, sandbox, ada):
    import http.client
    sandbox.fault(where="graph", kind="die_after", times=1)
    try:
        answer = ada.get(site.url + "/calendar/events")
        assert answer.status == 502, answer
    except (http.client.IncompleteRead, ConnectionError):
        pass  # the head was gone already: what came must be seen to be cut
    assert ada.get(site.url + "/calendar/").status == 200


def test_graph_is_slow(site, sandbox, ada):
    sandbox.fault(where="graph", kind="delay", seconds=0.5, times=1)
    assert ada.get(site.url + "/calendar/").status == 200


@pytest.mark.parametrize("mount", ["/tom", ""])
def test_a_token_refused_right_after_a_sign_in_is_no_circle(site, sandbox, mount):
    page = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    browser = Browser(sandbox.ca)
    asked = site.url + mount + "/calendar/"
    assert browser.get(asked, headers=page).status == 302
    assert browser.sign_in(site.url + mount + "/auth/login").status == 200
    sandbox.fault(where="graph", times=0, kind="status", status=401)
    for _ in range(3):
        refused = browser.get(asked, headers=page)
        assert refused.status == 401 and refused.location is None, refused
        assert f'href="{mount}/auth/login?' in refused.text and "GT07" in refused.text
    sandbox.fault(where="graph", kind="none")
    assert browser.get(asked, headers=page).status == 200
    # A grant that is gone is another matter: there a sign-in helps.
    assert browser.post(site.url + mount + "/auth/revoke").status == 200
    assert browser.get(asked, headers=page).status == 302


SIGN_IN = [
    (dict(where="token", kind="status", status=500), (502, 503)),
    (dict(where="token", kind="html"), (502,)),
    (dict(where="token", kind="empty"), (502,)),
    (dict(where="token", kind="garbage"), (502,)),
    (dict(where="token", kind="huge", mib=11), (502,)),
    (dict(where="token", kind="die"), (502,)),
    (dict(where="token", kind="redirect"), (502,)),
    (dict(where="token", kind="entra_error", status=400, error="invalid_grant", code=54005),
     (400, 401)),
]


@pytest.mark.parametrize("fault, statuses", SIGN_IN,
                         ids=[row[0]["kind"] + str(n) for n, row in enumerate(SIGN_IN)])
def test_sign_in(site, sandbox, browser, fault, statuses):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    sandbox.fault(times=1, **fault)
    answer = browser.get(callback)
    assert answer.status in statuses, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert browser.get(site.url + "/auth/token").status == 401
    assert Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 200


def test_health_says_what_is_down(site, sandbox, browser):
    health = browser.get(site.url + "/health/microsoft")
    assert health.status == 200 and health.json["status"] == "healthy"
    assert health.json["configured"] is True and health.json["service"] == "microsoft_graph"
    assert health.json["last_check"].endswith("Z")
    assert browser.get(site.url + "/health/google").status == 404
    for path in ("/health", "/health/"):
        whole = browser.get(site.url + path)
        assert whole.status == 200 and whole.json["status"] == "healthy", whole
        assert whole.json["database"] == "up" and whole.json["last_check"].endswith("Z")
        [provider] = whole.json["providers"]
        assert provider["provider"] == "microsoft" and provider["status"] == "up"


def test_O4_token_statistics(site, sandbox, ada):
    tokens = ada.get(site.url + "/health/microsoft/tokens")
    assert tokens.status == 200 and tokens.json["total"] >= 1 and tokens.json["active"] >= 1


def test_our_own_secret_is_wrong(site, sandbox, browser):
    """An alarm, no user is asked to sign in again, and after some seconds all is well."""
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    sandbox.fault(where="token", kind="entra_error", status=401, error="invalid_client",
                  code=7000222, times=1)
    answer = browser.get(callback)
    assert answer.status == 502 and answer.json["code"] == "AADSTS7000222"
    assert int(answer.headers["Retry-After"]) >= 1
    for _ in range(4):  # each child knows
        held = Browser(sandbox.ca).sign_in(site.url + "/auth/login")
        assert held.status == 502 and held.json["tag"] == "GT0619"
        assert held.json["retry_after"] >= 1
    site.httpd.wait_until(
        lambda: Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 200, 15)


THEIRS = [
    (700016, "unauthorized_client"),
    (7000112, "unauthorized_client"),
    (650052, "invalid_client"),
    (500011, "invalid_resource"),
    (70011, "invalid_scope"),
    (90002, "invalid_tenant"),
    (90055, "temporarily_unavailable"),
    (50196, "invalid_grant"),
    (9002313, "invalid_request"),  # what a stranger gets for a code that is none
]


def test_one_tenants_refusal_is_not_the_others(make_site, sandbox):
    """A user of another tenant who signs in after it is not held back."""
    site = make_site(provider=f"GraphTokTenant common\nGraphTokAllowedTenants {sandbox.tenant}")
    site.start()
    try:
        for code, error in THEIRS:
            theirs = Browser(sandbox.ca)
            callback = theirs.leave_for_sign_in(site.url + "/auth/login")
            sandbox.fault(where="token", kind="entra_error", status=400, error=error, code=code,
                          times=1)
            refused = theirs.get(callback)
            assert refused.status >= 400 and refused.json["code"] == f"AADSTS{code}"
            assert Browser(sandbox.ca).sign_in(site.url + "/auth/login").status == 200, code
    finally:
        site.end()


def test_a_provider_that_never_answers(make_site, sandbox):
    site = make_site(provider="GraphTokTimeout 1s", engine="sqlite3")
    site.start()
    try:
        browser = Browser(sandbox.ca)
        browser.sign_in(site.url + "/auth/login")
        sandbox.fault(where="graph", kind="hang", seconds=30, times=1)
        begun = time.monotonic()
        answer = browser.get(site.url + "/calendar/")
        assert answer.status == 504 and time.monotonic() - begun < 10
        assert browser.get(site.url + "/calendar/").status == 200
    finally:
        site.end()
