# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The README's sections "Try it" and "Install it", as typed, on a Debian 12 that has nothing but
apt, sudo and curl. The commands are read from the file. The tree is made by debootstrap from where
apt of this machine fetches, and kept in GRAPHTOK_TREES for the next run; ./runtests readme sets it,
since this takes minutes.

Three things differ from a machine: packages do not start their services (PostgreSQL is started by
hand), what runs has a network of its own (Entra ID cannot be reached), and the user's sudo asks for
no password."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support import debian  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
CACHE = pathlib.Path(os.environ.get("GRAPHTOK_TREES", ""))
SECRET = "the-client-secret-of-the-readme"
HOME = "/home/ann"
PATHS = ("/usr/local/bin:/usr/bin:/bin", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.environ.get("GRAPHTOK_TREES"),
                                reason="./runtests readme, as root")


def section(title):
    """The text below a heading."""
    return re.search(rf"^## {title}\n(.*?)^## ", README, re.S | re.M).group(1)


def blocks(text, language):
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def call(*command, **more):
    """A program of this machine; its words when it fails."""
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=900, **more)
    assert done.returncode == 0, "\n".join(done.stdout.splitlines()[-40:])
    return done.stdout


def base():
    """A bare Debian 12 with sudo and curl; whole, or not there."""
    tree = CACHE / "bookworm"
    if not tree.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = CACHE / f"bookworm.{os.getpid()}"
        try:
            call("debootstrap", "--variant=minbase", "--include=sudo,curl,ca-certificates",
                 "bookworm", fresh, debian.mirror(), env={**os.environ, "http_proxy": debian.proxy()})
            fresh.rename(tree)
        except OSError:  # another run was faster
            assert tree.exists()
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return tree


