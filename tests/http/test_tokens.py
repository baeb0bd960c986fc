# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions T5, T6, T7, T13 seen through HTTP: refresh by use, refusal, damage, a database away."""

import concurrent.futures

import pytest

from support.browser import Browser

EVERYWHERE = True


@pytest.fixture
def tom(site, sandbox, browser):
    """A signed-in static user, gone afterwards."""
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    yield browser
    Browser(sandbox.ca).post(site.url + "/tom/auth/revoke")


def moment(site, seconds):
    """SQL for a time so many seconds from now."""
    if site.database.engine == "pgsql":
        return f"now() + interval '{seconds} seconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '{seconds} seconds')"


def age(site, user="tom", left=20, life=3600):
    """The row's token ends soon, and was given when its life says."""
    site.database.sql(f"UPDATE user_tokens SET expires_at = {moment(site, left)}, "
                      f"updated_at = {moment(site, left - life)} WHERE user_id = '{user}'")


def forget_cache(site):
    """A new server has no cached tokens."""
    site.httpd.stop()
    site.httpd.start()


def rows(site, columns, user="tom"):
    return site.database.sql(f"SELECT {columns} FROM user_tokens WHERE user_id = '{user}'")


def test_T5_nothing_is_stored_in_the_clear(site, tom):
    row = rows(site, "encrypted_access_token, encrypted_refresh_token, encrypted_id_token")[0]
    assert all(value.startswith("gt2.") for value in row)


def test_T6_refreshed_once_for_many(site, sandbox, tom):
    age(site)
    forget_cache(site)
    before = sandbox.calls("token")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: Browser(sandbox.ca).get(site.url + "/tom/auth/token"),
                                range(24)))
    assert {answer.status for answer in answers} == {200}
    assert sandbox.calls("token") == before + 1
    assert all(answer.json["expires_in"] > 300 for answer in answers[-1:])


@pytest.mark.parametrize("kind, more", [("status", {"status": 500}), ("die", {}),
                                        ("garbage", {})])
def test_T7_whoever_asks_is_told_when_to_come_again(site, sandbox, tom, kind, more):
    """The first as well as those who join or come after."""
    age(site, left=-5)
    forget_cache(site)
    sandbox.fault(where="token", kind=kind, times=50, **more)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: Browser(sandbox.ca).get(site.url + "/tom/auth/token"),
                                range(12)))
    assert {answer.status for answer in answers} <= {502, 504}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers), answers


def test_T6_a_short_token_is_used_for_half_its_life(site, sandbox, tom):
    """Tokens of a minute, refreshed five minutes before their end: not at every use."""
    sandbox.process.settings(access_seconds=60)
    try:
        age(site)
        forget_cache(site)
        before = sandbox.calls("token")
        for _ in range(20):
            assert tom.get(site.url + "/tom/auth/token").status == 200
        forget_cache(site)  # what stands in the row says the same
        for _ in range(20):
            assert 30 < tom.get(site.url + "/tom/auth/token").json["expires_in"] <= 60
        assert sandbox.calls("token") == before + 1
        age(site, left=25, life=60)
        forget_cache(site)
        assert tom.get(site.url + "/tom/auth/token").json["expires_in"] > 30
        assert sandbox.calls("token") == before + 2
    finally:
        sandbox.process.settings(access_seconds=None)


def test_T6_rotated_refresh_token_is_kept(site, sandbox, tom):
    for _ in range(2):
        age(site)
        forget_cache(site)
        sealed = rows(site, "encrypted_refresh_token")
        assert tom.get(site.url + "/tom/auth/token").json["expires_in"] > 300
        assert rows(site, "encrypted_refresh_token") != sealed


def test_T6_still_valid_token_outlives_a_provider_that_is_down(site, sandbox, tom):
    age(site)
    forget_cache(site)
    sandbox.fault(where="token", kind="status", status=503, times=5)
    answer = tom.get(site.url + "/tom/auth/token")
    assert answer.status == 200 and answer.json["expires_in"] <= 20


def test_T13_refusal_asks_for_a_new_sign_in(site, sandbox, tom):
    age(site)
    expire(site)
    forget_cache(site)
    sandbox.revoke("ada@sandbox.example")
    answer = tom.get(site.url + "/tom/auth/token")
    assert answer.status == 401 and answer.json["login_url"].startswith("/tom/auth/login")
    assert rows(site, "status") == [["0"]]
    again = Browser(sandbox.ca).sign_in(site.url + "/tom/auth/login")
    assert again.status == 200 and rows(site, "status") == [["1"]]


