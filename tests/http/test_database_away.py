# Licensed under the Apache License, Version 2.0; see LICENSE.
"""PostgreSQL goes away and comes back; a table that is not there; a second mount of the same table."""

import time

from support.browser import Browser
from support.database import Postgres


def test_cached_tokens_are_served_and_all_is_well_again(make_site, sandbox, ground):
    cluster = Postgres().start()
    site = None
    try:
        from support.site import Site
        site = Site(ground / "away", sandbox, "event", "pgsql", cluster)
        site.start()
        browser = Browser(sandbox.ca)
        browser.sign_in(site.url + "/tom/auth/login")
        assert browser.get(site.url + "/tom/auth/token").status == 200
        cluster.stop()
        assert browser.get(site.url + "/tom/auth/token").status == 200
        begun = time.monotonic()
        other = Browser(sandbox.ca).get(site.url + "/staff/auth/token",
                                        headers={"Authorization": "Basic Ym9iOmJvYg=="})
        assert other.status == 503 and time.monotonic() - begun < 10
        assert "dbname" not in other.text and "SELECT" not in other.text
        health = browser.get(site.url + "/health/microsoft")
        assert health.status == 503 and health.json["database"] == "down"
        ready = browser.get(site.url + "/health/ready")
        assert ready.status == 503 and ready.json["database"] == "down"
        assert ready.json["keys"] == "up" and browser.get(site.url + "/health/live").status == 200
        whole = browser.get(site.url + "/health")
        assert whole.status == 503 and whole.json["status"] == "unhealthy"
        assert whole.json["database"] == "down" and whole.json["providers"][0]["status"] == "up"
        cluster.start()
        site.httpd.wait_until(lambda: Browser(sandbox.ca).get(
            site.url + "/staff/auth/token",
            headers={"Authorization": "Basic Ym9iOmJvYg=="}).status != 503, 20)
        assert browser.get(site.url + "/health/microsoft").status == 200
        assert browser.get(site.url + "/health/ready").status == 200
    finally:
        if site:
            site.end()
        cluster.remove()


def test_a_missing_table_says_migrate(make_site, sandbox):
    site = make_site(engine="sqlite3", migrate=False)
    site.start()
    try:
        answer = Browser(sandbox.ca).get(site.url + "/tom/auth/token")
        assert answer.status in (500, 503)
        assert "graphtokctl migrate" in site.httpd.log()
        site.migrate()
        assert Browser(sandbox.ca).get(site.url + "/tom/auth/token").status == 401
    finally:
        site.end()
