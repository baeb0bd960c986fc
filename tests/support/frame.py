# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A configuration that works, each part replaceable, for `httpd -t` and graphtokctl."""

import json
import os
import shutil

from .certificate import Certificate
from .httpd import Httpd

KEY = "2026-11-21-aaaa any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
SECRET = "the-client-secret-itself"
PASSWORD = "the-database-password"
LIMITS = ("connect_timeout=2 options='' tcp_user_timeout=5000 keepalives_idle=30 "
          "keepalives_interval=5 keepalives_count=3")


class Checked:
    """What `httpd -t` answered."""

    def __init__(self, answer, conf):
        self.code, self.out, self.err = answer
        self.conf = conf

    @property
    def ok(self):
        return self.code == 0

    @property
    def dump(self):
        """The resolved configuration; nothing else may stand on standard output."""
        assert self.ok, self.err
        return json.loads(self.out)

    @property
    def warnings(self):
        """Ours, without what httpd itself says and what is no more than worth knowing."""
        return [line for line in self.err.splitlines()
                if line.startswith("GT") and not line.startswith("GT0853")]

    def line_of(self, text):
        """The number of the line that is this text, else of the first line that holds it."""
        lines = [line.strip() for line in self.conf.read_text().splitlines()]
        if text in lines:
            return lines.index(text) + 1
        return next(n for n, line in enumerate(lines, 1) if text in line)


class Frame:
    """Everything that a good configuration needs, each part replaceable."""

    def __init__(self, folder):
        self.httpd = Httpd(folder)
        self.folder = self.httpd.folder
        self.keyring = self.folder / "keyring"
        self.keyring.write_text(KEY)
        self.secret = self.folder / "client-secret"
        self.secret.write_text(SECRET)
        for path in (self.keyring, self.secret):
            os.chmod(path, 0o640)
            shutil.chown(path, group="www-data" if os.geteuid() == 0 else None)

    def provider(self, inside="", name="microsoft"):
        """A provider; `inside` comes last and so wins. A secret there is the only one, since a second
        directive adds to the first."""
        own = "GraphTokClientSecret " in inside
        return f"""<GraphTokProvider {name}>
    GraphTokTenant contoso.example
    GraphTokClientID 11111111-2222-3333-4444-555555555555
    {"" if own else f"GraphTokClientSecret file:{self.secret}"}
    {inside}
</GraphTokProvider>
"""

    def write_authority(self, name):
        """A file for GraphTokCAFile."""
        path = self.folder / name
        path.write_text(Certificate().pem)
        return path

    @property
    def database(self):
        return ("DBDriver pgsql\n"
                f'DBDParams "host=127.0.0.1 dbname=graphtok password={PASSWORD} {LIMITS}"\n')

    def check(self, text="", provider=None, database=None, keyring=None):
        """httpd -t with the dump; the frame's parts unless given."""
        self.httpd.write("\n".join([
            self.database if database is None else database,
            f"GraphTokKeyring file:{self.keyring}" if keyring is None else keyring,
            self.provider() if provider is None else provider, text]))
        answer = Checked(self.httpd.check("-D", "DUMP_GRAPHTOK"), self.httpd.conf)
        for secret in (SECRET, PASSWORD, KEY.split()[-1]):
            assert secret not in answer.out + answer.err
        return answer
