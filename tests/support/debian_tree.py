# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A machine of its own below a folder: a bare Debian 12 with apt, sudo and curl, in which a user ann
has the checkout. The tree is made by debootstrap from where apt of this machine fetches, and kept in
GRAPHTOK_TREES for the next run.

Three things differ from a machine: packages do not start their services, what runs has a network of
its own (Entra ID cannot be reached), and the user's sudo asks for no password."""

import contextlib
import os
import pathlib
import shutil
import subprocess

from support import debian

TOP = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("GRAPHTOK_TREES", ""))
HOME = "/home/ann"
PATHS = ("/usr/local/bin:/usr/bin:/bin", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


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

    def __init__(self, folder, archives):
        self.folder = folder / "debian"
        call("cp", "-a", "--reflink=auto", base(), self.folder)
        (CACHE / archives / "partial").mkdir(parents=True, exist_ok=True)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c",
             f"cd {self.folder} && mount --bind . . && mount -t proc proc proc && "
             "mount -t tmpfs shm dev/shm && "
             f"mount --bind {CACHE}/{archives} var/cache/apt/archives && ip link set lo up && "
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


@contextlib.contextmanager
def machine(folder, archives="archives"):
    """The machine with a user and the checkout, before the first command. apt takes a lock of its
    archives, so that each part of the tests has a folder of its own for them."""
    made = Tree(folder, archives)
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
