# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Copies of mailboxes, held against what a real Dovecot says. Their accounts are Ada's own mailbox and
the team's, which her token opens as well.

GRAPHTOK_TEST_MAILS: messages of two large mailboxes together (default 2000)."""

import contextlib
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support import dovecot as mail_servers
from support import httpd as servers
from support.database import Database
from support.place import ADA, QUICK, Place

TEAM = "team@sandbox.example"
MAILS = int(os.environ.get("GRAPHTOK_TEST_MAILS", "2000"))
SCOPE = ("openid profile email offline_access User.Read Calendars.ReadWrite "
         "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send")
ON = (QUICK + "GraphTokBackground on\n<GraphTokStore main>\nGraphTokMailSync on\n"
      "GraphTokMailSyncEvery 1s\n</GraphTokStore>\n")


LATER = "due_at = 4000000000"


def mail(n, more=b""):
    return (b"From: Ann <ann@example.org>\r\nTo: ada@sandbox.example\r\nSubject: Mail %d\r\n"
            b"Date: Tue, 1 Dec 2026 10:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\n"
            b"Text of mail %d\r\n%b" % (n, n, n, more))


@pytest.fixture(scope="module")
def dovecot(sandbox_server):
    process = sandbox_server.process
    server = mail_servers.beside(process.folder, process.facts["base"]).start()
    yield server
    server.remove()


class Mailboxes:
    """Accounts of a place, and what is kept of them."""

    def __init__(self, place, server, user):
        self.place, self.server, self.sql, self.user = place, server, place.database.sql, user

    def add(self, address, port=None, columns=""):
        """An account of the user's grant that is due now; its id."""
        now = int(time.time())
        self.sql("INSERT INTO mail_accounts (user_id, provider, email_address, incoming_server, "
                 "incoming_port, incoming_security, due_at, created_at, updated_at) VALUES "
                 f"('{self.user}', 'microsoft', '{address}', 'localhost', {port or self.server.imaps}, "
                 f"'tls', 1, {now}, {now})")
        if columns:
            self.sql(f"UPDATE mail_accounts SET {columns} WHERE email_address = '{address}'")
        return int(self.sql(f"SELECT id FROM mail_accounts WHERE email_address = '{address}'")[0][0])

    def kept(self, account):
        """{(folder, uid): set of flags}"""
        rows = self.sql("SELECT folder, uid, flags FROM mail_messages WHERE account_id = "
                        f"{account}")
        assert len(rows) == len({(row[0], row[1]) for row in rows})
        return {(row[0], int(row[1])): set(row[2].split()) for row in rows}

    def count(self, accounts=None):
        """Of these accounts, or of all."""
        where = f" WHERE account_id IN ({', '.join(map(str, accounts))})" if accounts else ""
        return int(self.sql(f"SELECT count(*) FROM mail_messages{where}")[0][0])

    def there(self, user):
        """The same, as the server has it."""
        found = {}
        for line in self.server.doveadm("-f", "tab", "fetch", "-u", user, "mailbox uid flags",
                                        "ALL").splitlines()[1:]:
            folder, uid, flags = line.split("\t")
            found[folder, int(uid)] = set(flags.split()) - {"\\Recent"}
        return found

    def equal(self, account, user, seconds=30):
        """Wait until both are the same."""
        there = self.there(user)
        try:
            self.place.wait(lambda: self.count([account]) == len(there)
                            and self.kept(account) == there, seconds)
        except TimeoutError:
            assert self.kept(account) == there, self.state(account)

    def state(self, account):
        return self.sql("SELECT sync_status, coalesce(last_error, ''), coalesce(claimed_by, '') FROM "
                        f"mail_accounts WHERE id = {account}")[0]


