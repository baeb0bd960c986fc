# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Other modules' hooks find the thread that runs them, httpd's or ours."""

import http.client
import pathlib
import re
import threading

import pytest

from support import modules
from support.browser import Browser, leave
from support.site import MOUNTS

# More threads than clients: short of threads, the MPM closes connections between two requests.
TUNING = "StartServers 1\nServerLimit 1\nThreadsPerChild 32\nMaxRequestWorkers 32\n"
EVENT = TUNING + "AsyncRequestWorkerFactor 20\n"
TUNINGS = {"event": EVENT, "worker": TUNING,
           "prefork": "StartServers 1\nServerLimit 1\nMaxRequestWorkers 1\n"}
CLIENTS = 4  # at each address

COUNTS = MOUNTS + """
<Location "/counts">
    SetHandler test-threads
</Location>
"""

# What a finisher reaches at the end of each request.
ENDS = {"log_transaction", "input_filter", "conn_input", "output_filter", "conn_output",
        "pool_pre_cleanup", "pool_cleanup"}

LUA = """
require "apache2"
count = 0
seen = {}
function log(r)
    for _ = 1, 300 do
        count = count + 1
        seen[#seen + 1] = r.uri .. tostring(count)
        if #seen > 200 then seen = {} end
    end
    return apache2.DECLINED
end
"""


@pytest.fixture
def start(make_site, sandbox):
    """Start a site with one child in which tom is signed in; the child lives to the end."""
    made = []

    def make(mpm="event", **more):
        site = make_site(mpm, provider="GraphTokMailboxCalls 0", **more,
                         tuning=TUNINGS[mpm])
        made.append(site)
        (site.folder / "htdocs" / "static.txt").write_text("static")
        (site.folder / "log.lua").write_text(LUA)
        site.start()
        sandbox.process.settings(mailbox_concurrency=0)
        site.tom = Browser(sandbox.ca)
        assert site.tom.sign_in(site.url + "/tom/auth/login").status == 200
        assert site.tom.get(site.url + "/tom/calendar/").status == 200
        site.child = site.httpd.children()
        return site
    yield make
    for site in made:
        lives = site.httpd.children() == site.child
        site.end()
        assert lives and "exit signal" not in site.httpd.log()


def load(site, paths, times):
    """So many requests of each client at once, 20 on a connection; what was not answered 200."""
    refused = []

    def ask(path):
        try:
            for first in range(0, times, 20):
                client = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=60)
                for _ in range(first, min(first + 20, times)):
                    client.request("GET", path)
                    answer = client.getresponse()
                    answer.read()
                    if answer.status != 200:
                        refused.append((path, answer.status))
                client.close()
        except (OSError, http.client.HTTPException) as error:
            refused.append((path, repr(error)))
    threads = [threading.Thread(target=ask, args=(path,)) for path in paths for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def counts(site):
    """{place: (times, by a finisher, wrong)}"""
    lines = site.tom.get(site.url + "/counts").text.splitlines()
    return {line.split()[0]: tuple(map(int, line.split()[1:])) for line in lines}


def hang_up(site, sandbox):
    """A call whose client goes before it is answered."""
    before = sandbox.calls("graph")
    sandbox.fault(where="graph", kind="hang", seconds=60, times=1)
    client = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=60)
    client.request("GET", "/tom/calendar/")
    sandbox.wait_for_calls("graph", before + 1)
    leave(client.sock)
    site.httpd.accessed(lambda log: " 499 " in log)


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_the_thread_in_every_hook_of_a_requests_life(start, ground, sandbox, mpm):
    sandbox.bulk_events("ada@sandbox.example", count=200)
    site = start(mpm, mounts=modules.load(ground, "test_threads") + COUNTS)
    assert not load(site, ["/static.txt", "/tom/calendar/", "/tom/calendar/events?top=200"], 100)
    if mpm == "event":
        hang_up(site, sandbox)
    found = counts(site)
    assert not {place: of for place, of in found.items() if of[2]}
    assert not [place for place, of in found.items()
                if of[0] == 0 and (mpm == "event" or place != "suspend")]
    by_finisher = {place for place, of in found.items() if of[1]}
    assert by_finisher >= ENDS if mpm == "event" else not by_finisher


def test_an_error_document_is_served_by_a_worker(start, ground, sandbox):
    """It may be any program of the house, which takes its time: no finisher runs it."""
    site = start(mounts=modules.load(ground, "test_threads") + COUNTS
                 + "ErrorDocument 503 /static.txt\n")
    sandbox.fault(where="graph", kind="status", status=503, times=0)
    answer = site.tom.get(site.url + "/tom/calendar/", headers={"Accept": "text/html"})
    assert (answer.status, answer.text) == (503, "static")
    found = counts(site)
    assert found["fixups"][0] and not found["fixups"][1] and not found["handler"][1]


def test_threads_share_memory_under_prefork(start, ground):
    site = start("prefork", mounts=modules.load(ground, "test_threads") + COUNTS)
    times, _, wrong = counts(site)["dbd_post_connect"]
    assert times and not wrong


def test_lua_with_a_state_for_each_thread(start):
    site = start(mounts=MOUNTS + "LuaScope thread\nLuaHookLog {folder}/log.lua log\n", modules=("lua",))
    assert not load(site, ["/static.txt", "/tom/calendar/"], 300)


def test_each_thread_has_the_name_that_architecture_md_gives_it(start):
    site = start(settings="GraphTokBackground on\n")
    table = pathlib.Path(__file__, "../../../docs/architecture.md").resolve().read_text()
    told = set(re.findall(r"^\| `(gt-[a-z]+)` \|", table, re.M))
    (pid,) = site.child
    names = {path.read_text().strip() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")}
    ours = {name for name in names if name.startswith("gt-")}
    assert ours >= {"gt-loop", "gt-crew", "gt-background", "gt-readers", "gt-finisher", "gt-supervisor"}
    assert ours <= told
