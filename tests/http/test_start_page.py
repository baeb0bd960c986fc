# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The start page of ./quickstart in Chromium: what calendars hold, and what a failure looks like."""

import pathlib
import shutil

import pytest

from support import chromium
from support.httpd import build_folder
from support.site import MOUNTS

PAGE = pathlib.Path(__file__).resolve().parents[2] / "conf" / "quickstart"
SHOTS = build_folder() / "shots"


@pytest.fixture(scope="module")
def site(make_site):
    made = make_site(mounts=MOUNTS + "AddType text/html .html\nAddType text/css .css\n"
                                     "AddType text/javascript .js\nDirectoryIndex index.html\n")
    for path in PAGE.iterdir():
        shutil.copy(path, made.folder / "htdocs" / path.name)
    made.start()
    yield made
    made.end()


@pytest.fixture(params=["en-GB,en", "de-DE,de"], ids=["en", "de"])
def driver(request, site, sandbox):
    """A browser in New York, in which ada is signed in."""
    made = chromium.start(request.param)
    made.language = request.param[:2]
    made.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    made.get(site.url + "/auth/login?login_hint=ada%40sandbox.example&return_to=/")
    chromium.wait_for(made, lambda d: text(d, "token") not in ("", "…"))
    yield made
    made.quit()


def text(driver, name):
    found = driver.find_elements("id", name)
    return found[0].text if found else ""


def show(driver, site):
    driver.get(site.url + "/")
    chromium.wait_for(driver, lambda d: d.execute_script("return !!document.body.dataset.ready"))


def answer(sandbox, where, status, body, **more):
    sandbox.fault(where=where, kind="status", status=status, body=body, times=0,
                  headers={"Content-Type": "application/json"}, **more)


def test_whole_days_and_events_without_a_title(site, sandbox, driver):
    answer(sandbox, "graph", 200, """{"value": [
        {"subject": "Fair", "isAllDay": true,
         "start": {"dateTime": "2030-05-02T00:00:00.0000000", "timeZone": "UTC"}},
        {"subject": null, "isAllDay": false,
         "start": {"dateTime": "2030-05-02T12:30:00.0000000", "timeZone": "UTC"}}]}""")
    show(driver, site)
    fair, untitled = (item.text for item in driver.find_elements("css selector", "#events li"))
    # No zone moves a whole day; 12:30 in UTC is 8:30 in New York.
    assert {"en": "May 2, 2030", "de": "02.05.2030"}[driver.language] == fair.split("\n")[-1], fair
    assert {"en": "(no title)", "de": "(ohne Titel)"}[driver.language] in untitled
    assert "30" in untitled and "null" not in untitled
    chromium.shot(driver, SHOTS, f"start-events-{driver.language}")
    assert not chromium.complaints(driver)


def test_a_failure_is_no_empty_calendar(site, sandbox, driver):
    answer(sandbox, "graph", 503, "")
    show(driver, site)
    wanted = {"en": "Not available at the moment (GT0708)", "de": "Zurzeit nicht verfügbar (GT0708)"}
    assert text(driver, "events") == wanted[driver.language]
    chromium.shot(driver, SHOTS, f"start-failed-{driver.language}")


def test_words_of_code_are_so_in_each_language(site, driver):
    show(driver, site)
    assert [code.text for code in driver.find_elements("css selector", "main > p code")] == [
        "/auth", "/calendar"]