class Relay:
    """Another port of a server. One connection may be held at a number of bytes that came from there:
    from then on the server seems to be silent."""

    def __init__(self, to, port=0):
        self.to, self.held, self.goes_on, self.most = to, threading.Event(), threading.Event(), None
        self.over = threading.Event()
        self.door = socket.create_server(("127.0.0.1", port))
        self.port = self.door.getsockname()[1]
        self.threads = [threading.Thread(target=self._serve)]

    def hold(self, most):
        """The first connection that gives so many bytes, from then on."""
        self.held.clear()
        self.goes_on.clear()
        self.most = most

    def let_go(self):
        """The connection that is held goes on."""
        self.goes_on.set()

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.goes_on.set()
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for thread in self.threads:
            thread.join()

    def _serve(self):
        while True:
            try:
                near = self.door.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to))
            for pair in ((near, far), (far, near)):
                self.threads.append(threading.Thread(target=self._pump, args=(*pair, pair[0] is far)))
                self.threads[-1].start()

    def _pump(self, source, target, is_held):
        count = 0
        try:
            while not self.over.is_set():
                source.settimeout(0.2)
                try:
                    data = source.recv(16384)
                except TimeoutError:
                    continue
                if not data:
                    break
                target.sendall(data)
                count += len(data)
                if is_held and self.most is not None and count >= self.most:
                    self.most = None
                    self.held.set()
                    self.goes_on.wait()
        except OSError:
            pass
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def places(ground, sandbox_server, request):
    """One that runs, of each engine that is asked for."""
    made = {}

    def place_of(engine):
        if engine not in made:
            folder = ground / f"mail-{engine}"
            folder.mkdir()
            postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
            made[engine] = Place(folder, sandbox_server, "event", engine,
                                 Database(engine, folder, postgres), ON,
                                 provider=f"GraphTokScope {SCOPE}")
            made[engine].start()
        return made[engine]
    yield place_of
    for place in made.values():
        place.httpd.stop()


@pytest.fixture
def boxes(places, dovecot, sandbox, request):
    """No mail and no account; a grant of a user that no other test has."""
    place = places(getattr(request, "param", "sqlite3"))
    place.database.sql("DELETE FROM mail_accounts")
    dovecot.clear()
    user = f"user-{request.node.name}"
    place.add([user], ends=3000, used=5, scope=SCOPE)
    return Mailboxes(place, dovecot, user)


@pytest.mark.parametrize("boxes", ["sqlite3", "pgsql"], indirect=True)
def test_two_mailboxes_are_as_the_server_has_them(boxes, dovecot):
    dovecot.append(ADA, *(mail(n) for n in range(30)), flags="\\Seen")
    dovecot.append(ADA, mail(1), mail(2), folder="Old mail &AOQ-")
    dovecot.append(TEAM, *(mail(n) for n in range(10)))
    ada, team = boxes.add(ADA), boxes.add(TEAM)
    boxes.equal(ada, ADA)
    boxes.equal(team, TEAM)


def test_changes_are_followed(boxes, dovecot):
    """Flags, new mail, deletions, moves, folders that come, go and are renamed; by QRESYNC."""
    dovecot.append(ADA, *(mail(n) for n in range(40)))
    dovecot.append(ADA, mail(50), folder="Gone")
    dovecot.append(ADA, mail(51), folder="Renamed")
    ada = boxes.add(ADA)
    boxes.equal(ada, ADA)
    dovecot.store(ADA, "3:7", "+FLAGS (\\Flagged $label1)")
    dovecot.expunge(ADA, "10:15,40")
    dovecot.doveadm("move", "-u", ADA, "Moved here", "mailbox", "INBOX", "uid", "20:25")
    dovecot.append(ADA, *(mail(n) for n in range(60, 65)), flags="\\Seen")
    dovecot.doveadm("mailbox", "delete", "-u", ADA, "-s", "Gone")
    dovecot.doveadm("mailbox", "rename", "-u", ADA, "Renamed", "Renamed later")
    boxes.equal(ada, ADA)
    # Another UIDVALIDITY: the same name, other messages.
    dovecot.doveadm("mailbox", "delete", "-u", ADA, "-s", "Moved here")
    dovecot.append(ADA, *(mail(n) for n in range(70, 73)), folder="Moved here")
    boxes.equal(ada, ADA)
    others = boxes.sql("SELECT count(*) FROM mail_messages AS m JOIN mail_folders AS f ON "
                       "m.account_id = f.account_id AND m.folder = f.name WHERE "
                       f"m.account_id = {ada} AND m.uidvalidity <> f.uidvalidity")
    assert int(others[0][0]) == 0


def claims_end(boxes):
    """As if three minutes had passed."""
    boxes.sql("UPDATE mail_accounts SET claimed_until = 1, due_at = 1")


def kill_children(boxes):
    """Claims end three minutes later; here at once."""
    for child in boxes.place.httpd.children():
        os.kill(child, signal.SIGKILL)
    claims_end(boxes)


