# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Debian's Chromium by its driver: what a person would see, and what the browser complains of."""

import base64

import pytest


def start(languages="en-GB,en", dark=False):
    """A fresh browser of a person who reads these languages and has that theme; quit() ends it."""
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                 "--no-proxy-server", "--window-size=900,1000"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": languages})
    options.set_capability("acceptInsecureCerts", True)  # the sandbox's
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    theme(driver, dark)
    return driver


def theme(driver, dark):
    """Dark or light, as prefers-color-scheme tells pages."""
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})


def wait_for(driver, what, state=True):
    """Wait until `what` of the browser is `state`."""
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(driver, 30).until(lambda d: what(d) == state)


def complaints(driver):
    """What stands in the console since the last look, but for the status of the page itself."""
    return [entry["message"] for entry in driver.get_log("browser")
            if not (entry["source"] == "network" and driver.current_url in entry["message"]
                    and "the server responded with a status of" in entry["message"])]


def contrast(driver, selector):
    """The contrast of an element's text with what is painted behind it (WCAG 2.2)."""
    return driver.execute_script("""
        const lightness = (text) => {
          const parts = text.match(/[\\d.]+/g).map(Number).slice(0, 3).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const element = document.querySelector(arguments[0]);
        let behind = element;
        while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
          behind = behind.parentElement;
        const pair = [lightness(getComputedStyle(element).color),
                      lightness(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
        return (pair[0] + 0.05) / (pair[1] + 0.05);""", selector)


def shot(driver, folder, name):
    """A picture for people who look at pages."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    driver.save_screenshot(str(path))
    assert path.stat().st_size > 3000


def sign_in_as(driver, user, password, **fields):
    """Send a name and a password of AuthType Basic from now on, as after the browser's own question."""
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setExtraHTTPHeaders",
                           {"headers": {"Authorization": "Basic " + word, **fields}})


def press(driver, *keys):
    """Press keys by their names, where the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    chain = ActionChains(driver)
    for key in keys:
        chain.send_keys(getattr(Keys, key.upper()))
    chain.perform()
