# Licensed under the Apache License, Version 2.0; see LICENSE.
"""PostgreSQL neither answers nor refuses: its processes are stopped. Everything stays bounded."""

import os
import pathlib
import signal
import threading
import time

from support.browser import Browser
from support.database import Postgres
from support.site import Site, only

STAFF = {"Authorization": "Basic Ym9iOmJvYg=="}


def send(cluster, number):
    """A signal to the server and all its backends."""
    pid = cluster.process.pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (pid, *map(int, children)):
        os.kill(one, number)


def ask_as_staff(site, sandbox, answers):
    """One caller whose token stands in no cache: status and seconds."""
    begun = time.monotonic()
    status = Browser(sandbox.ca).get(site.url + "/staff/auth/token", headers=STAFF).status
    answers.append((status, time.monotonic() - begun))


@only("event")
def test_T6_a_server_that_stands_still_holds_nobody(sandbox, ground):
    cluster = Postgres().start()
    site = None
    is_stopped = False
    try:
        site = Site(ground / "hangs", sandbox, "event", "pgsql", cluster)
        site.start()
        browser = Browser(sandbox.ca)
        browser.sign_in(site.url + "/tom/auth/login")
        assert browser.get(site.url + "/tom/auth/token").status == 200
        send(cluster, signal.SIGSTOP)
        is_stopped = True
        answers = []
        callers = [threading.Thread(target=ask_as_staff, args=(site, sandbox, answers))
                   for _ in range(40)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert {status for status, _ in answers} == {503}
        assert max(seconds for _, seconds in answers) < 25
        # The breaker is open: no request waits for the database, and what is cached is served.
        begun = time.monotonic()
        for _ in range(20):
            assert browser.get(site.url + "/tom/auth/token").status == 200
            ask_as_staff(site, sandbox, answers)
        assert time.monotonic() - begun < 20
        site.httpd.log_has("GT0427")
        begun = time.monotonic()
        site.httpd.stop()
        assert time.monotonic() - begun < 25
        assert "AH00046" not in site.httpd.log()  # a child that had to be killed
    finally:
        if is_stopped:
            send(cluster, signal.SIGCONT)
        if site:
            site.end()
        cluster.remove()
