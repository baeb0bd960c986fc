# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The RPM spec, built by Debian's rpmbuild, which has none of the macros and packages of Fedora: how
it unfolds, and in which places, with which owners the files are. ./runtests rpm asks for the build."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MACROS = {"optflags": "-O0 -g0", "debug_package": "%{nil}", "_unitdir": "/usr/lib/systemd/system"}
FOLDERS = {"/etc/graphtok": ("drwxr-x---", "root:apache"),
           "/var/lib/graphtok": ("drwxr-x---", "apache:apache"),
           "/var/lib/graphtok/journal": ("drwx------", "apache:apache"),
           "/var/log/graphtok": ("drwxr-x---", "root:apache")}
CONFIGURATION = {"/etc/httpd/conf.d/graphtok.conf", "/etc/httpd/conf.modules.d/10-graphtok.conf",
                 "/etc/logrotate.d/graphtok"}

pytestmark = pytest.mark.skipif(not shutil.which("rpmbuild") or not os.environ.get("GRAPHTOK_RPM"),
                                reason="./runtests rpm, with Debian's package rpm")


def said(*command):
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    defined = [word for name, value in MACROS.items() for word in ("--define", f"{name} {value}")]
    listed = said(TOP / "packaging/rpm", tmp_path_factory.mktemp("rpm"), "--nodeps", "--nocheck",
                  *defined).split()
    assert len(listed) == 3 and sum("mod_graphtok-devel-" in path for path in listed) == 1
    [binary] = [path for path in listed if re.search(r"/mod_graphtok-[\d.]+-1\.(?!src)\w+\.rpm$", path)]
    return binary


def test_files_lie_where_fedora_has_them(package):
    rows = said("rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} "
                "%{FILENAMES}\\n]", package).splitlines()
    files = {name: (mode, owner) for mode, owner, name in map(str.split, rows)}
    assert FOLDERS.items() <= files.items()
    assert {owner for name, (_, owner) in files.items() if name not in FOLDERS} == {"root:root"}
    assert set(said("rpm", "-qpc", package).split()) == CONFIGURATION
    for name in ("/usr/lib64/httpd/modules/mod_graphtok.so", "/usr/sbin/graphtokctl",
                 "/usr/lib/systemd/system/graphtok-work.service", "/usr/share/mod_graphtok/triage.rules"):
        assert name in files


def test_what_differs_from_debian(package):
    unpacked = pathlib.Path(package).parent / "unpacked"
    unpacked.mkdir()
    said("rpm2archive", package)
    said("tar", "-C", unpacked, "-xf", f"{package}.tgz")
    load = (unpacked / "etc/httpd/conf.modules.d/10-graphtok.conf").read_text("utf-8")
    assert "LoadModule graphtok_module /usr/lib64/httpd/modules/mod_graphtok.so" in load
    rotated = (unpacked / "etc/logrotate.d/graphtok").read_text("utf-8")
    assert "systemctl reload httpd.service" in rotated and "invoke-rc.d" not in rotated
