# Licensed under the Apache License, Version 2.0; see LICENSE.
"""One httpd with our module, a database, keys, and mounts of every kind of caller."""

import base64
import hashlib
import mmap
import os
import pathlib
import re
import shutil
import subprocess

from . import httpd as servers
from .database import Database

MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/health">
    SetHandler graphtok-health
</Location>
<Location "/tom">
    GraphTokUser static tom
</Location>
<Location "/tom/auth">
    SetHandler graphtok-auth
</Location>
<Location "/tom/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/staff">
    GraphTokUser remote-user
    AuthType Basic
    AuthName staff
    AuthBasicProvider file
    AuthUserFile {folder}/users
    Require valid-user
</Location>
<Location "/staff/auth">
    SetHandler graphtok-auth
</Location>
<Location "/staff/calendar">
    SetHandler graphtok-calendar
</Location>
GraphTokLimit off
"""


NOON = {"start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
WINDOW = "start=2030-05-01T00:00:00Z&end=2030-05-02T00:00:00Z"


def administered(path, handler="graphtok-tokens", require="user ada"):
    """A place for administrators: staff whose passwords are their names."""
    return f"""<Location "{path}">
    SetHandler {handler}
    AuthType Basic
    AuthName administration
    AuthBasicProvider file
    AuthUserFile {{folder}}/users
    Require {require}
</Location>
"""


def is_word(secret):
    """Whether it would stand whole in one of words_of."""
    return re.fullmatch("[!-~]{8,}", secret)


def words_of(content):
    """Each run of visible characters once: megabytes of memory and logs are soon looked through."""
    return b"\n".join(set(re.findall(rb"[!-~]{8,}", content)))


def tls_host(port, sandbox, more=""):
    """A virtual host over TLS, with the sandbox's certificate."""
    folder = sandbox.process.folder
    return f"""
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    ServerName localhost:{port}
    SSLEngine on
    SSLCertificateFile {folder}/server.pem
    SSLCertificateKeyFile {folder}/server.key
    {more}
</VirtualHost>
"""


def only(*mpms):
    """For tests of what some MPMs have."""
    def mark(function):
        function.mpms = mpms
        return function
    return mark


class Site:
    """Start, stop, look into."""

    def __init__(self, folder, sandbox, mpm, engine, postgres, mounts=MOUNTS, settings="",
                 provider="", keyring=None, modules=(), tuning=None, migrate=True,
                 database=None):
        self.sandbox = sandbox
        self.httpd = servers.Httpd(folder, mpm, modules)
        self.folder = self.httpd.folder
        self.database = database or Database(engine, folder, postgres)
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()
        os.chmod(self.secrets, 0o755)
        self.tuning = tuning
        self.text = {"mounts": mounts, "settings": settings, "provider": provider,
                     "credential": f"GraphTokClientSecret file:{self.secrets}/client-secret"}
        self.write_secret("keyring", keyring or self.ctl_plain("genkey"))
        self.write_secret("client-secret",
                          pathlib.Path(sandbox.client_secret_file).read_text(encoding="ascii"))
        self._write_users()
        self.configure()
        if migrate:
            self.migrate()

    def migrate(self):
        """Make the table."""
        self.ctl("migrate", "--yes")
        self.database.hand_over()

    def _write_users(self):
        """ada:ada and bob:bob, as htpasswd -s writes them."""
        lines = [name + ":{SHA}" + base64.b64encode(hashlib.sha1(name.encode()).digest()).decode()
                 for name in ("ada", "bob")]
        (self.folder / "users").write_text("\n".join(lines) + "\n")

    @property
    def url(self):
        return self.httpd.url

    def write_secret(self, name, text):
        """A file as the administrator would keep it."""
        path = self.secrets / name
        path.write_text(text)
        servers.own(path)
        os.chmod(path, 0o640)
        return path

    def configure(self, **text):
        """Write httpd.conf; parts not named stay."""
        self.text.update(text)
        self.httpd.write(f"""
{self.database.conf}
GraphTokKeyring file:{self.secrets}/keyring
GraphTokJournal {self.folder}/journal
<GraphTokProvider microsoft>
    GraphTokTenant {self.sandbox.tenant}
    GraphTokClientID {self.sandbox.client_id}
    {self.text["credential"]}
    GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite
    GraphTokAuthority {self.sandbox.authority}
    GraphTokGraphURL {self.sandbox.graph}
    GraphTokCAFile {self.sandbox.ca}
    {self.text["provider"]}
</GraphTokProvider>
GraphTokBackground off
{self.text["settings"]}
""" + self.text["mounts"].replace("{folder}", str(self.folder)).replace(
            "{port}", str(self.httpd.port)), self.tuning)

    def register(self, *mounts):
        """Tell the sandbox our callbacks."""
        for mount in mounts or ("/auth", "/tom/auth", "/staff/auth"):
            self.sandbox.add_redirect_uri(f"{self.url}{mount}/callback")

    def ctl_plain(self, *arguments):
        """graphtokctl without a server; its output."""
        done = subprocess.run([servers.build_folder() / "graphtokctl", *arguments],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ctl(self, *arguments, check=True):
        """graphtokctl for this httpd."""
        command = " ".join(self.httpd.command())
        done = subprocess.run(
            [servers.build_folder() / "graphtokctl", "--httpd", command, *arguments],
            capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, **self.httpd.environment})
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self, wrapper=()):
        """Start and register with the sandbox."""
        self.httpd.start(wrapper)
        self.register()
        return self

    def shared_memory(self):
        """The bytes of the anonymous memory that the children share."""
        found = []

        def read():
            # Programs behind pipes are children, too, and share nothing.
            found[:] = [self._shared_memory_of(pid) for pid in self.httpd.children()]
            return max(map(len, found), default=0) >= mmap.PAGESIZE
        self.httpd.wait_until(read, 10)
        return max(found, key=len)

    @staticmethod
    def _shared_memory_of(pid):
        found = b""
        try:
            with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
                    open(f"/proc/{pid}/mem", "rb", 0) as memory:
                for line in maps:
                    fields = line.split(maxsplit=5)
                    if fields[1] != "rw-s" or "/dev/zero" not in fields[-1]:
                        continue
                    start, end = (int(number, 16) for number in fields[0].split("-"))
                    memory.seek(start)
                    found += memory.read(end - start)
        except (FileNotFoundError, ProcessLookupError):
            return b""  # a child of before a restart, which has just ended
        return found

    def find_secrets(self):
        """Where a token, code, verifier or secret stands in the clear; should be nowhere."""
        places = {path.name: path.read_bytes() for path in self.folder.glob("*.log")}
        places["database"] = self.database.dump()
        places["shared memory"] = self.shared_memory() if self.httpd.process else b""
        words = {place: words_of(content) for place, content in places.items()}
        return [(place, kind) for kind, secret in self.sandbox.secrets()
                for place, content in (words if is_word(secret) else places).items()
                if secret.encode() in content]

    def end(self):
        """Stop; no secret may have got anywhere."""
        try:
            found = self.find_secrets()
        finally:
            self.httpd.stop()
        assert not found, found
        assert not self.httpd.findings(), self.httpd.findings()
        if not os.environ.get("GRAPHTOK_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
