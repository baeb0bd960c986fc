# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The Debian packages: built twice to the same bytes, without a word of lintian's, and what is in
them. The unit tests of a build are left out, since ./runtests unit runs them."""

import hashlib
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MODULE, HEADER = "libapache2-mod-graphtok", "libapache2-mod-graphtok-dev"
CONFFILES = {"/etc/apache2/mods-available/graphtok.conf", "/etc/apache2/mods-available/graphtok.load",
             "/etc/apparmor.d/abstractions/graphtok", "/etc/logrotate.d/graphtok"}
FILES = {"/lib/systemd/system/graphtok-work.service", "/lib/systemd/system/graphtok-work-once.service",
         "/lib/systemd/system/graphtok-work-once.timer", "/usr/lib/apache2/modules/mod_graphtok.so",
         "/usr/sbin/graphtokctl", "/usr/share/bash-completion/completions/graphtokctl",
         "/usr/share/man/man1/graphtokctl.1.gz", "/usr/share/mod_graphtok/triage.rules"}
# What lintian has to say and we leave: there is no page and no place of releases yet.
LEFT = {"debian-watch-file-is-missing", "no-homepage-field", "manual-page-for-system-command"}


def said(*command, **more):
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, **more)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def of(folder, name):
    [found] = folder.glob(f"{name}_*.deb")
    return found


@pytest.fixture(scope="module")
def folders(packages, tmp_path_factory):
    """The packages unpacked: that of the module with its debugging symbols, and the header's."""
    made = tmp_path_factory.mktemp("unpacked")
    for name, below in ((MODULE, "module"), (f"{MODULE}-dbgsym", "module"), (HEADER, "header")):
        said("dpkg-deb", "-x", of(packages[0], name), made / below)
    return made


def test_two_builds_are_the_same_bytes(packages):
    first, second = ({path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                      for path in folder.iterdir() if path.suffix in (".deb", ".gz", ".xz", ".dsc")}
                     for folder in packages)
    assert len(first) == 6 and first == second


def test_lintian_has_nothing_to_say(packages):
    changes = next(packages[0].glob("*.changes"))
    text = said("lintian", "--allow-root", "--pedantic", "-I", "--fail-on", "error,warning", changes,
                env={**os.environ, "LC_ALL": "C.UTF-8"})
    tags = set(re.findall(r"^[EWIP]: [^:]+: (\S+)", text, re.M))
    assert tags == LEFT, text


def test_it_holds_all_of_it(packages, folders):
    package = of(packages[0], MODULE)
    names = {f"/{name}" for name in said("tar", "-tf", "-", stdin=subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE).stdout).replace(
            "./", "").split("\n")}
    assert FILES | CONFFILES <= names
    assert {name for name in names if name.startswith("/etc/") and name[-1] != "/"} == CONFFILES
    assert set(said("dpkg-deb", "-I", package, "conffiles").split()) == CONFFILES
    listed = said("dpkg-deb", "-c", package)
    assert "root/root" in listed and not re.search(r"^(?!\S+ root/root )", listed[:-1], re.M)
    # Asks nothing: there is no debconf in it.
    assert not {"templates", "config"} & {path.name for path in pathlib.Path(
        said("sh", "-c", f"dpkg-deb -e '{package}' '{folders}/control' && echo '{folders}/control'"
             ).strip()).iterdir()}


@pytest.mark.parametrize("program", ["usr/lib/apache2/modules/mod_graphtok.so", "usr/sbin/graphtokctl"])
def test_debugging_symbols_are_its_own(folders, program):
    """Found by their build id, with the lines of the sources and no path of the build's machine."""
    path = folders / "module" / program
    notes = said("readelf", "-n", path)
    [build_id] = re.findall(r"Build ID: (\w+)", notes)
    symbols = folders / f"module/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
    assert not re.search(r"\.debug_info", said("readelf", "-S", "-W", path))
    strings = said("readelf", "-z", "-W", "--string-dump=.debug_line_str", symbols)
    assert "mod_graphtok/core" in strings
    assert str(folders.parents[0]) not in strings and str(TOP) not in strings


def test_the_header_compiles_by_itself(folders):
    included = said("apxs", "-q", "INCLUDEDIR").strip()
    flags = said("apr-1-config", "--includes", "--cppflags").split()
    said("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         f"-I{folders}/header/usr/include/apache2", f"-I{included}", *flags, "-x", "c", "-",
         input="#include <mod_graphtok.h>\nint main(void) { return 0; }\n")
