# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Continuous access evaluation: Graph refuses a token that is not over, and says what the next one
must meet. The token is dropped on two servers of one database, one refresh brings the demands along,
and when that is not enough the user signs in once with them."""

import base64
import json
import threading
import urllib.parse

import pytest

from support.browser import Browser
from support.site import MOUNTS

ADA = "ada@sandbox.example"
CAPABLE = {"xms_cc": {"values": ["cp1"]}}
PLACES = MOUNTS + """
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
"""
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
EVENT = {"subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}


@pytest.fixture(scope="module", name="pair")
def pair_fixture(make_site):
    """Two servers on one database, whose sessions are the same."""
    more = dict(engine="pgsql", mounts=PLACES, provider="GraphTokContinuousAccess on",
                settings="GraphTokSessionRealm nodes\nGraphTokLease 30s")
    one = make_site(**more)
    two = make_site(database=one.database, migrate=False,
                    keyring=(one.secrets / "keyring").read_text(), **more)
    for node in (one, two):
        node.start()
    yield one, two
    for node in (two, one):
        node.end()


@pytest.fixture(name="ada")
def ada_fixture(pair, sandbox):
    """A browser whose token stands in the caches of both servers."""
    browser = Browser(sandbox.ca)
    assert browser.sign_in(pair[0].url + "/auth/login").status == 200
    jar = browser.jar
    assert [browser.get(node.url + "/calendar/").status for node in pair] == [200, 200]
    browser.jar = jar
    return browser


def row(site):
    """The grant's status, and the demands on its next token."""
    [[status, claims]] = site.database.sql("SELECT status, coalesce(claims, '') FROM user_tokens")
    return int(status), json.loads(claims or "null")


def demands_in(url):
    """The claims parameter of an address."""
    return json.loads(urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["claims"][0])


def challenges(site):
    """What the figures count, by what came next."""
    page = Browser().get(site.url + "/metrics").text
    return [int(page.partition(f'graphtok_claims_challenges_total{{provider="microsoft",next="{what}"}} ')
                [2].partition("\n")[0]) for what in ("refresh", "sign-in")]


def is_dropped(site, browser):
    """Whether a server has no token to be served, asked where none is refreshed for it."""
    return browser.get(site.url + "/auth/token").status != 200


def test_the_token_lives_long(pair, ada, sandbox):
    left = ada.get(pair[0].url + "/auth/token").json["expires_in"]
    assert 71_000 < left <= 100_800
    at_provider = Browser(sandbox.ca).get(pair[0].url + "/auth/login").location
    assert demands_in(at_provider) == {"access_token": CAPABLE}


