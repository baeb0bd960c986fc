# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Copies of mailboxes: a first synchronisation beside mbsync's (Debian's isync) of the same mailbox at
the same Dovecot, accounts without news, and memory."""

import pathlib
import shutil
import statistics
import subprocess
import time

import measure
from support import dovecot as mail_servers
from support.database import PG_BIN, Database, Postgres
from support.place import Place

SCOPE = ("openid profile email offline_access User.Read Calendars.ReadWrite "
         "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send")
ADA = "ada@sandbox.example"
SETTINGS = """
GraphTokBackground on
<GraphTokStore main>
    GraphTokMailSync on
    GraphTokMailSyncEvery 1d
</GraphTokStore>
"""
WORDS = ("the report of the committee is late and the numbers of the second quarter are not in it so "
         "that we have to ask once more ").split()

MBSYNC = """
FSync no

IMAPAccount far
Host localhost
Port {port}
User {user}
Pass {password}
SSLType IMAPS
CertificateFile {ca}

IMAPStore far
Account far

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull New
SyncState *
"""


def mail(n):
    """One of 3 KB: as people write them, half of them with HTML beside the text."""
    text = "\r\n".join(" ".join(WORDS[(n + i * k) % len(WORDS)] for k in range(1, 12)) for i in range(24))
    head = (f"Return-Path: <ann{n % 97}@example.org>\r\nReceived: from mx.example.org (mx.example.org "
            f"[192.0.2.{n % 250}])\r\n\tby mail.sandbox.example with ESMTPS id {n:x}\r\n\t; Tue, 1 Dec 2026 "
            f"10:00:00 +0000\r\nFrom: Ann Low <ann{n % 97}@example.org>\r\nTo: {ADA}\r\nCc: Bo "
            f"<bo@example.org>\r\nSubject: =?utf-8?Q?Zahlen_f=C3=BCr?= {n}\r\nDate: Tue, 1 Dec 2026 "
            f"10:00:00 +0000\r\nMessage-ID: <{n}@example.org>\r\nIn-Reply-To: <{n - 1}@example.org>\r\n"
            "MIME-Version: 1.0\r\n")
    if n % 2:
        return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n{text}\r\n".encode()
    return (f"{head}Content-Type: multipart/alternative; boundary=\"b{n}\"\r\n\r\n--b{n}\r\nContent-Type: "
            f"text/plain; charset=utf-8\r\n\r\n{text}\r\n--b{n}\r\nContent-Type: text/html; charset=utf-8"
            f"\r\n\r\n<html><body><p>{text}</p></body></html>\r\n--b{n}--\r\n").encode()


def fill(server, user, count):
    """So many mails are in the inbox, and no others."""
    shutil.rmtree(server.folder / "mail" / user, ignore_errors=True)
    server.fill(user, map(mail, range(count)))


class Mbsync:
    """A copy into Maildir."""

    def __init__(self, server, ca, ground):
        self.folder = pathlib.Path(ground) / "near"
        self.conf = pathlib.Path(ground) / "mbsyncrc"
        self.conf.write_text(MBSYNC.format(port=server.imaps, user=ADA, ca=ca, folder=self.folder,
                                           password=mail_servers.PASSWORD))

    def first(self, count):
        """Seconds of a first synchronisation."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        begin = time.monotonic()
        done = subprocess.run(["mbsync", "-c", self.conf, "all"], capture_output=True, text=True,
                              check=False)
        took = time.monotonic() - begin
        assert done.returncode == 0, done.stderr
        found = sum(len(list((self.folder / "INBOX" / name).iterdir())) for name in ("cur", "new"))
        assert found == count, f"mbsync has {found} of {count}"
        return took


