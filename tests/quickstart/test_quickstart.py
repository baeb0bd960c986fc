# Licensed under the Apache License, Version 2.0; see LICENSE.
"""./quickstart as a newcomer has it: the README's commands as typed, the same in Chromium."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from support import chromium  # noqa: E402
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
    quickstart("--detach", "--port", str(number), "--demo-grants", "60")
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


def test_the_page_of_administrators(port):
    """As printed: its address, a name and a password; and people who do not exist."""
    told = re.search(r"administration: (\S+) as user (\S+), password (\S+)", quickstart("status").stdout)
    password = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    password.add_password(None, *told.groups())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                         urllib.request.HTTPBasicAuthHandler(password))
    with opener.open(told[1] + "/api/status") as answer:
        assert json.load(answer)["total"] >= 60
    with opener.open(told[1] + "/grants") as answer:
        assert "amelie.adler0" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(told[1])


def test_help_and_mistakes():
    assert "--client-secret" in quickstart("--help").stdout
    for wrong in (["--port", "x"], ["--port", "70000"], ["--port"], ["--nonsense"],
                  ["--tenant", "t"], ["--demo-grants", "many"], ["--demo-grants", "1000001"]):
        done = quickstart(*wrong, check=False)
        assert done.returncode == 1 and done.stderr.startswith("quickstart: "), wrong


@pytest.fixture(params=[("en-GB,en", False), ("de-DE,de", True)], ids=["en-light", "de-dark"])
def browser(request):
    languages, dark = request.param
    driver = chromium.start(languages, dark)
    driver.name_of_shot = request.node.callspec.id
    yield driver
    driver.quit()


def ready(driver):
    return driver.execute_script("return document.body.dataset.ready")


def complaints(driver):
    """Without the answer that no user is signed in, which the page expects."""
    return [text for text in chromium.complaints(driver) if "/auth/token - " not in text]


def test_in_chromium(port, browser):
    from selenium.webdriver.common.by import By
    shots = TOP / "build" / "shots"

    def text(name):
        return browser.find_element(By.ID, name).text
    browser.get(f"http://localhost:{port}/")
    chromium.wait_for(browser, ready, "signed-out")
    for selector in ("h1", "main > p", "#token", "#sign-in", "#health"):
        assert chromium.contrast(browser, selector) >= 4.5, selector
    chromium.shot(browser, shots, f"start-out-{browser.name_of_shot}")
    assert not complaints(browser)
    browser.find_element(By.ID, "sign-in").click()
    chromium.wait_for(browser, lambda d: bool(d.find_elements(
        By.XPATH, "//button[contains(., 'ada@sandbox.example')]")))
    browser.find_element(By.XPATH, "//button[contains(., 'ada@sandbox.example')]").click()
    chromium.wait_for(browser, ready, "signed-in")
    assert browser.current_url == f"http://localhost:{port}/"
    assert browser.find_elements(By.CSS_SELECTOR, "#events li")
    assert text("person").startswith("Ada Lovelace")
    page = browser.find_element(By.TAG_NAME, "main").text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", page), "an id where a person expects a name"
    assert browser.find_element(By.ID, "health").get_attribute("data-status") == "healthy"
    chromium.shot(browser, shots, f"start-in-{browser.name_of_shot}")
    assert not complaints(browser)
    browser.find_element(By.ID, "revoke").click()
    chromium.wait_for(browser, ready, "signed-out")
    assert not complaints(browser)


def test_all_that_runs_lies_in_its_folder(port):
    """httpd's own words on where it keeps the journal."""
    run = folder()
    done = subprocess.run(["/usr/sbin/apache2", "-f", run / "httpd.conf", "-t", "-D",
                           "DUMP_GRAPHTOK"], capture_output=True, text=True, check=True)
    config = json.loads(done.stdout)["config"]
    assert config["journal"].startswith(f"{run}/") and pathlib.Path(config["journal"]).is_dir()
    opened = files_of(int((run / "httpd.pid").read_text()))
    assert not [path for path in opened if "graphtok" in path and not path.startswith(str(run))]


def files_of(pid):
    """What a process has open for good."""
    return [os.readlink(entry) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()]


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