def test_a_storm_of_challenges_is_one_refresh(pair, ada, sandbox):
    before, counted = sandbox.calls("token"), challenges(pair[0])[0]
    sandbox.access_event(ADA, "location_changed")
    statuses = []

    def ask(node):
        statuses.append(ada.get(node.url + "/calendar/").status)

    threads = [threading.Thread(target=ask, args=(pair[n % 2],)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16 and sandbox.calls("token") == before + 1
    assert row(pair[0]) == (1, None)
    assert challenges(pair[0])[0] > counted or challenges(pair[1])[0] > 0


def test_a_change_is_carried_out_once(pair, ada, sandbox):
    sandbox.access_event(ADA, "location_changed")
    assert ada.post(pair[0].url + "/calendar/events", EVENT).status == 201
    assert len(sandbox.process.events(ADA)) == 1


def test_the_user_signs_in_once_with_the_demands(pair, ada, sandbox):
    claims = json.loads(sandbox.access_event(ADA, "location_changed", needs_user=True))
    refused = ada.get(pair[0].url + "/calendar/")
    assert refused.status == 401 and demands_in(refused.json["login_url"]) == claims
    assert row(pair[0]) == (2, claims)
    spent, sent = sandbox.calls("token"), sandbox.calls("graph")
    for node in pair:
        node.httpd.wait_until(lambda node=node: is_dropped(node, ada), 5)
        answer = ada.get(node.url + "/calendar/")
        assert answer.status == 401 and demands_in(answer.json["login_url"]) == claims
    assert (sandbox.calls("token"), sandbox.calls("graph")) == (spent, sent)
    login = pair[1].url + "/auth/login"  # as an application's own link has it
    both = {"access_token": claims["access_token"] | CAPABLE}
    assert demands_in(Browser(sandbox.ca).get(pair[1].url + refused.json["login_url"]).location) == both
    assert demands_in(ada.get(login).location) == both
    assert demands_in(ada.get(login + "?prompt=select_account").location)["access_token"] == CAPABLE
    assert ada.sign_in(login).status == 200
    assert [ada.get(node.url + "/calendar/").status for node in pair] == [200, 200]
    assert sandbox.calls("token") == spent + 1 and row(pair[0]) == (1, None)


@pytest.mark.parametrize("event", ["session_revoked", "user_disabled"])
def test_what_an_administrator_ended_is_ended_on_both(pair, ada, sandbox, event):
    claims = json.loads(sandbox.access_event(ADA, event))
    refused = [ada.get(pair[0].url + "/calendar/")]
    sent = sandbox.calls("graph")
    pair[1].httpd.wait_until(lambda: is_dropped(pair[1], ada), 5)
    refused.append(ada.get(pair[1].url + "/calendar/"))
    assert sandbox.calls("graph") == sent
    if event == "user_disabled":
        assert [answer.status for answer in refused] == [403, 403]
        return
    for answer in refused:
        assert answer.status == 401 and demands_in(answer.json["login_url"]) == claims


def test_the_other_server_drops_it_while_the_refresh_hangs(pair, ada, sandbox):
    sandbox.access_event(ADA, "location_changed")
    spent, dropped = sandbox.calls("token"), pair[1].httpd.log().count("leaves the cache")
    sandbox.fault("token", "hang")
    waiting = threading.Thread(target=ada.get, args=(pair[0].url + "/calendar/",))
    waiting.start()
    sandbox.wait_for_calls("token", spent + 1)
    sent = sandbox.calls("graph")
    pair[1].httpd.wait_until(
        lambda: pair[1].httpd.log().count("leaves the cache") > dropped, 5)
    other = threading.Thread(target=ada.get, args=(pair[1].url + "/calendar/",))
    other.start()
    pair[1].httpd.wait_until(lambda: "not from the row" in pair[1].httpd.log()
                             or "from the cache, there is none" in pair[1].httpd.log(), 5)
    assert sandbox.calls("graph") == sent
    sandbox.fault("token", "none")
    waiting.join()
    other.join()
    assert sandbox.calls("graph") == sent + 2 and sandbox.calls("token") == spent + 1


def test_demands_outlive_a_restart(pair, ada, sandbox):
    claims = json.loads(sandbox.access_event(ADA, "location_changed"))
    sandbox.fault("token", "status", status=500)
    assert ada.get(pair[0].url + "/calendar/").status == 502
    assert row(pair[0]) == (1, claims)
    sent = sandbox.calls("graph")
    pair[0].httpd.stop()
    pair[0].httpd.start()
    answer = ada.get(pair[0].url + "/calendar/")
    assert answer.status == 200 and sandbox.calls("graph") == sent + 1


def test_a_circle_ends_at_the_user(pair, ada, sandbox):
    spent = sandbox.calls("token")
    sandbox.fault("graph", "claims", times=0)
    for _ in range(3):
        answer = ada.get(pair[0].url + "/calendar/")
        assert answer.status == 401 and "nbf" in demands_in(answer.json["login_url"])["access_token"]
    assert sandbox.calls("token") == spent + 1 and row(pair[0])[0] == 2
    page = ada.get(pair[0].url + "/calendar/", headers=PAGE)
    assert page.status == 401 and page.location is None and "claims=" in page.text


HOSTILE = ["", "not base64!", "W10=", "bm8ganNvbg==", "eyJhIjoxLCJhIjoyfQ==",
           base64.b64encode(b'{"access_token":{"a":"' + b"x" * 3000 + b'"}}').decode(),
           base64.b64encode(b'{"a":' * 400).decode()]


@pytest.mark.parametrize("claims", HOSTILE, ids=range(len(HOSTILE)))
def test_a_challenge_that_cannot_be_read_is_a_plain_refusal(pair, ada, sandbox, claims):
    field = f'Bearer realm="", error="insufficient_claims", claims="{claims}"'
    sandbox.fault("graph", "status", status=401, headers={"WWW-Authenticate": field})
    spent, logged = sandbox.calls("token"), pair[0].httpd.log().count("GT0770")
    assert ada.get(pair[0].url + "/calendar/").status == 200
    assert sandbox.calls("token") == spent + 1 and row(pair[0]) == (1, None)
    assert pair[0].httpd.log().count("GT0770") > logged
