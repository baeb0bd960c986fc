# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The package on a Debian 12 of its own (support/debian_tree.py): a version before it installed as
the README has it, with the rest of the README's "Install it" on SQLite, then upgraded to this one
beside a running httpd, removed and purged. ./runtests deb names the tree's folder."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.debian_tree import HOME, machine  # noqa: E402
from support.readme import SECRET, blocks, finish, section, works  # noqa: E402

BEFORE = "0.0.9-1"
CONF = "/etc/apache2/mods-available"
AUDIT = "/var/log/graphtok/audit.log"
POLICY = "/usr/sbin/policy-rc.d"

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.environ.get("GRAPHTOK_TREES"),
                                reason="./runtests deb, as root, where Debian's mirror is reached")


def the_version_before(package, folder):
    """The same with an older number, and another graphtok.load."""
    unpacked = folder / "unpacked"
    call = {"check": True, "stdout": subprocess.DEVNULL, "timeout": 120}
    subprocess.run(["dpkg-deb", "-R", package, unpacked], **call)
    control = unpacked / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {BEFORE}", control.read_text("utf-8"),
                              flags=re.M), encoding="utf-8")
    load = unpacked / CONF.lstrip("/") / "graphtok.load"
    load.write_text(load.read_text("utf-8") + "# the version before\n", encoding="utf-8")
    made = folder / package.name.replace(package.name.split("_")[1], BEFORE)
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", unpacked, made], **call)
    return made


@pytest.fixture(scope="module")
def tree(packages, tmp_path_factory):
    """The machine, where the version before lies in place of what `make deb` would have built."""
    folder = tmp_path_factory.mktemp("tree")
    [package] = packages[0].glob("libapache2-mod-graphtok_*.deb")
    with machine(folder, "archives-deb") as made:
        built = made.folder / HOME.lstrip("/") / "mod_graphtok/build/deb"
        built.mkdir(parents=True)
        shutil.copy(the_version_before(package, folder), built)
        shutil.copy(package, made.folder / "var/tmp")
        made.run("apt-get install -y -q --no-install-recommends apparmor logrotate systemd",
                 user="root", online=True)
        yield made


@pytest.fixture(scope="module")
def installed(tree):
    """All of the README, with the audit where the package has a folder for it."""
    made, install = blocks(section("Debian packages"), "sh")[0].splitlines()
    assert made.endswith("make deb")
    tree.run(install, online=True)
    assert tree.run("dpkg-query -Wf '${Version}' libapache2-mod-graphtok") == BEFORE
    tree.run("sudo a2enmod graphtok && sudo apachectl configtest")
    tree.run(blocks(section("Install it"), "sh")[1], given=SECRET + "\n")
    finish(tree, "sqlite3")
    tree.run(f"echo 'GraphTokAudit {AUDIT}' | sudo tee {CONF}/graphtok.conf")
    tree.run("sudo service apache2 restart")
    works(tree)
    return tree


def restarts(tree):
    """How often httpd began, and began anew."""
    return int(tree.run("grep -c 'resuming normal operations' /var/log/apache2/error.log",
                        user="root"))


def services(tree, may):
    """Whether packages may start and reload services, as on a machine."""
    tree.write(POLICY, f"#!/bin/sh\nexit {0 if may else 101}\n", 0o755)


def until(tree, pattern, count, path):
    """Waits for lines of a file."""
    tree.run(f"timeout 120 grep -m{count} '{pattern}' <(tail -n +1 -F {path} 2>/dev/null)",
             user="root")


def test_folders_have_their_owners(installed):
    said = installed.run("stat -c '%U:%G %a %n' /etc/graphtok /var/lib/graphtok "
                         "/var/lib/graphtok/journal /var/log/graphtok", user="root")
    assert said.split("\n")[:-1] == [
        "root:www-data 750 /etc/graphtok", "www-data:www-data 750 /var/lib/graphtok",
        "www-data:www-data 700 /var/lib/graphtok/journal", "root:www-data 750 /var/log/graphtok"]
    assert "GT0848" not in installed.run("cat /var/log/apache2/error.log", user="root")


