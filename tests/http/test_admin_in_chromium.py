# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O2: an administrator works with ten thousand grants in Chromium, by keyboard and pointer, in both
themes, on a telephone; axe-core finds nothing serious."""

import pathlib
import sqlite3

import pytest

from support import axe, chromium
from support.httpd import build_folder
from support.site import MOUNTS, administered

ROWS = pathlib.Path(__file__).resolve().parents[1] / "sandbox" / "made_up_grants.sql"
SHOTS = build_folder() / "shots"
ADMIN = administered("/admin", "graphtok-admin")
SETTINGS = """GraphTokBackground on
GraphTokRefreshUsedWithin 1min
GraphTokRefreshRate 200
<GraphTokStore main>
    GraphTokMailSync on
</GraphTokStore>
"""
# One that has no grant, and one that was switched off.
MAILBOXES = """INSERT INTO mail_accounts (user_id, provider, email_address, incoming_server,
    incoming_port, sync_enabled, created_at, updated_at) VALUES
    ('no such user', 'microsoft', 'office@contoso.com', 'outlook.office365.com', 993, 1, 1, 1),
    ('no such user', 'microsoft', 'archive@contoso.com', 'outlook.office365.com', 993, 0, 1, 1)"""


@pytest.fixture(scope="module")
def site(make_site):
    made = make_site(mounts=MOUNTS + ADMIN, settings=SETTINGS)
    with sqlite3.connect(made.database.params) as rows:
        rows.execute(ROWS.read_text(encoding="utf-8"), {"n": 10000})
        rows.execute(MAILBOXES)
    made.database.hand_over()
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def driver():
    browser = chromium.start("en-GB,en")
    chromium.sign_in_as(browser, "ada", "ada")
    yield browser
    browser.quit()


def find(driver, selector):
    return driver.find_elements("css selector", selector)


def click(driver, selector):
    find(driver, selector)[0].click()


def text(driver, selector):
    """Of the first such element now; "" where a page that is on its way has none."""
    return driver.execute_script(
        "return (document.querySelector(arguments[0])?.innerText ?? '').trim()", selector)


def assert_accessible(driver):
    assert axe.script() is None or axe.serious(driver) == []


def look_at(driver, name):
    """In both themes and as wide as a telephone: nothing serious, nothing cut off, a picture of each."""
    for dark in (False, True):
        chromium.theme(driver, dark)
        chromium.shot(driver, SHOTS, f"admin-{name}-{'dark' if dark else 'light'}")
        assert_accessible(driver)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    chromium.shot(driver, SHOTS, f"admin-{name}-telephone")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.theme(driver, False)
    assert wide <= 360


def test_the_overview(site, driver):
    def sum_of_all(browser):
        browser.get(site.url + "/admin")  # each look counts on, until all parts are counted
        return text(browser, ".sums b")
    chromium.wait_for(driver, sum_of_all, "10,000")
    look_at(driver, "overview")
    assert not chromium.complaints(driver)


def test_a_failing_grant_and_why(site, driver):
    """From the overview to the reason, by keyboard alone."""
    driver.get(site.url + "/admin")
    chromium.press(driver, "Tab", "Enter")  # past the header
    assert driver.execute_script("return document.activeElement.id") == "main"
    click(driver, ".sums a[href*=failing]")
    chromium.wait_for(driver, lambda d: "status=failing" in d.current_url)
    assert all(row.text for row in find(driver, "tbody .error"))
    field = find(driver, "input[name=q]")[0]
    field.send_keys("lena.engel0\n")
    chromium.wait_for(driver, lambda d: len(find(d, "tbody tr")), 1)
    click(driver, "tbody .user a")
    chromium.wait_for(driver, lambda d: text(d, "h1").startswith("lena.engel0"))
    assert "GT0520 AADSTS" in text(driver, ".fault")
    look_at(driver, "grant")
    click(driver, "form[action$='/validate'] button")
    chromium.wait_for(driver, lambda d: "GT0210" in text(d, "body"))
    chromium.complaints(driver)  # that the act failed


def test_five_hundred_in_bulk(site, driver):
    """Chosen on the page, begun, watched, stopped half way, reloaded, gone on with to the end."""
    driver.get(site.url + "/admin/grants?limit=12")
    look_at(driver, "grants")
    driver.get(site.url + "/admin/grants?limit=500")
    assert not find(driver, "#bulk")[0].is_displayed()
    click(driver, "#pick-page")
    assert text(driver, "#selected") == "500 selected"
    click(driver, "tbody tr:nth-child(2) .pick input")
    assert text(driver, "#selected") == "499 selected"
    click(driver, "#pick-page")
    click(driver, "[data-act=refresh]")
    assert text(driver, "dialog p") == "Refresh 500 grants?"
    chromium.press(driver, "Escape")
    chromium.wait_for(driver, lambda d: find(d, "dialog"), [])
    click(driver, "[data-act=refresh]")
    click(driver, "dialog button.main")
    chromium.wait_for(driver, lambda d: "/admin/bulk/" in d.current_url)

    def done():
        return driver.execute_script("return document.querySelector('#job progress')?.value ?? 0")
    chromium.wait_for(driver, lambda d: 0 < done() < 500)
    click(driver, "#stop button")
    chromium.wait_for(driver, lambda d: text(d, "#state"), "Stopped")
    assert 0 < done() < 500
    driver.refresh()
    chromium.wait_for(driver, lambda d: text(d, "#state"), "Stopped")
    assert 0 < done() < 500
    look_at(driver, "job")
    click(driver, "#continue button")
    chromium.wait_for(driver, lambda d: text(d, "#state"), "Done")
    assert done() == 500 and text(driver, "#of") == "500 of 500 done"
    assert text(driver, "#failed") == "500" and "GT0210" in text(driver, "#rows")
    assert not find(driver, "#stop button")[0].is_displayed()
    assert not chromium.complaints(driver)
    driver.get(site.url + "/admin/bulk")
    assert text(driver, "tbody .badge") == "Done"
    look_at(driver, "jobs")


def test_all_that_the_filter_means(site, driver):
    driver.get(site.url + "/admin/grants?status=needs-user&limit=2")
    click(driver, "tbody .pick input")
    click(driver, "#select-filter")
    click(driver, "[data-act=deactivate]")
    assert text(driver, "dialog p") == "Deactivate all grants?"
    click(driver, "dialog button.main")
    chromium.wait_for(driver, lambda d: "/admin/bulk/" in d.current_url)
    chromium.wait_for(driver, lambda d: text(d, "#state"), "Done")
    assert int(text(driver, "#succeeded")) == 416
    driver.get(site.url + "/admin/grants?status=needs-user")
    assert find(driver, ".empty") and not find(driver, "tbody tr")


def test_what_is_refused_is_told(site, driver):
    """A request without the token of a page, and a person who is no administrator."""
    driver.get(site.url + "/admin/grants?limit=2")
    click(driver, "tbody .pick input")
    chromium.sign_in_as(driver, "ada", "ada", **{"X-CSRF-Token": "none of ours"})
    click(driver, "[data-act=revoke]")
    click(driver, "dialog button.main")
    chromium.wait_for(driver, lambda d: text(d, "#told"), "This page is too old to act from. Reload it.")
    chromium.sign_in_as(driver, "bob", "bob")
    driver.get(site.url + "/admin/grants")
    assert not find(driver, "tbody tr")
    chromium.sign_in_as(driver, "ada", "ada")
    driver.get(site.url + "/admin/grants?limit=2")
    assert len(find(driver, "tbody tr")) == 2


def test_the_mailboxes(site, driver):
    driver.get(site.url + "/admin/accounts")
    assert [mark.text for mark in find(driver, "tbody .badge")] == ["Halted", "Switched off"]
    assert text(driver, "nav [aria-current]") == "Mailboxes"
    look_at(driver, "mailboxes")
    click(driver, "tbody tr:last-child button")
    chromium.wait_for(driver, lambda d: text(d, "p.note"), "Done")
    assert "Halted" in [mark.text for mark in find(driver, "tbody tr:last-child .badge")]