def expire(site, user="tom"):
    age(site, user, left=-3600)


def test_provider_down_and_token_over(site, sandbox, tom):
    expire(site)
    forget_cache(site)
    sandbox.fault(where="token", kind="status", status=503, times=1)
    answer = tom.get(site.url + "/tom/auth/token")
    assert answer.status in (502, 503) and rows(site, "status") == [["1"]]
    site.httpd.wait_until(lambda: tom.get(site.url + "/tom/auth/token").status == 200, 10)


def test_T7_use_is_counted(site, tom):
    for _ in range(3):
        assert tom.get(site.url + "/tom/calendar/").status == 200
    site.httpd.stop()
    assert int(rows(site, "use_count")[0][0]) >= 3
    assert rows(site, "last_used_at")[0][0] not in ("", "0")
    site.httpd.start()


def test_T7_asking_for_the_user_is_a_use(site, tom):
    site.httpd.stop()
    before = int(rows(site, "use_count")[0][0])
    site.httpd.start()
    for _ in range(2):
        assert tom.get(site.url + "/tom/auth/user").status == 200
    site.httpd.stop()
    assert int(rows(site, "use_count")[0][0]) == before + 2
    site.httpd.start()


def test_T7_cached_token_needs_no_database(site, sandbox, tom):
    assert tom.get(site.url + "/tom/auth/token").status == 200
    expire(site)
    assert tom.get(site.url + "/tom/auth/token").json["expires_in"] > 300


def test_moved_row_is_refused(site, sandbox, tom):
    # The history goes with its grant: a program that moves a row is not refused for our notes.
    site.database.sql("INSERT INTO user_tokens_history (user_id, provider, place, number, noted_at, "
                      "event, outcome) SELECT user_id, provider, 49, 49, 1, 'validate', 'ok' "
                      "FROM user_tokens WHERE user_id = 'tom'")
    site.database.sql("UPDATE user_tokens SET user_id = 'bob' WHERE user_id = 'tom'")
    answer = tom.get(site.url + "/staff/auth/token",
                     headers={"Authorization": "Basic Ym9iOmJvYg=="})
    assert answer.status == 500 and answer.json["tag"].startswith("GT02")
    site.database.sql("UPDATE user_tokens SET user_id = 'tom' WHERE user_id = 'bob'")


def test_tampered_row_is_refused(site, sandbox, tom):
    site.database.sql("UPDATE user_tokens SET encrypted_access_token = "
                      "replace(encrypted_access_token, 'gt2.', 'gt2.x')")
    site.database.sql("UPDATE user_tokens SET encrypted_refresh_token = "
                      "replace(encrypted_refresh_token, 'gt2.', 'gt2.x')")
    forget_cache(site)
    answer = tom.get(site.url + "/tom/auth/token")
    assert answer.status == 500
    assert "gt2." not in answer.text


def test_wrong_key_says_what_to_do(site, sandbox, tom):
    kept = (site.secrets / "keyring").read_text()
    site.write_secret("keyring", site.ctl_plain("genkey"))
    forget_cache(site)
    answer = tom.get(site.url + "/tom/auth/token")
    assert answer.status == 500 and answer.json["tag"] in answer.json["detail"]
    site.httpd.log_has(f"{answer.json['tag']}: token: ")
    assert "key" in site.httpd.log().rpartition(f"{answer.json['tag']}: token: ")[2]
    site.write_secret("keyring", kept)
    forget_cache(site)
    assert tom.get(site.url + "/tom/auth/token").status == 200


def test_missing_keyring_is_asked_for_again(site, sandbox, tom):
    (site.secrets / "keyring").rename(site.secrets / "away")
    forget_cache(site)
    assert tom.get(site.url + "/tom/auth/token").status in (500, 503)
    (site.secrets / "away").rename(site.secrets / "keyring")
    forget_cache(site)
    assert tom.get(site.url + "/tom/auth/token").status == 200


def test_revoked_here_is_gone_everywhere(site, sandbox, tom):
    assert tom.get(site.url + "/tom/auth/token").status == 200
    assert tom.post(site.url + "/tom/auth/revoke").json["status"] == "revoked"
    for _ in range(8):
        assert Browser(sandbox.ca).get(site.url + "/tom/auth/token").status == 401
    assert tom.post(site.url + "/tom/auth/revoke").json["status"] == "none"