def test_what_comes_beside_it_is_understood(installed):
    """Units, the abstraction of AppArmor, and completion, each by the program that reads it."""
    units = "/lib/systemd/system/graphtok-work"
    assert installed.run(f"systemd-analyze --man=no verify {units}.service {units}-once.service "
                         f"{units}-once.timer", user="root") == ""
    for unit in ("graphtok-work.service", "graphtok-work-once.timer"):
        assert installed.run(f"systemctl is-enabled {unit}", user="root", code=1) == "disabled\n"
    installed.run("printf 'abi <abi/3.0>,\\ninclude <tunables/global>\\nprofile apache2 "
                  "/usr/sbin/apache2 {\\n include <abstractions/base>\\n include "
                  "<abstractions/graphtok>\\n}\\n' >/tmp/profile && "
                  "apparmor_parser -Q -K /tmp/profile && rm /tmp/profile", user="root")
    assert "migrate" in installed.run(
        ". /usr/share/bash-completion/completions/graphtokctl && COMP_WORDS=(graphtokctl mi) "
        "COMP_CWORD=1 && _graphtokctl && echo ${COMPREPLY[@]}", user="root")


def test_background_work_without_httpd(installed):
    """What the timer's unit runs, with the rights that it leaves."""
    unit = installed.run("cat /lib/systemd/system/graphtok-work-once.service", user="root")
    command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)
    kept = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M).group(1).lower().replace("cap_", "")
    kept = "-all," + ",".join(f"+{name}" for name in kept.split())
    assert "refreshed     0" in installed.run(
        f"setpriv --no-new-privs --bounding-set {kept} --inh-caps {kept} {command}", user="root")


def test_the_audit_is_rotated(installed):
    """httpd goes on in a new file of its children's, and the chains of both are whole. It records
    the calls that a limit refuses."""
    begun = restarts(installed)
    call = "curl -sS 'http://127.0.0.1/auth/callback?code=a&state=b'"
    installed.run(f"for i in $(seq 22); do {call}; done")
    until(installed, '"event":"limit"', 1, AUDIT)
    services(installed, True)
    installed.run("logrotate -f /etc/logrotate.d/graphtok", user="root")
    until(installed, "resuming normal operations", begun + 1, "/var/log/apache2/error.log")
    services(installed, False)
    installed.run(call)
    until(installed, '"event":"limit"', 1, AUDIT)
    assert installed.run(f"stat -c '%U:%G %a' {AUDIT}", user="root") == "www-data:www-data 640\n"
    installed.run(f"/usr/sbin/graphtokctl audit verify {AUDIT}.1 {AUDIT}", user="www-data")
    # Compressed, as those before them are.
    installed.run(f"gzip {AUDIT}.1 && graphtokctl audit verify <(zcat {AUDIT}.1.gz) {AUDIT} && "
                  f"gunzip {AUDIT}.1.gz", user="root")


def kept(tree):
    """What an upgrade must not touch."""
    return tree.run(
        "find /etc/graphtok /var/lib/graphtok /var/log/graphtok -not -name '*.db-*' "
        "-printf '%p %u %g %m %i\\n' | sort; "
        f"sha256sum /etc/graphtok/* /etc/apache2/conf-available/calendar.conf {CONF}/graphtok.conf; ls -l /etc/apache2/mods-enabled | grep graphtok", user="root")


def test_an_upgrade_keeps_all_and_takes_effect(installed):
    """A file that was edited is kept without a question, one that was not is replaced, a folder
    stays as the administrator made it, and httpd restarts gracefully with the new module."""
    installed.run("chmod 755 /var/log/graphtok", user="root")
    before, begun = kept(installed), restarts(installed)
    services(installed, True)
    installed.run("sudo apt-get install -y -q /var/tmp/libapache2-mod-graphtok_*.deb </dev/null")
    until(installed, "resuming normal operations", begun + 1, "/var/log/apache2/error.log")
    services(installed, False)
    assert installed.run("dpkg-query -Wf '${Version}' libapache2-mod-graphtok") > BEFORE
    assert kept(installed) == before
    assert "version before" not in installed.run(f"cat {CONF}/graphtok.load")
    maps = installed.run("cat /proc/$(cat /run/apache2/apache2.pid)/maps", user="root")
    assert "mod_graphtok.so" in maps and "mod_graphtok.so (deleted)" not in maps
    works(installed)


def test_a_purge_leaves_nothing(installed):
    """It asks nothing. The administrator's own configuration, which stays, is switched off before."""
    installed.run("sudo a2disconf calendar")
    installed.run("sudo apt-get purge -y -q libapache2-mod-graphtok </dev/null")
    left = installed.run("find / -xdev -iname '*graphtok*' -not -path '/home/*' -not -path "
                         "'/var/tmp/*'", user="root")
    assert left == ""
    installed.run("sudo apachectl configtest && sudo service apache2 restart")
    assert "404" in installed.run("curl -sS http://127.0.0.1/auth/token")
