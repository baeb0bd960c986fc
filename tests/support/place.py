# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A site whose rows a test writes: grants with real refresh tokens of the sandbox, as old and as used
as wanted."""

import time
import uuid

from cryptography.fernet import Fernet

from .site import Site

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYRING = f"2026-11-21-jobs any {KEY}\n"
ADA = "ada@sandbox.example"
# A token is due 30 to 50 s before its end, and looked for every two or three seconds.
QUICK = "GraphTokRefreshMargin 10s\nGraphTokRefreshAhead 40s\n"
DAY = 86400


class Place(Site):
    """A site whose rows the test writes: S0's Fernet texts open in any row."""

    def __init__(self, folder, sandbox, mpm, engine, database, settings="", **more):
        super().__init__(folder, sandbox, mpm, engine, None, database=database, keyring=KEYRING,
                         settings=settings, **more)

    def moment(self, seconds):
        """SQL for a time so many seconds from now."""
        if self.database.engine == "pgsql":
            return f"now() + interval '{seconds} seconds'"
        return f"datetime('now', '{seconds} seconds') || '.000000'"

    def add(self, users, ends=25, used=60, issued=3600, person=ADA, columns="",
            scope=None):
        """Grants whose tokens end in so many seconds, were used and issued so long ago."""
        box, rows = Fernet(KEY), []
        for user in users:
            access, refresh = self.sandbox.issue(person, scope)
            rows.append(f"('{uuid.uuid4().hex}', '{user}', '{box.encrypt(access.encode()).decode()}',"
                        f" '{box.encrypt(refresh.encode()).decode()}', {self.moment(ends)}, "
                        f"{self.moment(-issued)}, {self.moment(-issued)}, "
                        f"{int(time.time()) - used if used is not None else 0})")
        for at in range(0, len(rows), 20):
            self.database.sql(
                "INSERT INTO user_tokens (id, user_id, encrypted_access_token, "
                "encrypted_refresh_token, expires_at, created_at, updated_at, last_used_at) "
                f"VALUES {', '.join(rows[at:at + 20])}")
        if columns:
            names = ", ".join(f"'{user}'" for user in users)
            self.database.sql(f"UPDATE user_tokens SET {columns} WHERE user_id IN ({names})")

    def rows(self, columns="generation, status"):
        """{user: [columns]}; several columns are texts."""
        found = self.database.sql(f"SELECT user_id, {columns} FROM user_tokens")
        return {row[0]: row[1:] for row in found}

    def refreshed(self):
        """Users whose tokens moved on."""
        return {user for user, row in self.rows("generation").items() if row[0] != "1"}

    def wait(self, holds, seconds=20):
        self.httpd.wait_until(holds, seconds)