@pytest.mark.parametrize("boxes", ["sqlite3", "pgsql"], indirect=True)
def test_killed_at_any_moment(boxes, dovecot):
    """Children die again and again while two mailboxes are read and change; in the end all is there,
    each message once."""
    half = MAILS // 2
    for user in (ADA, TEAM):
        dovecot.fill(user, (mail(n, b"x" * 2000) for n in range(half)))
    ada, team = boxes.add(ADA), boxes.add(TEAM)
    moments = sorted(random.sample(range(MAILS), 3))
    print("killed at", moments)
    for moment in moments:
        boxes.place.wait(lambda least=moment: boxes.count() >= least, 300)
        kill_children(boxes)
    boxes.equal(ada, ADA, 300)
    boxes.equal(team, TEAM, 300)
    some = random.sample(range(1, half), 3)
    print("changed up to", some)
    dovecot.store(ADA, f"1:{some[0]}", "+FLAGS (\\Flagged)")
    dovecot.expunge(TEAM, f"1:{some[1]}")
    dovecot.doveadm("move", "-u", ADA, "Moved", "mailbox", "INBOX", "uid", f"1:{some[2]}")
    boxes.place.wait(lambda: boxes.count() != MAILS, 60)
    kill_children(boxes)
    boxes.equal(ada, ADA, 300)
    dovecot.doveadm("mailbox", "update", "-u", TEAM, "--uid-validity", "4000000", "INBOX")
    boxes.place.wait(lambda: int(boxes.sql("SELECT count(*) FROM mail_messages WHERE uidvalidity = "
                                           "4000000")[0][0]) > 0, 60)
    kill_children(boxes)
    boxes.equal(team, TEAM, 300)
    assert len(boxes.sql(f"SELECT DISTINCT uidvalidity FROM mail_messages WHERE account_id = {team}")) == 1


