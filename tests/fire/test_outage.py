# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A minute without the database, under load: what is cached is served, what ends is said clearly,
what the provider gave meanwhile is kept, and no user signs in again."""

import asyncio
import json
import math
import random
import threading
import time

from conftest import LEASE, PROVIDER, exchange, until

SECONDS = 60
ASKERS = 8
PATH = "/any/auth/token"
# Tokens that last; that end in the middle of it; that are being refreshed when it begins.
LONG, DUE, FLYING = ([f"{kind}{n}" for n in range(20)] for kind in ("long", "due", "flying"))
DUE_ENDS = 45
LEAST = 10  # a token of less is not handed out


class Load:
    """Requests for random users at random nodes, about a hundred a second."""

    def __init__(self, nodes):
        self.seen = []  # (when it began, node, user, status, body, when it ended)
        self._nodes, self._ends = nodes, False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _ask(self, seed):
        choice = random.Random(seed)
        while not self._ends:
            node, user = choice.choice(self._nodes), choice.choice(LONG + DUE + FLYING)
            begun = time.monotonic()
            status, body = await exchange(node.httpd.port, PATH, user)
            self.seen.append((begun, node, user, status, body, time.monotonic()))
            await asyncio.sleep(0.05)

    async def _run(self):
        await asyncio.gather(*[self._ask(seed) for seed in range(ASKERS)])

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends = True
        self._thread.join()

    def statuses(self, kind, node, begin, end):
        """What users of a kind got at a node within a time, each status once. One that was under way at
        its end counts for none: a kill may have cut it off."""
        return {status for begun, where, user, status, _, ended in self.seen
                if user in kind and where is node and begin <= begun and ended < end}


def each(nodes, users):
    """One request for each user at each of the nodes, together; the statuses."""
    async def run():
        return await asyncio.gather(*[exchange(node.httpd.port, PATH, user)
                                      for node in nodes for user in users])
    return {status for status, _ in asyncio.run(run())}


def take_off(fire):
    """The provider, which hangs, has all the refresh tokens of FLYING, half of them from each node, and
    answers when the database has gone."""
    halves = [threading.Thread(target=each, args=([node], FLYING[n::2]))
              for n, node in enumerate(fire.nodes)]
    for half in halves:
        half.start()
    fire.sandbox.wait_for_calls("token:refresh_token", len(FLYING))
    fire.postgres.stop()
    fire.sandbox.process.clear_faults()
    for half in halves:
        half.join()


def test_sixty_seconds_without_the_database_under_load(make_pair):
    fire = make_pair(f"GraphTokLease {LEASE}s\nGraphTokRefreshMargin {LEAST}s\n", PROVIDER).sign_in()
    due_at = time.monotonic() + DUE_ENDS - LEAST
    for kind, ends in ((DUE, DUE_ENDS), (FLYING, 1), (LONG, 3600)):
        fire.a.add(kind, ends=ends)
    assert each(fire.nodes, LONG + DUE) == {200}
    # Before the load, whose first requests may be for any of them.
    fire.fault("hang", times=len(FLYING))
    with Load(fire.nodes) as load:
        take_off(fire)
        gone = time.monotonic()
        until(lambda: len(fire.a.journal() + fire.b.journal()) == len(FLYING), 5)
        held = fire.a.journal()
        assert held and fire.b.journal()
        until(lambda: time.monotonic() > gone + SECONDS / 2, SECONDS)
        killed = time.monotonic()
        fire.a.kill()
        assert fire.a.journal() == held
        fire.a.httpd.start()
        started = time.monotonic()
        until(lambda: time.monotonic() > gone + SECONDS, SECONDS)
        back = time.monotonic()
        fire.postgres.start()
        until(lambda: each(fire.nodes, LONG + DUE + FLYING) == {200}, 3 * LEASE)
        well = time.monotonic()
    for node in fire.nodes:
        assert load.statuses(LONG + DUE, node, 0, min(due_at - 1, killed)) == {200}
        told = load.statuses(DUE, node, due_at + 1, killed) | load.statuses(
            DUE, node, max(started, due_at + 1), back)
        assert told == {503}
    assert load.statuses(LONG, fire.a, gone, killed) == {200}
    # What it had in memory died with it; what it had on disk has only to be stored.
    assert load.statuses(LONG, fire.a, started, back) == {503}
    assert load.statuses(LONG, fire.b, 0, math.inf) == {200}
    assert 200 in load.statuses(FLYING, fire.a, gone, killed)
    assert 200 in load.statuses(FLYING, fire.b, started, back)
    check_answers(load, fire.a, killed)
    assert fire.refreshes() == len(FLYING + DUE)
    assert {"ok"} <= fire.results() <= {"ok", "store-away"}
    assert not fire.a.journal() and not fire.b.journal()
    assert set(map(tuple, fire.a.rows("status, error_count, lease_until").values())) == {
        ("1", "0", "0")}
    # Each refresh token that is stored is the one that the provider takes, which forgives nothing.
    assert "refreshed 61, failed 0" in fire.a.ctl("refresh", "--all").stdout


def check_answers(load, node, killed):
    """A token, or the clear word that the database is away; silence of the killed node alone."""
    for begun, where, user, status, body, _ in load.seen:
        told = json.loads(body) if body else {}
        if status == 200:
            assert told["user"] == user
        elif status == 503:
            assert told["type"] == "urn:mod_graphtok:store-away"
        else:
            assert status == 0 and where is node and abs(begun - killed) < 3
