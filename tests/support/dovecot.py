# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A real mail server: Dovecot for IMAP and submission, by tokens of the sandbox or by password, and
behind it a sink that takes the mail. All of it without root's rights, on loopback ports, in a folder of
its own; when the tests are root, Dovecot runs as `mail`."""

import datetime
import grp
import imaplib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from . import httpd as servers
from .sink import Sink

BINARY, DOVEADM = "/usr/sbin/dovecot", "/usr/bin/doveadm"
PASSWORD = "correct-horse"  # for each mailbox
START_SECONDS = 60

OAUTH = """
introspection_mode = post
introspection_url = {url}
username_attribute = {attribute}
tls_ca_cert_file = {ca}
"""

CONF = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap submission
listen = 127.0.0.1
hostname = mail.sandbox.example
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
auth_username_format = %Lu
disable_plaintext_auth = no
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = {location}
mail_fsync = never
mail_max_userip_connections = 2000
default_client_limit = 4000
submission_relay_host = 127.0.0.1
submission_relay_port = {sink}
userdb {{
  driver = static
  args = home={folder}/mail/%Lu allow_all_users=yes
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
namespace inbox {{
  inbox = yes
  mailbox Drafts {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap {{
  process_limit = 2000
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  process_limit = 4
  client_limit = 2000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
"""

PASSDB = """
protocol {protocol} {{
  passdb {{
    driver = oauth2
    mechanisms = xoauth2 oauthbearer
    args = {file}
  }}
}}
"""


def _user():
    """The user that Dovecot runs as: it must not be root."""
    return pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