def test_a_large_mail_and_rubbish(boxes, dovecot):
    """The first bytes of 50 MiB are read; a broken mail has its row."""
    large = mail(1) + b"--x\r\n" + (b"A" * 76 + b"\r\n") * (50 * 1024 * 1024 // 78)
    dovecot.append(ADA, large, b"\xff\xfe no header at all", b"Subject: =?x?b?\x80?=\r\n\r\n\x00\xc3")
    ada = boxes.add(ADA)
    boxes.equal(ada, ADA)
    rows = boxes.sql("SELECT size, is_cut, length(text) FROM mail_messages WHERE account_id = "
                     f"{ada} ORDER BY uid")
    assert int(rows[0][0]) > 50 * 1024 * 1024 * 9 // 10 and str(rows[0][1]) == "1"
    assert int(rows[0][2]) < 400000 and len(rows) == 3


def test_a_token_that_was_ended_is_refreshed_once(boxes, dovecot, sandbox):
    dovecot.append(ADA, mail(1))
    ada = boxes.add(ADA)
    boxes.equal(ada, ADA)
    sandbox.expire_access(ADA)
    dovecot.append(ADA, mail(2))
    boxes.equal(ada, ADA)
    assert int(boxes.place.rows("generation")[boxes.user][0]) == 3


@pytest.fixture
def impostor(request, tmp_path, sandbox_server):
    """The port of a server with a certificate of its own making, or one that the authority which is
    trusted gave to another host."""
    certificate = sandbox_server.process.folder / "elsewhere.pem"
    if request.param == "unknown authority":
        certificate = tmp_path / "both.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", certificate, "-out", tmp_path / "cert.pem"],
                       check=True, capture_output=True)
        certificate.write_bytes(certificate.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    door = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                with context.wrap_socket(door.accept()[0], server_side=True):
                    pass
            except ssl.SSLError:
                pass
            except OSError:
                return
    thread = threading.Thread(target=serve)
    thread.start()
    yield door.getsockname()[1]
    door.shutdown(socket.SHUT_RDWR)
    door.close()
    thread.join()


@pytest.mark.parametrize("impostor, words", [
    ("unknown authority", "certificate"), ("another host", "matches target host name")], indirect=["impostor"])
def test_a_certificate_that_is_not_the_servers(boxes, impostor, words):
    account = boxes.add(ADA, impostor, columns=LATER)
    assert boxes.place.ctl("sync", str(account), check=False).returncode != 0
    status, error, _ = boxes.state(account)
    assert status == "error" and words in error and "is its certificate good?" in error


def test_troubles_say_what_to_do(boxes, dovecot):
    """A server that is gone, in the row after a round; then all is well again."""
    gone = boxes.add(TEAM, servers.free_port(), columns=LATER)
    assert boxes.place.ctl("sync", str(gone), check=False).returncode != 0
    status, error, _ = boxes.state(gone)
    assert status == "error" and "the right server" in error
    dovecot.append(TEAM, mail(1))
    boxes.sql(f"UPDATE mail_accounts SET incoming_port = {dovecot.imaps}, due_at = 1")
    boxes.equal(gone, TEAM)
    boxes.place.wait(lambda: boxes.state(gone)[:2] == ["ok", ""])


def test_a_passing_trouble_is_tried_again(boxes, dovecot):
    """In the same round, so that nothing is told of it in the row."""
    dovecot.append(ADA, mail(1))
    port, before = servers.free_port(), len(boxes.place.httpd.log())
    ada = boxes.add(ADA, port)
    boxes.place.wait(lambda: f"mail account {ada}: " in boxes.place.httpd.log()[before:])
    assert boxes.state(ada)[:2] == ["syncing", ""]
    with Relay(dovecot.imaps, port):
        boxes.equal(ada, ADA)
        boxes.place.wait(lambda: boxes.state(ada)[:2] == ["ok", ""])
    assert f"mail account {ada} ({ADA})" not in boxes.place.httpd.log()[before:]


def test_switched_off_at_the_next_round(boxes, dovecot):
    """E6 as its document types it."""
    ada = boxes.add(ADA)
    boxes.place.wait(lambda: boxes.state(ada)[0] == "ok")
    boxes.sql("UPDATE mail_accounts SET sync_enabled = false")
    boxes.place.wait(lambda: boxes.state(ada)[2] == "")
    dovecot.append(ADA, mail(1))
    dovecot.append(TEAM, mail(1))
    boxes.equal(boxes.add(TEAM), TEAM)
    assert boxes.kept(ada) == {}
    boxes.sql("UPDATE mail_accounts SET sync_enabled = true")
    boxes.equal(ada, ADA)


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_child_that_ends_leaves_its_accounts(mpm, dovecot, make_place):
    """In the middle of a round and of a wait for news, at a graceful restart and at a stop, with a
    server that is silent: the next child goes on at once. No round is due by itself."""
    dovecot.clear()
    place = make_place(mpm, "sqlite3", ON.replace("Every 1s", "Every 1h"),
                       provider=f"GraphTokScope {SCOPE}")
    place.add(["left"], ends=3000, used=5, scope=SCOPE)
    left, waits = Mailboxes(place, dovecot, "left"), "waiting for news of a folder: waits"

    def ends_by_restart():
        old = set(place.httpd.children())
        place.httpd.graceful()
        place.wait(lambda: not old & set(place.httpd.children()))

    def ends_by_stop():
        place.httpd.stop()
        assert left.state(ada)[2] == ""
        place.start()
    with Relay(dovecot.imaps) as way:
        ada = left.add(ADA, way.port, columns="push = true")
        place.start()
        place.wait(lambda: waits in place.httpd.log())
        for ends in (ends_by_restart, ends_by_stop):
            way.hold(100000)
            dovecot.fill(ADA, (mail(n, b"x" * 2000) for n in range(200)))
            left.sql("UPDATE mail_accounts SET due_at = 1")
            assert way.held.wait(60)
            idle = place.httpd.log().count(waits)
            ends()
            left.equal(ada, ADA)
            place.wait(lambda: place.httpd.log().count(waits) > idle)
            ends()
            dovecot.append(ADA, mail(1))
            left.equal(ada, ADA)


@pytest.mark.parametrize("boxes", ["pgsql"], indirect=True)
def test_two_nodes(boxes, dovecot, make_place):
    """No message twice, no account synchronised twice at once."""
    dovecot.append(ADA, *(mail(n) for n in range(200)))
    dovecot.append(TEAM, *(mail(n) for n in range(200)))
    ada, team = boxes.add(ADA), boxes.add(TEAM)
    other = make_place("event", boxes.place.database.engine, ON, beside=boxes.place,
                       provider=f"GraphTokScope {SCOPE}")
    other.start()
    boxes.equal(ada, ADA)
    boxes.equal(team, TEAM)
    for _ in range(3):
        dovecot.append(ADA, *(mail(n) for n in range(20)))
        dovecot.append(TEAM, *(mail(n) for n in range(20)))
        boxes.equal(ada, ADA)
        boxes.equal(team, TEAM)
    log = boxes.place.httpd.log() + other.httpd.log()
    assert "GT1602" not in log and "GT1605" not in log


@pytest.mark.parametrize("boxes", ["pgsql"], indirect=True)
def test_a_database_that_restarts_costs_no_claim(boxes, dovecot, postgres):
    """Amid a first round: it goes on as soon as the database is back, in the same claim."""
    dovecot.fill(ADA, (mail(n, b"x" * 2000) for n in range(600)))
    with Relay(dovecot.imaps) as way:
        way.hold(400000)
        ada = boxes.add(ADA, way.port)
        assert way.held.wait(60)
        postgres.stop()
        before = len(boxes.place.httpd.log())
        way.let_go()
        boxes.place.wait(lambda: f"mail account {ada}: " in boxes.place.httpd.log()[before:])
        postgres.start()
        boxes.equal(ada, ADA, 90)
        boxes.place.wait(lambda: boxes.state(ada) == ["ok", "", ""])


@pytest.mark.parametrize("boxes", ["pgsql"], indirect=True)
def test_a_node_that_stands_still_amid_a_batch(boxes, dovecot, postgres, make_place):
    """PostgreSQL ends its transaction, so that another node goes on when the claim is over."""
    dovecot.append(ADA, mail(1))
    ada = boxes.add(ADA)
    boxes.equal(ada, ADA)
    waits = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
             "wait_event_type = 'Lock' AND query LIKE '%INTO %mail_messages%'")
    with postgres.session(boxes.place.database.name) as say:
        say(f"BEGIN; CREATE TEMP TABLE next AS SELECT * FROM mail_messages WHERE account_id = {ada} AND "
            "folder = 'INBOX' ORDER BY uid DESC LIMIT 1; UPDATE next SET id = 1000000, uid = uid + 1; "
            "INSERT INTO mail_messages SELECT * FROM next")
        dovecot.append(ADA, *(mail(n) for n in range(2, 20)))
        boxes.place.wait(lambda: boxes.sql(waits)[0][0] != "0")
        with boxes.place.httpd.standing_still():
            say("ROLLBACK")
            claims_end(boxes)
            second = make_place("event", "pgsql", ON, beside=boxes.place,
                                provider=f"GraphTokScope {SCOPE}")
            second.start()
            boxes.equal(ada, ADA, 60)
            second.httpd.stop()
        dovecot.append(ADA, mail(60))
        claims_end(boxes)
        boxes.equal(ada, ADA, 60)


