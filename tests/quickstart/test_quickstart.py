# Licensed under the Apache License, Version 2.0; see LICENSE.
"""./quickstart as a newcomer has it: the README's commands as typed, the same in Chromium."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from support.httpd import free_port  # noqa: E402


def quickstart(*arguments, check=True):
    done = subprocess.run([TOP / "quickstart", *arguments], capture_output=True, text=True,
                          timeout=900, check=False, stdin=subprocess.DEVNULL)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def folder():
    return pathlib.Path(re.search(r"its folder: (.*)", quickstart("status").stdout)[1])


@pytest.fixture(scope="module")
def port():
    number = free_port()
    quickstart("--detach", "--port", str(number))
    yield number
    quickstart("stop")


def readme_commands(port):
    """The curl commands of the README's first block that has some, with our port."""
    blocks = re.findall(r"```sh\n(.*?)```", (TOP / "README.md").read_text(encoding="utf-8"), re.S)
    block = next(text for text in blocks if "curl -sSL" in text)
    commands = re.findall(r"^curl.*?(?=^curl|^\./)", block, re.S | re.M)
    return [command.replace("8080", str(port)).strip() for command in commands]


def test_the_readme_as_typed(port):
    outputs = []
    with tempfile.TemporaryDirectory() as home:
        for command in readme_commands(port):
            done = subprocess.run(["bash", "-c", command], cwd=home, capture_output=True, text=True,
                                  timeout=60, check=True)
            outputs.append(done.stdout)
    signed_in, token, events, made, revoked, after = (json.loads(text) for text in outputs)
    assert signed_in["status"] == "signed_in" and token["status"] == "active"
    assert events["value"], "the demo has events in the next 24 hours"
    assert made["subject"] == "Lunch" and revoked["status"] == "revoked"
    assert after["status"] == 401 and after["login_url"] == "/auth/login"


def test_second_start_is_refused(port):
    done = quickstart("--detach", "--port", str(port), check=False)
    assert done.returncode == 1 and "already running" in done.stderr


def test_help_and_mistakes():
    assert "--client-secret" in quickstart("--help").stdout
    for wrong in (["--port", "x"], ["--port", "70000"], ["--port"], ["--nonsense"],
                  ["--tenant", "t"]):
        done = quickstart(*wrong, check=False)
        assert done.returncode == 1 and done.stderr.startswith("quickstart: "), wrong


@pytest.fixture
def chromium():
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                 "--no-proxy-server", "--window-size=900,1000"):
        options.add_argument(flag)
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()


def wait_for(driver, what, state):
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(driver, 30).until(lambda d: what(d) == state)


def ready(driver):
    return driver.execute_script("return document.body.dataset.ready")


def test_in_chromium(port, chromium):
    from selenium.webdriver.common.by import By
    chromium.get(f"http://localhost:{port}/")
    wait_for(chromium, ready, "signed-out")
    chromium.find_element(By.ID, "sign-in").click()
    wait_for(chromium, lambda d: bool(d.find_elements(
        By.XPATH, "//button[contains(., 'ada@sandbox.example')]")), True)
    chromium.find_element(By.XPATH, "//button[contains(., 'ada@sandbox.example')]").click()
    wait_for(chromium, ready, "signed-in")
    assert chromium.current_url == f"http://localhost:{port}/"
    assert chromium.find_elements(By.CSS_SELECTOR, "#events li")
    assert "healthy" in chromium.find_element(By.ID, "health").text
    shot = TOP / "build" / "start-page.png"
    chromium.save_screenshot(str(shot))
    assert shot.stat().st_size > 5000
    chromium.find_element(By.ID, "revoke").click()
    wait_for(chromium, ready, "signed-out")


def test_stop_leaves_nothing(port):
    """Last: the module's fixture stops once more, which is harmless."""
    run = folder()
    assert run.is_dir()
    pids = [int((run / name).read_text()) for name in ("httpd.pid", "sandbox.pid")]
    quickstart("stop")
    assert not run.exists() and quickstart("status", check=False).returncode == 1
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
