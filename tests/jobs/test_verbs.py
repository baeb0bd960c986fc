# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl list, refresh, validate, revoke, cleanup, work: text, JSON, exit codes, ends."""

import datetime
import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from support import httpd as servers
from support.place import DAY, QUICK

USAGE, DATAERR, NOINPUT, TEMPFAIL, NOPERM = 64, 65, 66, 75, 77
ALAN = "alan@sandbox.example"


def answer(place, *arguments, code=0):
    """What a verb prints as JSON."""
    done = place.ctl(*arguments, "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def command(place, *arguments):
    return [servers.build_folder() / "graphtokctl", "--httpd", " ".join(place.httpd.command()),
            *arguments]


def ids(place):
    return {grant["user"]: grant["id"] for grant in answer(place, "list")["grants"]}


def test_O3_list(place, sandbox):
    place.add(["ann", "ben"], ends=3000, used=None)
    place.add(["old"], ends=-60)
    place.add(["gone"], columns="status = 0, error_message = 'sign-in-required GT0501'")
    found = answer(place, "list")
    assert {grant["user"] for grant in found["grants"]} == {"ann", "ben", "old", "gone"}
    assert found["next"] is None
    ann = next(grant for grant in found["grants"] if grant["user"] == "ann")
    assert ann["status"] == "active" and ann["last_used_at"] is None and ann["store"] == "main"
    assert not [key for key in ann if "token" in key]
    text = place.ctl("list").stdout
    assert len(text.splitlines()) == 4 and "needs-user" not in text and "eyJ" not in text

    def users(*arguments):
        return {grant["user"] for grant in answer(place, "list", *arguments)["grants"]}
    assert users("--status", "inactive") == {"gone"}
    assert users("--days", "0") == {"old"}
    assert users("--provider", "microsoft") == {"ann", "ben", "old", "gone"}
    assert users("ann") == users(ann["id"]) == {"ann"}
    assert users("nobody") == set()


def test_list_page_by_page(place):
    place.add([f"user{n}" for n in range(7)])
    users, after = [], None
    for _ in range(4):
        page = answer(place, "list", "--limit", "2", *(("--after", after) if after else ()))
        users += [grant["user"] for grant in page["grants"]]
        after = page["next"]
    assert after is None and users == [f"user{n}" for n in range(7)]
    assert "--after" in place.ctl("list", "--limit", "2").stderr


def test_a_list_goes_on_behind_a_grant_that_has_gone_meanwhile(place):
    place.add([f"user{n}" for n in range(4)])
    page = answer(place, "list", "--limit", "2")
    last = page["grants"][-1]
    assert answer(place, "list", "--after", last["id"])["grants"][0]["user"] == "user2"
    assert place.ctl("revoke", last["id"]).returncode == 0
    assert answer(place, "list", "--after", page["next"])["grants"][0]["user"] == "user2"
    refused = place.ctl("list", "--after", last["id"], check=False)
    assert refused.returncode == NOINPUT and "GT0955" in refused.stderr
    for bad in ("", "x", "bWljcm9zb2Z0", "bWljcm9zb2Z0IA", "AAAA"):
        refused = place.ctl("list", "--after", bad, check=False)
        assert refused.returncode == NOINPUT and "GT0955" in refused.stderr, bad


@pytest.mark.parametrize("arguments, code, says", [
    (("list", "--status", "odd"), USAGE, "active, inactive, needs-user or failing"),
    (("list", "--limit", "0"), USAGE, "1 to 100000"),
    (("list", "--store", "beta"), NOINPUT, "GT0913"),
    (("list", "--provider", "google"), NOINPUT, "GT0943"),
    (("refresh",), USAGE, "which grants"),
    (("refresh", "tom", "--all"), USAGE, "not both"),
    (("refresh", "--days", "x"), USAGE, "number of days"),
    (("refresh", "nobody"), NOINPUT, "GT0952"),
    (("revoke",), USAGE, "which grants"),
    (("revoke", "--all"), USAGE, "--all"),
    (("validate", "nobody"), NOINPUT, "GT0952"),
    (("cleanup", "--store", "beta"), NOINPUT, "GT0913"),
    (("work", "now"), USAGE, "arguments"),
])
def test_what_is_wrong_is_said(make_place, arguments, code, says):
    done = make_place().ctl(*arguments, check=False)
    assert done.returncode == code and says in done.stderr, done.stderr


def test_O3_refresh_one(place, sandbox):
    place.add(["ann", "ben"], ends=3000)
    done = answer(place, "refresh", "ann")
    assert (done["refreshed"], done["failed"], done["stopped"]) == (1, 0, False)
    assert done["grants"][0]["user"] == "ann" and done["grants"][0]["detail"].startswith("until ")
    assert "until" in place.ctl("refresh", ids(place)["ben"]).stdout
    assert place.rows("generation") == {"ann": ["2"], "ben": ["2"]}
    assert sandbox.calls("token") == 2


def test_O3_refresh_all_by_provider_and_by_days(place, sandbox):
    place.add(["ann"], ends=3000)
    place.add(["ben"], ends=3 * DAY)
    place.add(["gone"], columns="status = 0")
    dry = answer(place, "refresh", "--all", "--dry-run")
    assert (dry["refreshed"], dry["skipped"], dry["dry_run"]) == (2, 1, True)
    assert {grant["user"] for grant in dry["grants"]} == {"ann", "ben"}
    assert sandbox.calls("token") == 0 and not place.refreshed()
    assert answer(place, "refresh", "--days", "1")["refreshed"] == 1
    assert place.refreshed() == {"ann"}
    assert answer(place, "refresh", "--provider", "microsoft")["refreshed"] == 2
    assert answer(place, "refresh", "--all")["refreshed"] == 2
    assert place.rows("generation") == {"ann": ["4"], "ben": ["3"], "gone": ["1"]}


def test_a_failure_is_one_grants_and_the_others_go_on(place, sandbox):
    place.add(["ann", "ben"], ends=3000)
    place.add(["carl"], ends=3000, person=ALAN)
    sandbox.revoke(ALAN)
    done = answer(place, "refresh", "--all", code=NOPERM)
    assert (done["refreshed"], done["failed"]) == (2, 1)
    assert done["failures"][0]["user"] == "carl" and done["failures"][0]["tag"].startswith("GT")
    assert place.rows("status")["carl"] == ["0"]
    done = place.ctl("refresh", "carl", check=False)
    assert done.returncode == NOPERM and "GT0951" in done.stderr and "user carl" in done.stderr


def test_T10_validate(place, sandbox):
    place.add(["ann"], ends=3000)
    place.add(["carl"], ends=3000, person=ALAN)
    assert answer(place, "validate", "--all")["valid"] == 2
    assert sandbox.calls("token") == 0 and sandbox.calls("graph") == 2
    sandbox.process.revoke(ALAN, access=True)
    done = answer(place, "validate", "--all", code=NOPERM)
    assert (done["valid"], done["failed"]) == (1, 1)
    assert place.rows("status") == {"ann": ["1"], "carl": ["0"]}


def test_validate_marks_what_the_api_alone_refuses(place, sandbox):
    place.add(["ann"], ends=3000)
    sandbox.fault("graph", "graph_error", status=401, code="InvalidAuthenticationToken", times=2)
    done = answer(place, "validate", "ann", code=NOPERM)
    assert done["failures"][0]["user"] == "ann"
    assert sandbox.calls("token") == 1
    assert place.rows("status, error_count")["ann"] == ["1", "1"]
    assert "InvalidAuthenticationToken" in place.rows("error_message")["ann"][0]
    assert answer(place, "validate", "ann")["valid"] == 1


def test_validate_does_not_judge_what_nobody_can_tell(place, sandbox):
    place.add(["ann"], ends=3000)
    sandbox.fault("graph", "status", status=503, times=0)
    answer(place, "validate", "ann", code=TEMPFAIL)
    sandbox.fault("graph", "none")
    sandbox.fault("graph", "graph_error", status=403, code="ErrorAccessDenied", times=1)
    assert answer(place, "validate", "ann")["valid"] == 1
    assert place.rows("status, error_count")["ann"] == ["1", "0"]


def test_A4_revoke(place):
    place.add(["ann", "ben", "carl"])
    assert answer(place, "revoke", "ann", "--dry-run")["revoked"] == 1
    assert set(place.rows()) == {"ann", "ben", "carl"}
    assert answer(place, "revoke", "ann")["revoked"] == 1
    assert "it is gone" in place.ctl("revoke", ids(place)["ben"]).stdout
    assert set(place.rows()) == {"carl"}
    assert place.ctl("revoke", "ann", check=False).returncode == NOINPUT


def test_a_deactivated_grant_stays_and_is_not_served(place):
    place.add(["ann", "ben"])
    assert answer(place, "deactivate", "ann", "--dry-run")["deactivated"] == 1
    assert answer(place, "list", "--status", "inactive")["grants"] == []
    assert answer(place, "deactivate", "ann")["deactivated"] == 1
    (grant,) = answer(place, "list", "--status", "inactive")["grants"]
    assert grant["user"] == "ann" and "administrator" in grant["error_message"]
    assert set(place.rows()) == {"ann", "ben"}
    refused = place.ctl("token", "ann", check=False)
    assert refused.returncode != 0 and "GT0602" in refused.stderr
    assert place.ctl("deactivate", "nobody", check=False).returncode == NOINPUT


def address(place, user, text):
    place.database.sql(f"UPDATE user_tokens SET email = '{text}' WHERE user_id = '{user}'")


def test_people_are_shown_and_found_by_their_address(place, sandbox):
    place.add(["guid1@tenant", "guid2@tenant", "ben"], ends=3000)
    address(place, "guid1@tenant", "Ada.Lovelace@contoso.OnMicrosoft.com")
    address(place, "guid2@tenant", "grace@contoso.example\x1b[2J")
    text = place.ctl("list").stdout
    assert "guid1@tenant (Ada.Lovelace@contoso.OnMicrosoft.com)" in text and "\x1b" not in text
    ada = "ada.lovelace@contoso.onmicrosoft.com"
    found = answer(place, "list", ada)["grants"]
    assert [grant["user"] for grant in found] == ["guid1@tenant"]
    assert found[0]["email"] == "Ada.Lovelace@contoso.OnMicrosoft.com"
    assert answer(place, "refresh", ada)["grants"][0]["email"] == found[0]["email"]
    assert answer(place, "validate", ada.upper())["valid"] == 1
    assert place.rows("generation")["guid1@tenant"] == ["2"]
    told = place.ctl("revoke", ada).stdout
    assert "user guid1@tenant (Ada.Lovelace@contoso.OnMicrosoft.com) at microsoft: it is gone" in told
    assert set(place.rows()) == {"guid2@tenant", "ben"}
    assert place.ctl("revoke", ada, check=False).returncode == NOINPUT
    # No pattern, no part of an address, and no user's id as an address.
    for name in ("%@contoso.example", "@", "contoso.example", "grace", "_race@contoso.example"):
        assert place.ctl("revoke", name, check=False).returncode == NOINPUT
    # A token for a script is never found by what a provider may give to another person.
    place.add(["ann"], ends=3000)
    address(place, "ann", "ann@contoso.example")
    assert place.ctl("token", "ann@contoso.example", check=False).returncode != 0


def test_people_are_shown_by_their_names(place, sandbox):
    """A refresh brings an id_token, whose name is opened for a list and stands in no column."""
    place.add(["ann", "ben"], ends=3000)
    assert answer(place, "refresh", "ann")["refreshed"] == 1
    columns = place.database.sql("SELECT * FROM user_tokens WHERE user_id = 'ann'")[0]
    assert "Ada Lovelace" not in str(columns)
    names = {grant["user"]: grant["name"] for grant in answer(place, "list")["grants"]}
    assert names == {"ann": "Ada Lovelace", "ben": None}
    assert "ann (Ada Lovelace" in place.ctl("list").stdout
    # Without the keyring a list is what it was.
    (place.secrets / "keyring").rename(place.secrets / "away")
    assert {grant["name"] for grant in answer(place, "list")["grants"]} == {None}


def test_an_address_of_several_users_changes_nothing(make_place, sandbox):
    place = make_place(settings="<GraphTokStore beta>\nGraphTokTable beta_tokens\n</GraphTokStore>")
    place.add(["one", "two", "Team@contoso.example"], ends=3000)
    for user in ("one", "two", "Team@contoso.example"):
        address(place, user, "team@contoso.example")
    known = ids(place)
    for verb in ("revoke", "refresh", "validate"):
        done = place.ctl(verb, "TEAM@contoso.example", check=False)
        assert done.returncode == DATAERR and "GT0954" in done.stderr, done.stderr
        assert all(f"{known[user]} (user {user} at microsoft, store main)" in done.stderr
                   for user in known)
    assert not place.refreshed() and len(place.rows()) == 3
    assert {g["user"] for g in answer(place, "list", "TEAM@contoso.example")["grants"]} == set(known)
    # A user's own id comes before any user's address; one user in each store is the same user.
    assert answer(place, "revoke", "Team@contoso.example")["revoked"] == 1
    place.database.sql("DELETE FROM user_tokens WHERE user_id = 'two'")
    place.database.sql("INSERT INTO beta_tokens SELECT * FROM user_tokens WHERE user_id = 'one'")
    assert answer(place, "revoke", "TEAM@contoso.example", "--dry-run")["revoked"] == 2
    place.database.sql("UPDATE beta_tokens SET user_id = 'other'")
    assert place.ctl("revoke", "TEAM@contoso.example", check=False).returncode == DATAERR
    assert answer(place, "revoke", "TEAM@contoso.example", "--store", "beta")["revoked"] == 1


def test_T9_cleanup(place):
    place.add(["good"], ends=3000)
    place.add([f"old{n}" for n in range(3)], ends=-91 * DAY)
    place.database.sql(f"UPDATE user_tokens SET last_used_at = last_used_at - {91 * DAY} "
                       "WHERE user_id LIKE 'old%'")
    place.add([f"gone{n}" for n in range(5)], columns="status = 0")
    place.database.sql(f"UPDATE user_tokens SET updated_at = {place.moment(-31 * DAY)} "
                       "WHERE user_id LIKE 'gone%'")
    dry = answer(place, "cleanup", "--dry-run")
    assert (dry["deactivated"], dry["removed"], len(place.rows())) == (3, 5, 9)
    assert place.ctl("cleanup").stdout == "deactivated 3, removed 5\n"
    assert place.rows("status") == {"good": ["1"], "old0": ["0"], "old1": ["0"], "old2": ["0"]}
    again = answer(place, "cleanup")
    assert (again["deactivated"], again["removed"]) == (0, 0)


def test_work_once(place, sandbox):
    users = [f"user{n}" for n in range(10)]
    place.add(users)
    place.add(["late"], ends=3000)
    done = answer(place, "work", "--once")
    assert done == {"refreshed": 10, "not_refreshed": 0, "deactivated": 0, "removed": 0, "valid": 0,
                    "not_valid": 0, "bulk_done": 0, "bulk_failed": 0, "synced": 0, "sync_failed": 0,
                    "mail_dropped": 0, "subscribed": 0, "subscribe_failed": 0, "delivered": 0,
                    "delivery_failed": 0}
    assert place.refreshed() == set(users) and sandbox.calls("token") == 10
    assert answer(place, "work", "--once")["refreshed"] == 0


def test_work_once_does_bulk_jobs(place, sandbox):
    place.add(["ann", "ben"], ends=3000)
    now = int(time.time() * 1000)
    place.database.sql("INSERT INTO user_tokens_bulk (id, act, is_filled, total, administrator, created_at, "
                       f"updated_at) VALUES ('job1', 'refresh', 1, 2, 'ada', {now}, {now})")
    place.database.sql("INSERT INTO user_tokens_bulk_items (job, n, grant_id, of_user, of_provider, "
                       "generation) SELECT 'job1', row_number() OVER (ORDER BY user_id), CAST(id AS VARCHAR), "
                       "user_id, provider, generation FROM user_tokens")
    assert answer(place, "work", "--once")["bulk_done"] == 2
    assert place.database.sql("SELECT succeeded, failed FROM user_tokens_bulk WHERE ended_at > 0") == [
        ["2", "0"]]
    assert place.refreshed() == {"ann", "ben"} and sandbox.calls("token") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_work_ends_cleanly_at_a_signal(place, sandbox, number):
    users = [f"user{n}" for n in range(40)]
    place.add(users, ends=45)
    sandbox.fault("token", "delay", seconds=0.5, times=0)
    with subprocess.Popen(command(place, "work", "--json"), stdout=subprocess.PIPE) as work:
        sandbox.wait_for_calls("token", 3)
        work.send_signal(number)
        out, _ = work.communicate(timeout=30)
    begun = sandbox.calls("token")
    assert work.returncode == 0 and json.loads(out)["refreshed"] == len(place.refreshed()) == begun
    assert all(status == "1" for _, status in place.rows().values())
    assert not [row for row in place.rows("lease_owner").values() if row[0]]


def test_work_tells_of_a_secret_that_ends_soon(make_place):
    """Without httpd no other process does."""
    place = make_place(settings=QUICK)
    conf = place.httpd.conf.read_text()
    day = (datetime.date.today() + datetime.timedelta(days=5)).isoformat()
    place.httpd.conf.write_text(conf.replace(
        "</GraphTokProvider>", f"GraphTokClientSecretExpires {day}\n</GraphTokProvider>"))
    with subprocess.Popen(command(place, "work"), stderr=subprocess.PIPE, text=True,
                          stdout=subprocess.DEVNULL) as work:
        line = next(line for line in work.stderr if "GT0931" in line)
        work.terminate()
        rest = work.stderr.read()
    assert day in line and "secret of provider microsoft" in line, line
    assert "GT0931" not in rest and work.returncode == 0
    assert "GT0931" not in place.ctl("work", "--once").stderr


def test_a_verb_that_is_stopped_says_how_far_it_came(place, sandbox):
    users = [f"user{n}" for n in range(20)]
    place.add(users, ends=3000)
    sandbox.fault("token", "delay", seconds=0.5, times=0)
    with subprocess.Popen(command(place, "refresh", "--all", "--json"), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as verb:
        sandbox.wait_for_calls("token", 2)
        verb.send_signal(signal.SIGINT)
        out, err = verb.communicate(timeout=30)
    done = json.loads(out)
    assert verb.returncode == TEMPFAIL and b"GT0953" in err
    assert done["stopped"] and done["refreshed"] == len(place.refreshed()) == sandbox.calls("token")
    assert done["left"] == 20 - done["refreshed"]
    sandbox.fault("token", "none")
    assert answer(place, "refresh", "--all")["refreshed"] == 20


def test_a_429_is_waited_for_and_no_grant_fails(place, sandbox):
    """One 429 must not run through all the others: they wait until the provider takes calls again."""
    users = [f"user{n}" for n in range(30)]
    place.add(users, ends=3000)
    sandbox.fault("token", "status", status=429, retry_after=2, times=1)
    done = place.ctl("refresh", "--all", "--json")
    assert json.loads(done.stdout)["refreshed"] == 30 and json.loads(done.stdout)["failed"] == 0
    assert "asks to wait 2 s" in done.stderr and place.refreshed() == set(users)
    assert {row[0] for row in place.rows("error_count").values()} == {"0"}


def test_validate_waits_for_a_429_as_well(place, sandbox):
    place.add([f"user{n}" for n in range(10)], ends=3000)
    sandbox.fault("graph", "graph_error", status=429, retry_after=1, code="x", times=1)
    done = place.ctl("validate", "--all", "--json")
    assert (json.loads(done.stdout)["valid"], json.loads(done.stdout)["failed"]) == (10, 0)
    assert "asks to wait 1 s" in done.stderr


def test_many_are_under_way_at_a_time(place, sandbox):
    place.add([f"user{n}" for n in range(12)], ends=3000)
    sandbox.fault("token", "hang", times=0)
    with subprocess.Popen(command(place, "refresh", "--all", "--json"), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as verb:
        sandbox.wait_for_calls("token", 12)
        sandbox.process.clear_faults()
        out, _ = verb.communicate(timeout=30)
    assert json.loads(out)["refreshed"] == 12


def test_refreshes_of_all_workers_share_the_rate(make_place, sandbox):
    """Another worker has taken all turns of the next three seconds."""
    place = make_place(settings=QUICK + "GraphTokRefreshRate 10\n")
    place.add([f"user{n}" for n in range(5)], ends=3000)
    answer(place, "refresh", "user0")
    place.database.sql("UPDATE user_tokens_jobs SET due_at = due_at + 3000 WHERE name = 'turns'")
    begun = time.monotonic()
    assert answer(place, "refresh", "--all")["refreshed"] == 5
    assert time.monotonic() - begun >= 2


def test_a_verb_that_is_stopped_while_it_waits_ends_at_once(place, sandbox):
    place.add([f"user{n}" for n in range(6)], ends=3000)
    sandbox.fault("token", "status", status=429, retry_after=600, times=0)
    with subprocess.Popen(command(place, "refresh", "--all"), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as verb:
        for line in verb.stderr:
            if "asks to wait" in line:
                break
        verb.send_signal(signal.SIGTERM)
        out, err = verb.communicate(timeout=30)
    assert verb.returncode == TEMPFAIL and "GT0953" in err
    assert "refreshed 0, failed 0, skipped 0, left 6 when it was stopped" in out
    assert {row[0] for row in place.rows("status").values()} == {"1"}


def test_a_bar_on_a_terminal_alone(make_place):
    place = make_place()
    place.add([f"user{n}" for n in range(3)], ends=3000)
    assert place.ctl("refresh", "--all").stderr == ""
    controller, terminal = pty.openpty()
    done = subprocess.run(command(place, "refresh", "--all"), stdout=subprocess.PIPE,
                          stderr=terminal, check=False, timeout=60)
    os.close(terminal)
    shown = os.read(controller, 65536)
    os.close(controller)
    assert done.returncode == 0 and b"refresh [" in shown and b"/3" in shown


def test_work_counts_on_a_terminal(place, sandbox):
    place.add([f"user{n}" for n in range(3)])
    controller, terminal = pty.openpty()
    done = subprocess.run(command(place, "work", "--once", "--json"), stdout=subprocess.PIPE,
                          stderr=terminal, check=False, timeout=60)
    os.close(terminal)
    shown = os.read(controller, 65536)
    os.close(controller)
    assert json.loads(done.stdout)["refreshed"] == 3
    assert re.search(rb"\rwork \d, ", shown) and b"\rwork 3, " in shown


def test_stores_share_the_rate(make_place, sandbox):
    place = make_place(settings=QUICK + "<GraphTokStore beta>\nGraphTokTable beta_tokens\n"
                                        "</GraphTokStore>\n")
    place.add(["ann", "ben"])
    columns = ("id, user_id, encrypted_access_token, encrypted_refresh_token, expires_at, "
               "created_at, updated_at, last_used_at")
    place.database.sql(f"INSERT INTO beta_tokens ({columns}) SELECT {columns} FROM user_tokens "
                       "WHERE user_id = 'ben'")
    place.database.sql("DELETE FROM user_tokens WHERE user_id = 'ben'")
    assert answer(place, "work", "--once")["refreshed"] == 2
    turns = "SELECT count(*) FROM {} WHERE name = 'turns'"
    assert place.database.sql(turns.format("user_tokens_jobs")) == [["1"]]
    assert place.database.sql(turns.format("beta_tokens_jobs")) == [["0"]]


def test_work_that_is_killed_delays_what_it_had_in_hand(place, sandbox):
    """Claims of the dead end by themselves, within two minutes; nothing is lost."""
    users = [f"user{n}" for n in range(12)]
    place.configure(settings=QUICK + "GraphTokRefreshRate 4\n")
    place.add(users, ends=25)
    # A refresh token that the dead process had spent without storing the new one must be + #
    # forgiven: no program can know it.
    sandbox.process.settings(revoke_on_reuse=False)
    with subprocess.Popen(command(place, "work"), stdout=subprocess.DEVNULL) as work:
        sandbox.wait_for_calls("token", 2)
        work.kill()
    held = [int(row[0]) for row in place.rows("due_after").values() if row[0] != "0"]
    assert held and max(held) <= time.time() + 120
    # Two minutes later.
    place.database.sql("UPDATE user_tokens SET due_after = 0, lease_until = 0")
    place.database.sql("UPDATE user_tokens_jobs SET due_at = 0")
    done = answer(place, "work", "--once")
    assert done["not_refreshed"] == 0 and place.refreshed() == set(users)
    assert sandbox.calls("token") <= len(users) + 1


def test_verbs_beside_httpd(place, sandbox):
    users = [f"user{n}" for n in range(20)]
    place.configure(settings="GraphTokRefreshMargin 10s\nGraphTokRefreshAhead 40s\n"
                             "GraphTokBackground on\n")
    place.add(users)
    place.database.hand_over()
    place.start()
    assert answer(place, "work", "--once")["not_refreshed"] == 0
    place.wait(lambda: place.refreshed() == set(users))
    assert sandbox.calls("token") == 20
    assert answer(place, "revoke", "user1")["revoked"] == 1


def test_the_database_away_is_an_exit_code_of_its_own(make_place):
    place = make_place(engine="pgsql")
    place.database.params = "host=127.0.0.1 port=1 user=x dbname=x connect_timeout=1"
    place.configure()
    for verb in (("list",), ("refresh", "--all"), ("cleanup",), ("work", "--once")):
        assert place.ctl(*verb, check=False).returncode == TEMPFAIL
