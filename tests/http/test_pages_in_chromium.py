# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Our pages as Chromium shows them: both languages and themes, no complaint, links that work."""

import pytest

from support import chromium
from support.httpd import build_folder
from support.site import MOUNTS

SHOTS = build_folder() / "shots"
PAGES = {"over": "/auth/callback?state=unknown", "not-found": "/auth/nothing",
         "consent": "/auth/callback?admin_consent=True", "sign-in": "/refuse/x"}


@pytest.fixture(scope="module")
def site(make_site):
    made = make_site(mounts=MOUNTS + """
<Location "/refuse">
    GraphTokPassToken header missing=refuse
</Location>
""")
    (made.folder / "htdocs" / "index.html").write_text("<title>start</title><link rel='icon' href='data:,'>start\n")
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module", params=["en-GB,en", "de-DE,de"], ids=["en", "de"])
def driver(request):
    browser = chromium.start(request.param)
    browser.language = request.param[:2]
    yield browser
    browser.quit()


def find(driver, selector):
    return driver.find_elements("css selector", selector)


@pytest.mark.parametrize("name", PAGES)
def test_each_page_in_both_themes(site, driver, name):
    grounds = set()
    for dark in (False, True):
        chromium.theme(driver, dark)
        driver.get(site.url + PAGES[name])
        assert find(driver, "html")[0].get_attribute("lang") == driver.language
        assert len(find(driver, "h1")) == 1 and find(driver, "nav a")
        grounds.add(find(driver, "body")[0].value_of_css_property("background-color"))
        for selector in ("h1", "main p", "nav a", "nav a:last-child"):
            assert chromium.contrast(driver, selector) >= 4.5, (selector, dark)
        if name != "consent":
            assert chromium.contrast(driver, "footer p") >= 4.5
        chromium.shot(driver, SHOTS, f"{name}-{driver.language}-{'dark' if dark else 'light'}")
        assert not chromium.complaints(driver)
    assert len(grounds) == 2, "the theme makes no difference"


def test_a_page_fits_a_telephone(site, driver):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True})
    driver.get(site.url + PAGES["over"])
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    chromium.shot(driver, SHOTS, f"over-{driver.language}-telephone")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 320 and not chromium.complaints(driver)


def test_the_links_lead_on(site, driver):
    driver.get(site.url + PAGES["not-found"])
    assert not chromium.complaints(driver)
    find(driver, "nav a")[0].click()
    chromium.wait_for(driver, lambda d: d.title, "start")
    assert driver.current_url == site.url + "/"
    driver.get(site.url + PAGES["over"])
    assert not chromium.complaints(driver)
    find(driver, "nav a")[0].click()
    chromium.wait_for(driver, lambda d: bool(find(d, 'button[value="ada@sandbox.example"]')))
    assert "/oauth2/v2.0/authorize?" in driver.current_url
    for dark in (False, True):
        chromium.theme(driver, dark)
        assert chromium.contrast(driver, "h1") >= 4.5
        chromium.shot(driver, SHOTS, f"sandbox-{'dark' if dark else 'light'}")
    find(driver, 'button[value="ada@sandbox.example"]')[0].click()
    chromium.wait_for(driver, lambda d: d.current_url.startswith(site.url))
    assert "ada@sandbox.example" in find(driver, "main")[0].text
    chromium.shot(driver, SHOTS, f"signed-in-{driver.language}")
    assert not chromium.complaints(driver)
