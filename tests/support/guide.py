# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The commands of a guide (docs/guides), read from the file and run beside a site of the tests."""

import os
import pathlib
import re
import subprocess

from . import httpd as servers
from .database import PG_BIN

GUIDES = pathlib.Path(__file__).resolve().parents[2] / "docs/guides"
SUDO = """#!/bin/sh
[ "$1" != -u ] || shift 2
exec "$@"
"""
CTL = """#!/bin/sh
exec {build}/graphtokctl --httpd "{httpd}" "$@"
"""


def blocks(name):
    """{words behind the language: the commands} of a guide's blocks of sh."""
    text = (GUIDES / name).read_text(encoding="utf-8")
    return {words: inside for words, inside in
            re.findall(r"^```sh ([^\n]+)\n(.*?)^```", text, re.S | re.M)}


class Guide:
    """A guide, whose reader's machine is a site. All that differs from what is typed stands here:
    who runs a command, where files and the database are, and how httpd starts and stops."""

    def __init__(self, name, site):
        self.blocks, self.site, self.done = blocks(name), site, set()
        self.bin = site.folder / "bin"
        self.bin.mkdir()
        httpd = " ".join(site.httpd.command())
        for program, text in (("sudo", SUDO), ("graphtokctl", CTL.format(
                build=servers.build_folder(), httpd=httpd))):
            (self.bin / program).write_text(text)
            os.chmod(self.bin / program, 0o755)
        database = site.database
        self.places = [("/etc/graphtok", str(site.secrets)), ("/var/backups", str(site.folder)),
                       ("/root/", f"{site.folder}/")]
        if database.engine == "pgsql":
            self.places += [("--owner www-data graphtok", f"--owner graphtok {database.name}"),
                            ("--if-exists graphtok", f"--if-exists --force {database.name}"),
                            ("--dbname graphtok", f"--dbname {database.name}"),
                            (".dump graphtok", f".dump {database.name}")]
        else:
            self.places += [("/var/lib/graphtok/graphtok.db", database.params)]

    def run(self, words, **environment):
        """The commands of a block, one after the other; what they print."""
        self.done.add(words)
        return "".join(self._command(line, environment)
                       for line in self.blocks[words].splitlines())

    def run_for(self, words):
        """The block of the site's engine."""
        return self.run(f"{self.site.database.engine} {words}")

    def _command(self, line, environment):
        service = re.fullmatch(r"sudo service apache2 (start|stop|restart)", line)
        if service:
            if service.group(1) != "start":
                self.site.httpd.stop()
            if service.group(1) != "stop":
                self.site.database.hand_over()
                self.site.httpd.start()
            return ""
        for typed, here in self.places:
            line = line.replace(typed, here)
        postgres = self.site.database.postgres
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "graphtok"} \
            if postgres else {}
        done = subprocess.run(["sh", "-ec", line], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, **where, **environment,
                                   "PATH": f"{self.bin}:{PG_BIN}:{os.environ['PATH']}"})
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def all_done(self):
        """Blocks that were not run, but those of the other engine."""
        other = "sqlite3 " if self.site.database.engine == "pgsql" else "pgsql "
        return sorted(words for words in set(self.blocks) - self.done if not words.startswith(other))
