# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O6: two stores in two virtual hosts. What belongs to one place works in none of the others,
for the same person and under every name."""

import itertools
import re
import urllib.parse

import pytest

from support.browser import Browser, query_of

WHERE = [("event", "sqlite3"), ("event", "pgsql")]

HOSTS = """
<VirtualHost *>
    ServerName localhost:{port}
</VirtualHost>
<VirtualHost *>
    ServerName 127.0.0.1:{port}
</VirtualHost>
<Location "/beta">
    GraphTokUseStore beta
</Location>
""" + "".join(f"""
<Location "{store}{user}/auth">
    SetHandler graphtok-auth
</Location>
<Location "{store}{user}/calendar">
    SetHandler graphtok-calendar
</Location>
""" for store in ("/main", "/beta") for user in ("", "/tom")) + """
<LocationMatch "^/(main|beta)/tom">
    GraphTokUser static tom
</LocationMatch>
GraphTokLimit off
"""
STORES = """
<GraphTokStore beta>
    GraphTokTable beta_tokens
</GraphTokStore>
"""
PLACES = [(host, store) for host in ("localhost", "127.0.0.1") for store in ("main", "beta")]
PAIRS = list(itertools.permutations(PLACES, 2))
NAMES = ["/".join(a) + " in " + "/".join(b) for a, b in PAIRS]
TABLES = {"main": "user_tokens", "beta": "beta_tokens"}


@pytest.fixture(scope="module")
def site(make_site, request):
    made = make_site(*request.param, mounts=HOSTS, settings=STORES)
    made.start()
    yield made
    made.end()


def url_of(site, place):
    host, store = place
    return f"http://{host}:{site.httpd.port}/{store}"


def sign_in(site, sandbox, place, user=""):
    """A browser that is signed in at one place alone."""
    browser = Browser(sandbox.ca)
    url = url_of(site, place) + user
    sandbox.add_redirect_uri(url + "/auth/callback")
    assert browser.sign_in(url + "/auth/login").status == 200
    return browser


@pytest.fixture
def signed_in(site, sandbox):
    """The same person in each place, each in a browser of its own."""
    yield {place: sign_in(site, sandbox, place) for place in PLACES}
    for table in TABLES.values():
        site.database.sql(f"DELETE FROM {table}")


def session_of(browser):
    [cookie] = [c for c in browser.jar if re.fullmatch("graphtok-[0-9a-f]{8}", c.name)]
    return cookie


def page_of(sandbox, browser, url):
    sandbox.bulk_events("ada@sandbox.example", count=3)
    answer = browser.get(url + "/calendar/events?top=1")
    assert answer.status == 200, answer
    return query_of(answer.json["@odata.nextLink"])["page"]


def test_sessions(site, signed_in):
    for (a, b), name in zip(PAIRS, NAMES):
        value, own_name = session_of(signed_in[a]).value, session_of(signed_in[b]).name
        for cookie in (session_of(signed_in[a]).name, own_name):
            asked = Browser().get(url_of(site, b) + "/auth/token",
                                  headers={"Cookie": f"{cookie}={value}"})
            assert asked.status == 401, name
    for place in PLACES:
        assert signed_in[place].get(url_of(site, place) + "/auth/token").status == 200


def test_pages_of_lists(site, sandbox, signed_in):
    pages = {place: page_of(sandbox, signed_in[place], url_of(site, place)) for place in PLACES}
    for (a, b), name in zip(PAIRS, NAMES):
        asked = signed_in[b].get(url_of(site, b) + "/calendar/events?"
                                 + urllib.parse.urlencode({"page": pages[a]}))
        assert asked.status == 400 and asked.json["tag"] == "GT0836", (name, asked)
    for place, page in pages.items():
        query = urllib.parse.urlencode({"page": page})
        assert signed_in[place].get(url_of(site, place) + "/calendar/events?" + query).status == 200
        assert signed_in[place].get(url_of(site, place) + "/calendar/next24?" + query).status == 400


def test_pages_of_a_static_user(site, sandbox):
    browsers = {place: sign_in(site, sandbox, place, "/tom") for place in PLACES}
    pages = {place: page_of(sandbox, browsers[place], url_of(site, place) + "/tom") for place in PLACES}
    for (a, b), name in zip(PAIRS, NAMES):
        asked = browsers[b].get(url_of(site, b) + "/tom/calendar/events?"
                                + urllib.parse.urlencode({"page": pages[a]}))
        assert asked.status == 400 and asked.json["tag"] == "GT0836", (name, asked)


def test_sign_ins_under_way(site, sandbox):
    for (a, b), name in zip(PAIRS, NAMES):
        browser = Browser(sandbox.ca)
        sandbox.add_redirect_uri(url_of(site, a) + "/auth/callback")
        back = browser.leave_for_sign_in(url_of(site, a) + "/auth/login")
        state = "; ".join(f"{c.name}={c.value}" for c in browser.jar if "-s-" in c.name)
        asked = Browser().get(back.replace(url_of(site, a), url_of(site, b)),
                              headers={"Cookie": state})
        assert asked.status == 400 and asked.json["tag"] == "GT0834", (name, asked)
        # Nothing was spent by the attempt: its own place takes it.
        assert browser.get(back).status == 200, name


@pytest.mark.parametrize("kept, gone", [("main", "beta"), ("beta", "main")])
def test_rows_and_cached_tokens(site, sandbox, signed_in, kept, gone):
    """The same user, with a token in the cache of one store; its row is then moved by hand."""
    host = "localhost"
    here, there = url_of(site, (host, kept)), url_of(site, (host, gone))
    assert signed_in[host, gone].post(there + "/auth/revoke").status == 200
    assert signed_in[host, kept].get(here + "/calendar/").status == 200
    for url in (there, url_of(site, ("127.0.0.1", gone))):
        assert Browser().get(url + "/auth/token", headers={
            "Cookie": cookies_of(*signed_in.values())}).status == 401
    site.database.sql(f"DELETE FROM {TABLES[gone]}")
    site.database.sql(f"INSERT INTO {TABLES[gone]} SELECT * FROM {TABLES[kept]}")
    # A session there names a row by its id: that of another store is none.
    assert signed_in[host, gone].get(there + "/auth/token").status == 401
    moved = sign_in_static(site, sandbox, gone, kept)
    assert moved.status == 500 and moved.json["tag"] == "GT0209", moved


def sign_in_static(site, sandbox, gone, kept):
    """The answer to tom, whose row was copied from one store to the other."""
    for table in TABLES.values():
        site.database.sql(f"DELETE FROM {table}")
    tom = sign_in(site, sandbox, ("localhost", kept), "/tom")
    site.database.sql(f"INSERT INTO {TABLES[gone]} SELECT * FROM {TABLES[kept]}")
    return tom.get(url_of(site, ("localhost", gone)) + "/tom/calendar/")


def cookies_of(*browsers):
    return "; ".join(f"{c.name}={c.value}" for b in browsers for c in b.jar)


def test_a_revoke_ends_its_own_store_alone(site, sandbox, signed_in):
    here, there = ("localhost", "main"), ("localhost", "beta")
    assert signed_in[here].post(url_of(site, here) + "/auth/revoke").status == 200
    assert signed_in[there].get(url_of(site, there) + "/calendar/").status == 200
    assert site.database.sql("SELECT count(*) FROM beta_tokens") == [["1"]]
