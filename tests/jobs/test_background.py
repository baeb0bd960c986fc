# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What httpd does without being asked: refresh before the end, cleanup, validation; shared by
nodes, cut off by nothing."""

import pytest

from support.place import ADA, DAY, QUICK

ON = QUICK + "GraphTokBackground on\n"
USERS = [f"user{n}" for n in range(12)]


@pytest.mark.parametrize("mpm, engine", [("event", "sqlite3"), ("event", "pgsql"),
                                         ("prefork", "sqlite3")])
def test_T6_refreshed_before_the_end_with_nobody_asking(make_place, sandbox, mpm, engine):
    place = make_place(mpm, engine, ON)
    place.add(USERS)
    place.add(["late"], ends=3000)
    place.add(["unused"], used=2 * DAY)
    # As a row that was taken over: it counts from its last change.
    place.add(["taken-over"], used=None)
    place.add(["dormant"], used=None, issued=2 * DAY)
    place.add(["young"], issued=5)
    place.add(["inactive"], columns="status = 0")
    place.add(["needs-user"], columns="status = 2")
    due = {*USERS, "taken-over"}
    place.start()
    place.wait(lambda: place.refreshed() >= due)
    assert place.refreshed() == due
    assert sandbox.calls("token") == len(due)
    assert all(row == ["2", "1"] for user, row in place.rows().items() if user in USERS)
    assert not place.rows("lease_owner")["user0"][0]


def test_T6_those_who_signed_in_together_are_refreshed_apart(make_place, sandbox):
    """The rate allows all of them at once; they begin 20 to 30 s before the end, each when its part
    does, and none waits for the margin of 10 s."""
    place = make_place(settings="GraphTokRefreshMargin 10s\nGraphTokRefreshAhead 20s\n"
                                "GraphTokRefreshRate 10000\nGraphTokBackground on\n")
    users = [f"user{n}" for n in range(48)]
    place.add(users, ends=33)
    end = min(int(row[0]) for row in place.rows("unixepoch(expires_at)").values())
    place.add(["unused"], ends=33, used=2 * DAY)
    place.start()
    place.wait(lambda: place.refreshed() == set(users), 40)
    rows = place.rows("unixepoch(updated_at)")
    before = [end - int(rows[user][0]) for user in users]
    assert min(before) > 10
    assert max(before) - min(before) >= 6 and len(set(before)) >= 5
    assert sandbox.calls("token") == len(users)


def test_off_means_off(make_place, sandbox):
    place = make_place(settings=QUICK)
    place.add(USERS)
    place.start()
    # A second site that does it shows that there was something to do.
    other = make_place(settings=ON, beside=place)
    other.start()
    place.wait(lambda: place.refreshed() == set(USERS))
    workers = place.database.sql("SELECT DISTINCT worker FROM user_tokens_jobs "
                                 "WHERE worker IS NOT NULL")
    pids = {pid for (worker,) in workers for pid in worker.split("/")}
    assert pids & {str(pid) for pid in other.httpd.children()}
    assert not pids & {str(pid) for pid in place.httpd.children()}


def test_two_nodes_share_and_none_does_it_twice(make_place, sandbox):
    one = make_place(engine="pgsql", settings=ON)
    two = make_place(engine="pgsql", settings=ON, beside=one)
    users = [f"user{n}" for n in range(60)]
    one.add(users)
    one.start()
    two.start()
    one.wait(lambda: one.refreshed() == set(users), 30)
    assert sandbox.calls("token") == len(users)
    assert all(row == ["2", "1"] for row in one.rows().values())


def test_T9_cleanup_deactivates_and_removes(make_place, sandbox):
    place = make_place(settings=ON)
    place.add(["good", "old", "bare", "gone", "resting"], ends=3000)
    place.database.sql(f"UPDATE user_tokens SET expires_at = {place.moment(-91 * DAY)}, "
                       f"last_used_at = last_used_at - {91 * DAY} WHERE user_id = 'old'")
    place.database.sql("UPDATE user_tokens SET encrypted_refresh_token = '', "
                       f"expires_at = {place.moment(-60)} WHERE user_id = 'bare'")
    for user, days in (("gone", 31), ("resting", 29)):
        place.database.sql(f"UPDATE user_tokens SET status = 0, updated_at = "
                           f"{place.moment(-days * DAY)} WHERE user_id = '{user}'")
    place.start()
    place.wait(lambda: "gone" not in place.rows())
    place.wait(lambda: place.rows("status")["old"] == ["0"])
    assert place.rows("status") == {"good": ["1"], "old": ["0"], "bare": ["0"], "resting": ["0"]}
    assert sandbox.calls("token") == 0


def test_T10_validation_marks_what_does_not_work(make_place, sandbox):
    place = make_place(settings=ON + "GraphTokValidateEvery 1h\n")
    place.add(["good"], ends=3000)
    place.add(["refused"], ends=3000, person="alan@sandbox.example")
    sandbox.process.revoke("alan@sandbox.example", access=True)
    place.start()
    place.wait(lambda: place.rows("status")["refused"] == ["0"])
    place.wait(lambda: int(place.rows("checked_at")["good"][0]) > 0)
    place.wait(lambda: sandbox.calls("graph") >= 2)
    assert place.rows("status") == {"good": ["1"], "refused": ["0"]}


def test_validation_is_off_by_default(make_place, sandbox):
    place = make_place(settings=ON)
    place.add(["idle"], ends=3000)
    place.add(USERS)
    place.start()
    place.wait(lambda: place.refreshed() == set(USERS))
    assert sandbox.calls("graph") == 0


@pytest.mark.parametrize("engine", ["sqlite3", "pgsql"])
def test_graceful_restarts_cut_nothing_off(make_place, sandbox, engine):
    place = make_place(engine=engine, settings=ON)
    place.add(USERS + [f"more{n}" for n in range(20)], ends=45)
    sandbox.fault("token", "delay", seconds=0.4, times=0)
    place.start()
    for count in (2, 8, 14):
        sandbox.wait_for_calls("token", count)
        place.httpd.graceful()
    place.wait(lambda: len(place.refreshed()) == 32, 40)
    assert sandbox.calls("token") == 32
    assert all(row == ["2", "1"] for row in place.rows().values())
    assert "GT0606" not in place.httpd.log()


def test_a_provider_that_is_away_does_not_end_it(make_place, sandbox):
    place = make_place(settings=ON)
    place.add(["user1"], ends=45)
    sandbox.fault("token", "status", status=500, times=1)
    place.start()
    sandbox.wait_for_calls("token", 1)

    def is_refreshed():
        # Not again at once; when its time has come, and the child's own rest is over, it is.
        place.database.sql("UPDATE user_tokens SET due_after = 0 WHERE generation = 1")
        return place.refreshed() == {"user1"}
    place.wait(is_refreshed)
    assert place.rows("status, error_count")["user1"] == ["1", "0"]


def test_what_ends_is_still_refreshed_by_use(make_place, sandbox):
    """Background work takes nothing away from those who ask: person, lease and caches are shared."""
    place = make_place(settings=ON)
    place.add(["tom"], ends=-60, used=2 * DAY, person=ADA)
    place.start()
    assert place.ctl("token", "tom").stdout.strip()
    assert place.refreshed() == {"tom"}