class Tree:
    """A machine below a folder: processes of its own, which its first one, a shell, buries, and
    beside this machine's network another."""

    def __init__(self, folder):
        self.folder = folder / "debian"
        call("cp", "-a", "--reflink=auto", base(), self.folder)
        (CACHE / "archives/partial").mkdir(parents=True, exist_ok=True)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c",
             f"cd {self.folder} && mount --bind . . && mount -t proc proc proc && "
             "mount -t tmpfs shm dev/shm && "
             f"mount --bind {CACHE}/archives var/cache/apt/archives && ip link set lo up && "
             "echo ready && sleep infinity; exit"], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self.child = pathlib.Path(
            f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text("ascii").strip()

    def run(self, script, online=False, user="ann", given="", code=0):
        """A script by a user in the checkout, as bash reads it; stops at what fails."""
        where = ["--mount", "--pid"] if online else ["--mount", "--pid", "--net"]
        done = subprocess.run(
            ["nsenter", "--target", self.child, *where, "chroot", self.folder, "runuser", "-u",
             user, "--", "env", f"PATH={PATHS[user == 'root']}", "bash", "-e", "-c", f"cd {HOME}/mod_graphtok 2>/dev/null || cd /; set -o pipefail\n"
             + script], input=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=900, check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                                           "DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == code, script + "\n" + "\n".join(done.stdout.splitlines()[-60:])
        return done.stdout

    def write(self, path, text, mode=0o644):
        path = self.folder / path.lstrip("/")
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def end(self):
        self.holder.kill()  # --kill-child: all of its processes go, and their mounts with them
        self.holder.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)  # more than a gigabyte


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The machine with a user and the checkout, before the first command."""
    made = Tree(tmp_path_factory.mktemp("tree"))
    try:
        made.write("/etc/sudoers.d/ann", "ann ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        made.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        made.write("/etc/hosts", f"127.0.0.1 localhost {os.uname().nodename}\n")
        if debian.proxy():
            made.write("/etc/apt/apt.conf.d/proxy", f'Acquire::http::Proxy "{debian.proxy()}";\n')
        made.write("/etc/resolv.conf", pathlib.Path("/etc/resolv.conf").read_text("utf-8"))
        made.run("useradd --create-home --shell /bin/bash ann", user="root")
        names = call("python3", "-B", TOP / "tests/checks/tree.py")
        checkout = made.folder / HOME.lstrip("/") / "mod_graphtok"
        checkout.mkdir()
        call("sh", "-c", f"tar -cf - -T - | tar -C '{checkout}' -xf -", cwd=TOP, input=names)
        made.run(f"chown -R ann: {HOME}", user="root")
        made.run("apt-get update -q", user="root", online=True)
        yield made
    finally:
        made.end()


def online(script):
    """The commands of a script that fetch packages; an && chain whole."""
    return [line for line in script.splitlines() if "apt-get" in line or ".ci/install" in line]


def test_try_it_as_typed(tree):
    """Two commands to a calendar, the calls of the section, and nothing left."""
    start, calls = blocks(section("Try it"), "sh")[:2]
    tree.run(".ci/install run", online=True)  # what quickstart begins with
    assert "8080" in tree.run(start)
    said = tree.run(calls)
    for word in ('"status":"signed_in"', '"Lunch"', "sign-in-required"):
        assert word in said, said
    tree.run("./quickstart status", code=1)


def configuration(engine):
    """The apache block with one of its two databases, and the file that the text names."""
    text = section("Install it")
    [block] = blocks(text, "apache")
    if engine == "sqlite3":
        block = re.sub(r"^(DBD.*)$", r"#\1", block, flags=re.M)
        block = re.sub(r"^##?(DBDriver +sqlite3|DBDParams +/var.*|DBDMin.*)$", r"\1", block,
                       flags=re.M)
    name = re.search(r"`(/etc/apache2/[^`]+)`:\n\n```apache", text).group(1)
    return name, block


@pytest.fixture(scope="module")
def installed(tree):
    """All that comes before the database: module, key, secret."""
    install, keys, *_ = blocks(section("Install it"), "sh")
    for line in online(install):
        tree.run(line, online=True)
    tree.run(keys, given=SECRET + "\n")
    return tree


def works(tree):
    """httpd serves: no user is signed in, and its log has no complaint of ours but of Entra ID."""
    said = tree.run("curl -sS -H 'Accept: application/json' http://127.0.0.1/auth/token")
    assert "sign-in-required" in said, said
    errors = tree.run("cat /var/log/apache2/error.log", user="root")
    assert not re.search(r":error\].*GT\d{4}", errors), errors


def finish(tree, engine):
    """Configuration and the last block; `check` finds nothing wrong but that Entra ID is away."""
    name, conf = configuration(engine)
    tree.write(name, conf)
    for line in blocks(section("Install it"), "sh")[-1].splitlines():
        if "graphtokctl check" not in line:
            tree.run(line)
            continue
        said = tree.run(line, code=75)
        wrong = [row for row in said.splitlines() if row.startswith("WRONG")]
        away = ("WRONG  provider microsoft", "WRONG  keys of login.microsoftonline.com",
                "WRONG  keys of graph.microsoft.com")
        assert len(wrong) == len(away) and all(map(str.startswith, wrong, away)), said
        for what in ("keyring", "client secret of microsoft", "database", "store main"):
            assert f"OK     {what}: " in said


def test_install_it_with_sqlite_as_typed(installed):
    sqlite = next(block for block in blocks(section("Install it"), "sh")
                  if "/var/lib/graphtok" in block)
    installed.run(sqlite)
    finish(installed, "sqlite3")
    works(installed)
    owners = installed.run("sudo find /var/lib/graphtok -printf '%u\\n'").split()
    assert set(owners) == {"www-data"}


def test_install_it_with_postgresql_as_typed(installed):
    postgres = next(block for block in blocks(section("Install it"), "sh") if "postgres" in block)
    fetch, *rest = postgres.splitlines()
    installed.run(fetch, online=True)
    installed.run("service postgresql start", user="root")
    installed.run("\n".join(rest))
    finish(installed, "pgsql")
    works(installed)
    assert installed.run("sudo -u postgres psql -Atc \"SELECT tableowner FROM pg_tables WHERE "
                         "tablename = 'user_tokens'\" graphtok").strip() == "www-data"


def test_a_second_time_harms_no_key(installed):
    """Typed again, the key stays; the secret can be read by httpd alone."""
    keys = blocks(section("Install it"), "sh")[1]
    before = installed.run("sudo cat /etc/graphtok/keyring")
    said = installed.run(keys, given=SECRET + "\n", code=73)
    assert "GT0911" in said
    assert installed.run("sudo cat /etc/graphtok/keyring") == before
    assert len(before.split()) == 3
    assert installed.run("sudo cat /etc/graphtok/client-secret") == SECRET + "\n"
    assert installed.run("sudo stat -c '%U %G %a' /etc/graphtok/client-secret /etc/graphtok/keyring"
                         ) == "root www-data 640\n" * 2
    installed.run("cat /etc/graphtok/keyring 2>/dev/null", code=1)