class Psql:
    """A connection that stays: a client for each look would take a tenth of the machine."""

    def __init__(self, postgres, name):
        self.process = subprocess.Popen(
            [PG_BIN / "psql", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "graphtok", "-d", name,
             "-AtqX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def number(self, text):
        """The one number that a query asks for."""
        self.process.stdin.write(text + ";\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Keeper:
    """An httpd that keeps copies."""

    def __init__(self, ground, sandbox, server, engine, postgres):
        folder = pathlib.Path(ground) / f"keeper-{engine}"
        folder.mkdir()
        self.server = server
        self.place = Place(folder, sandbox, "event", engine, Database(engine, folder, postgres),
                           settings=SETTINGS, provider=f"GraphTokScope {SCOPE}")
        self.sql = self.place.database.sql
        self.psql = Psql(postgres, self.place.database.name) if engine == "pgsql" else None
        self.place.start()

    def stop(self):
        self.place.httpd.stop()
        if self.psql:
            self.psql.stop()

    @property
    def pid(self):
        return self.place.httpd.process.pid

    def add(self, users):
        """Grants and accounts of these users, all of the one mailbox, that are not due."""
        self.place.add(users, ends=3000, used=5, scope=SCOPE)
        now = int(time.time())
        rows = [f"('{user}', 'microsoft', '{ADA}', 'localhost', {self.server.imaps}, 'tls', "
                f"{now + 99999}, {now}, {now})" for user in users]
        for at in range(0, len(rows), 100):
            self.sql("INSERT INTO mail_accounts (user_id, provider, email_address, incoming_server, "
                     "incoming_port, incoming_security, due_at, created_at, updated_at) VALUES "
                     + ", ".join(rows[at:at + 100]))

    def number(self, text):
        return self.psql.number(text) if self.psql else int(self.sql(text)[0][0])

    def count(self, where):
        return self.number(f"SELECT count(*) FROM mail_accounts WHERE {where}")

    def round(self, accounts, watch=lambda: None):
        """All accounts are due: seconds from the first claim until all have ended well."""
        self.sql("UPDATE mail_accounts SET last_sync_at = NULL, sync_status = 'new', due_at = 1")
        while self.count("sync_status <> 'new'") == 0:
            time.sleep(0.02)
        begin = time.monotonic()
        while self.count("sync_status = 'ok'") < accounts:
            watch()
            time.sleep(0.1)
            assert self.count("sync_status = 'error'") == 0, self.sql(
                "SELECT last_error FROM mail_accounts WHERE sync_status = 'error'")
        return time.monotonic() - begin

    def forget(self):
        for table in ("mail_messages", "mail_folders"):
            self.sql(f"DELETE FROM {table}")


def first_syncs(bench, server, keepers, count):
    """{contender: messages a second}, interleaved."""
    peer = Mbsync(server, bench.sandbox.ca, bench.ground)
    found = {"mbsync": [], **{name: [] for name in keepers}}
    for _ in range(bench.options.rounds if bench.options.rounds < 3 else 3):
        found["mbsync"].append(count / peer.first(count))
        for name, keeper in keepers.items():
            keeper.forget()
            found[name].append(count / keeper.round(1))
            kept = keeper.number("SELECT count(*) FROM mail_messages")
            assert kept == count, f"{name} keeps {kept} of {count}"
    return {name: statistics.median(rates) for name, rates in found.items()}


def memory(keeper, server, count):
    """MiB of a fresh server that copies so many messages: at most, beyond what it had."""
    fill(server, ADA, count)
    keeper.forget()
    keeper.place.httpd.stop()
    keeper.place.start()
    idle, most = measure.pss_mib(keeper.pid), [0.0]

    def watch():
        most[0] = max(most[0], measure.pss_mib(keeper.pid))
    keeper.round(1, watch)
    return most[0] - idle


def idle_round(keeper, server, postgres, accounts):
    """{what: figure} of a round that finds nothing new; those of an account in ms and transactions."""
    fill(server, ADA, 20)
    keeper.forget()
    keeper.add([f"many{n}" for n in range(accounts - 1)])
    keeper.round(accounts)
    asked = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    looks = [0]

    def watch():
        looks[0] += 2
    before = (measure.cpu_seconds(keeper.pid), measure.cpu_seconds(postgres.process.pid),
              keeper.number(asked))
    took = keeper.round(accounts, watch)
    own, database, transactions = (
        measure.cpu_seconds(keeper.pid) - before[0], measure.cpu_seconds(postgres.process.pid) - before[1],
        keeper.number(asked) - before[2] - looks[0])
    return {"seconds": took, "own": 1000 * own / accounts, "database": 1000 * database / accounts,
            "transactions": transactions / accounts}


def scenario(bench):
    """(messages, rates, extra MiB by size, figures of an idle round, its accounts)"""
    quick = bench.options.quick
    count, small, large, accounts = (2000, 1000, 4000, 100) if quick else (20000, 10000, 100000, 1000)
    facts = bench.sandbox.process
    server = mail_servers.beside(facts.folder, facts.facts["base"]).start()
    bench.cleanups.append(server.remove)
    postgres = Postgres().start()
    bench.cleanups.append(postgres.remove)
    keepers = {}
    for engine in ("pgsql", "sqlite3"):
        keepers[engine] = Keeper(bench.ground, bench.sandbox, server, engine, postgres)
        bench.cleanups.append(keepers[engine].stop)
        keepers[engine].add(["first"])
        keepers[engine].sql("UPDATE mail_accounts SET folders = 'INBOX'")
    fill(server, ADA, count)
    rates = first_syncs(bench, server, keepers, count)
    sizes = {size: memory(keepers["pgsql"], server, size) for size in (small, large)}
    return count, rates, sizes, idle_round(keepers["pgsql"], server, postgres, accounts), accounts