class Dovecot:
    """One server. Its mailboxes are there as soon as they are named.

    `certificate`, `key`: PEM files, of the name localhost. `introspection`: https address before "imap"
    and "smtp", and `ca`: who certifies it; without, passwords alone open mailboxes."""

    def __init__(self, certificate, key, introspection=None, ca=None, location="maildir:~/Maildir"):
        self.user = _user()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="graphtok-mail-", dir="/var/tmp"))
        self.sink = Sink()
        self.imap, self.imaps, self.submission, self.submissions = (
            servers.free_port() for _ in range(4))
        self.process, self.filled = None, 0
        self.context = ssl.create_default_context(cafile=ca or certificate)
        os.chmod(self.folder, 0o755)
        (self.folder / "mail").mkdir()
        self._put("cert.pem", pathlib.Path(certificate).read_bytes())
        self._put("key.pem", pathlib.Path(key).read_bytes())
        text = CONF.format(
            folder=self.folder, user=self.user.pw_name, password=PASSWORD, location=location,
            group=grp.getgrgid(self.user.pw_gid).gr_name, sink=self.sink.port, imap=self.imap, imaps=self.imaps,
            submission=self.submission, submissions=self.submissions)
        if introspection:
            text += self._passdbs(introspection, ca)
        self._put("dovecot.conf", text.encode())
        for path in (self.folder, self.folder / "mail"):
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _put(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        os.chmod(path, 0o600)
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _passdbs(self, introspection, ca):
        """A person's own mailbox, and the team's."""
        self._put("ca.pem", pathlib.Path(ca).read_bytes())
        text = ""
        for protocol, word in (("imap", "imap"), ("submission", "smtp")):
            for attribute in ("username", "team"):
                name = f"{word}-{attribute}.oauth"
                self._put(name, OAUTH.format(url=introspection + word, attribute=attribute,
                                             ca=self.folder / "ca.pem").encode())
                text += PASSDB.format(protocol=protocol, file=self.folder / name)
        return text

    def _as_user(self):
        if os.geteuid() != 0:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    # ---- its life ----

    def start(self):
        """Start and wait until it takes connections."""
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(
                [BINARY, "-F", "-c", self.folder / "dovecot.conf"], stdout=errors, stderr=errors,
                stdin=subprocess.DEVNULL, cwd="/", **self._as_user())
        end = time.monotonic() + START_SECONDS
        while not all(self._listens(port) for port in (self.imap, self.imaps, self.submission,
                                                       self.submissions)):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.folder / "stderr").read_text() + self.log())
            time.sleep(0.02)
        return self

    @staticmethod
    def _listens(port):
        try:
            with socket.create_connection(("127.0.0.1", port), 5):
                return True
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        """Stop; connections end. The mailboxes stay, and start() brings it back."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def remove(self):
        """Stop and leave no file."""
        self.stop()
        self.sink.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self):
        """All sessions end, all mailboxes and all that the sink has taken are gone."""
        self.doveadm("kick", "*")
        for home in (self.folder / "mail").iterdir():
            shutil.rmtree(home, ignore_errors=True)
        self.sink.messages.clear()

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- mailboxes ----

    def doveadm(self, *arguments, body=None):
        """Run doveadm; its standard output."""
        done = subprocess.run([DOVEADM, "-c", self.folder / "dovecot.conf", *arguments], input=body,
                              capture_output=True, cwd="/", check=False, **self._as_user())
        if done.returncode not in (0, 68):  # 68: there was nothing of the kind
            raise RuntimeError(f"doveadm {arguments}: {done.stderr.decode()}")
        return done.stdout.decode()

    def session(self, user):
        """An IMAP session by password, over TLS; close it by logout()."""
        client = imaplib.IMAP4_SSL("localhost", self.imaps, ssl_context=self.context)
        client.login(user, PASSWORD)
        return client

    def append(self, user, *mails, folder="INBOX", flags="", date=None):
        """Put mails (bytes) into a folder, which is made when it is missing."""
        when = imaplib.Time2Internaldate(date or datetime.datetime.now(datetime.timezone.utc))
        with self.session(user) as client:
            client.create(f'"{folder}"')
            for mail in mails:
                kind, data = client.append(f'"{folder}"', f"({flags})", when, mail)
                assert kind == "OK", data

    def fill(self, user, mails):
        """Put mails (bytes) into the inbox of a Maildir, as files: by IMAP 20,000 take minutes. Their
        names are like those that Dovecot gives: of names that count up alone many have one hash
        there, and it spends most of its time on comparing them."""
        maildir = self.folder / "mail" / user / "Maildir"
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(parents=True, exist_ok=True)
        for n, mail in enumerate(mails, self.filled):
            name = f"{1700000000 + n}.M{n * 48271 % 1000000}P{n}.mail,S={len(mail)}:2,"
            (maildir / "cur" / name).write_bytes(mail)
            self.filled = n + 1
        subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}", maildir.parent],
                       check=True)
        self.doveadm("index", "-u", user, "INBOX")

    def flags(self, user, folder="INBOX"):
        """{UID: set of flags} as the server has them."""
        with self.session(user) as client:
            kind, data = client.select(f'"{folder}"', readonly=True)
            assert kind == "OK", data
            _, rows = client.uid("FETCH", "1:*", "(FLAGS)")
        found = {}
        for row in rows:
            if row is not None:
                words = row.decode().partition("UID ")[2].split()
                found[int(words[0].strip("()"))] = set(map(bytes.decode, imaplib.ParseFlags(row)))
        return found

    def store(self, user, uids, change, folder="INBOX"):
        """UID STORE: uids "1:3", change "+FLAGS (\\Seen)"."""
        with self.session(user) as client:
            client.select(f'"{folder}"')
            kind, data = client.uid("STORE", uids, *change.split(" ", 1))
            assert kind == "OK", data

    def expunge(self, user, uids, folder="INBOX"):
        """Delete messages for good."""
        self.store(user, uids, "+FLAGS (\\Deleted)", folder)
        with self.session(user) as client:
            client.select(f'"{folder}"')
            client.expunge()


def beside(sandbox_folder, base):
    """A server whose tokens are those of the sandbox in this folder, with its certificate."""
    folder = pathlib.Path(sandbox_folder)
    return Dovecot(folder / "server.pem", folder / "server.key", f"{base}/mail/introspect/",
                   folder / "ca.pem")