def test_news_at_once(boxes, dovecot, make_place):
    """By IDLE: the next round would be an hour later."""
    place = make_place("event", "sqlite3", ON.replace("Every 1s", "Every 1h"),
                       provider=f"GraphTokScope {SCOPE}")
    place.add(["pushed"], ends=3000, used=5, scope=SCOPE)
    pushed = Mailboxes(place, dovecot, "pushed")
    ada = pushed.add(ADA, columns="push = true")
    place.start()
    place.wait(lambda: "waiting for news of a folder: waits" in place.httpd.log())
    dovecot.append(ADA, mail(1))
    pushed.equal(ada, ADA)


def test_graphtokctl_sync(boxes, dovecot):
    """One account, due or not; and none."""
    dovecot.append(ADA, mail(1), mail(2))
    ada, ends = boxes.add(ADA, columns="due_at = 4000000000, sync_status = 'ok'"), dovecot.log().count("Logged out")
    answer = json.loads(boxes.place.ctl("sync", str(ada), "--json").stdout)
    assert answer["accounts"][0]["id"] == ada and answer["accounts"][0]["error"] is None
    boxes.equal(ada, ADA)
    assert boxes.state(ada)[:2] == ["ok", ""]
    boxes.place.wait(lambda: dovecot.log().count("Logged out") == ends + 1)
    assert boxes.place.ctl("sync", "123456789", check=False).returncode != 0
    boxes.sql("UPDATE mail_accounts SET sync_enabled = false")
    done = boxes.place.ctl("sync", str(ada), check=False)
    assert done.returncode != 0 and "GT0992" in done.stderr


def test_slow_servers_delay_no_refresh(boxes):
    """512 accounts whose server takes connections and says nothing."""
    now, due = int(time.time()), int(time.time()) + 4000
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as door:
        boxes.add(ADA, door.getsockname()[1], columns=f"due_at = {due}")
        boxes.sql("INSERT INTO mail_accounts (user_id, provider, email_address, incoming_server, "
                  "incoming_port, due_at, created_at, updated_at) VALUES " + ", ".join(
                      f"('{boxes.user}', 'microsoft', 'slow{n}@sandbox.example', 'localhost', "
                      f"{door.getsockname()[1]}, 1, {now}, {now})" for n in range(512)))
        boxes.place.wait(lambda: int(boxes.sql("SELECT count(*) FROM mail_accounts WHERE "
                                               "claimed_until > 0")[0][0]) == 512)
        boxes.place.add(["refreshed"], ends=25)
        began = time.monotonic()
        boxes.place.wait(lambda: "refreshed" in boxes.place.refreshed())
        assert time.monotonic() - began < 10
        boxes.sql("DELETE FROM mail_accounts")
