# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Databases with many grants, filled by SQL: Fernet is not bound to its row, so one sealed token
serves for all of them."""

import dataclasses
import pathlib
import subprocess

from cryptography.fernet import Fernet
from support.database import Database, Postgres
from support.httpd import Httpd, build_folder

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYRING = f"2026-11-21-bench any {KEY}"
SEALED = Fernet(KEY).encrypt(b"a" * 64).decode()
LOOK_UPS = 5000

FILL = {
    "pgsql": "INSERT INTO user_tokens (user_id, email, encrypted_access_token, "
             "encrypted_refresh_token, expires_at, status) SELECT 'u' || n, 'u' || n || '@example.org', '{sealed}', '{sealed}', now() + interval '1 hour', "
             "CASE WHEN n % 20 = 0 THEN 0 ELSE 1 END FROM generate_series(1, {count}) n",
    "sqlite3": "INSERT INTO user_tokens (id, user_id, email, encrypted_access_token, "
               "encrypted_refresh_token, expires_at, status) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL "
               "SELECT n + 1 FROM s WHERE n < {count}) SELECT lower(hex(randomblob(16))), "
               "'u' || n, 'u' || n || '@example.org', '{sealed}', '{sealed}', '2036-01-01T00:00:00Z', "
               "CASE WHEN n % 20 = 0 THEN 0 ELSE 1 END FROM s",
}

# 720 hours of two servers.
HOURS = ("INSERT INTO user_tokens_hours (run, number, hour, refreshed, failed, failed_calls, "
         + ", ".join(f"calls{i}" for i in range(13)) + ") WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL "
         "SELECT n + 1 FROM s WHERE n < 1440) SELECT CASE WHEN n > 720 THEN 'a' ELSE 'b' END, n, "
         "{now} / 3600 - n / 2, n, 1, 1" + ", n" * 13 + " FROM s")
NOW = {"pgsql": "CAST(extract(epoch FROM now()) AS BIGINT)", "sqlite3": "unixepoch('now')"}


@dataclasses.dataclass
class Place:
    """One filled database."""

    engine: str
    count: int
    driver: str
    params: str

    def look_up(self, program, what="grant"):
        """(µs by the wall, µs of its own time) of a look-up, or of a page of 100 of a list."""
        times = LOOK_UPS if what == "grant" else LOOK_UPS // 10
        out = subprocess.run([program, self.driver, self.params, KEYRING, str(self.count),
                              str(times), what], capture_output=True, text=True, check=True).stdout
        return tuple(float(value) for value in out.split())


class Tables:
    """A PostgreSQL and SQLite files under a folder."""

    def __init__(self, ground):
        self.ground = pathlib.Path(ground)
        self.postgres = Postgres().start()

    def stop(self):
        self.postgres.remove()

    def make(self, engine, count):
        """A migrated database with so many grants."""
        folder = self.ground / f"{engine}-{count}"
        httpd, database = Httpd(folder), Database(engine, folder, self.postgres)
        keys = folder / "keyring"
        keys.write_text(KEYRING + "\n")
        keys.chmod(0o600)
        httpd.write(f"{database.conf}\nGraphTokKeyring file:{keys}\nGraphTokJournal off\n")
        subprocess.run([build_folder() / "graphtokctl", "--httpd", " ".join(httpd.command()),
                        "migrate", "--yes"], check=True, stdout=subprocess.DEVNULL)
        database.sql(FILL[engine].format(sealed=SEALED, count=count))
        database.sql(HOURS.format(now=NOW[engine]))
        database.sql("ANALYZE" if engine == "sqlite3" else "VACUUM ANALYZE user_tokens")
        return Place(engine, count, database.driver, database.params)
