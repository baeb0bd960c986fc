# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The manual page, bash's completion and --help tell of the same verbs, options and exit codes."""

import os
import pathlib
import re
import subprocess

import pytest

from support.httpd import build_folder

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILT_IN = {"--help", "--usage", "--version"}
PROGRAM = build_folder() / "graphtokctl"


def page():
    """The manual as plain text with its macros."""
    text = (TOP / "docs/graphtokctl.1").read_text(encoding="utf-8")
    return re.sub(r"\\f[A-Z]|\\&", "", text.replace("\\-", "-"))


def part(title):
    """One section of it."""
    return re.search(rf'^\.SH "?{title}"?\n(.*?)(?=^\.SH |\Z)', page(), re.M | re.S)[1]


def told(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def options(text):
    return set(re.findall(r"--[a-z][a-z-]*", text)) - BUILT_IN


def verbs():
    return re.findall(r"^  ([a-z]+)  ", told("--help").split("Verbs:")[1], re.M)


def own_options(verb):
    """Of a verb, without those that all share."""
    return options(re.split(r"Common options:", told(verb, "--help"))[0])


def manual_of(verb):
    """What the manual says of a verb: its paragraph, of keys those of its actions, too."""
    text = part("VERBS").replace('"', "")
    starts = [(m.start(), m[1]) for m in re.finditer(r"^\.BR? ([a-z]+)\b", re.sub(
        r"^\.RS.*?^\.RE", lambda m: re.sub(r"^\.", " ", m[0], flags=re.M), text,
        flags=re.M | re.S), re.M) if text[:m.start()].endswith(".TP\n")]
    places = [at for at, name in starts if name == verb]
    assert len(places) == 1, f"{verb} has {len(places)} paragraphs"
    ends = [at for at, _ in starts if at > places[0]] + [len(text)]
    return text[places[0]:min(ends)].split("\n.PP\n")[0]


@pytest.mark.parametrize("verb", verbs())
def test_each_verb_and_its_options_are_in_the_manual(verb):
    common = options(told("--help").split("Verbs:")[0])
    assert own_options(verb) - common <= options(manual_of(verb))
    assert options(manual_of(verb)) <= own_options(verb) | common


def test_common_options_are_in_the_manual():
    assert options(part("COMMON OPTIONS")) == options(told("--help"))


def test_exit_codes_are_those_of_the_code():
    """A class of errors that no verb meets has its code there all the same."""
    code = "".join(path.read_text(encoding="utf-8") for path in [
        TOP / "mod_graphtok/core/base/err.c", *sorted((TOP / "mod_graphtok/ctl").glob("*.c"))])
    used = {getattr(os, name) for name in set(re.findall(r"\bEX_[A-Z]+\b", code))} | {0, 1}
    listed = {int(n) for n in re.findall(r"^\.TP\n\.B (\d+)$", part("EXIT STATUS"), re.M)}
    assert used == listed


def test_environment_and_files_are_told():
    assert "${" in part("ENVIRONMENT") and "PGPASSFILE" in part("ENVIRONMENT")
    assert ".backup" in part("FILES") and "GraphTokJournal" in part("FILES")


def test_man_has_nothing_to_complain_of():
    done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", TOP / "docs/graphtokctl.1"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_in_each_way_it_is_asked_for():
    whole = told("--help")
    for arguments in (["-h"], ["-?"], ["help"]):
        assert told(*arguments) == whole, arguments
    one = told("migrate", "--help")
    for arguments in (["migrate", "-h"], ["help", "migrate"]):
        assert told(*arguments) == one, arguments
    for arguments in (["help", "tea"], ["tea"]):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == os.EX_USAGE and "no verb 'tea'" in done.stderr, arguments


@pytest.mark.parametrize("arguments, tag", [
    (["audit", "read"], "GT0984"), (["keys", "count"], "GT0966"), (["keys", "retire"], "GT0966"),
    (["keys", "add", "k1"], "GT0966")])
def test_a_wrong_command_line_has_its_own_exit_code(arguments, tag):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_USAGE and tag in done.stderr, done.stderr


def completed(*words):
    """What bash offers for the last word."""
    script = (f'source "{TOP}/conf/completion/graphtokctl"; COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($# - 1)); _graphtokctl; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", str(PROGRAM), *words],
                          capture_output=True, text=True, timeout=60, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_bash_completes_what_there_is():
    assert set(completed("")) == set(verbs()) == set(completed("help", ""))
    assert completed("mi") == ["migrate"] and completed("-H", "apache2", "mi") == ["migrate"]
    for verb in verbs():
        assert own_options(verb) <= set(completed(verb, "--")), verb
    assert completed("migrate", "--dr") == ["--dry-run"]
    assert completed("keys", "r") == ["rotate", "retire", "reencrypt"]
    assert completed("audit", "v") == ["verify"]
    assert completed("list", "--status", "in") == ["inactive"]
    assert completed("genkey", "--out", "/et") == []
