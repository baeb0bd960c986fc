# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The commands for gdb, on a running program and on the core file that it leaves at the same place."""

import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["GRAPHTOK_BUILD"])
PARENT = "gt-pools *(unsigned long *)pool"  # an APR pool begins with it


def gdb(*words, commands, **environment):
    """What gdb and the commands print."""
    given = [word for command in ("set confirm off", *commands) for word in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-batch", "-nx", "-x", HERE / "graphtok_gdb.py", *given, BUILD / "check_core", *words],
        check=False, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=300,
        stderr=subprocess.STDOUT, env={**os.environ, "CK_FORK": "no", **environment})
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def program():
    """The unit tests' program has all of the core, with symbols."""
    subprocess.run(["make", "-C", BUILD, "check_core"], check=True, timeout=600,
                   stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """What the commands say within a work that another one waits for: running, and from its core."""
    core = tmp_path_factory.mktemp("core") / "core"
    asked = ["gt-task task", PARENT]
    running = gdb(commands=["break step_then", "run", "tbreak step_a", "continue", *asked,
                            f"generate-core-file {core}", "kill"], CK_RUN_SUITE="task")
    return running, gdb(core, commands=asked)


@pytest.mark.parametrize("number", [0, 1], ids=["running", "core"])
def test_a_task_shows_its_works(places, number):
    assert ("outer: step_then, step 1 of 2\n  good: step_a, step 1 of 2\nwaits for: nothing\n"
            in places[number]), places[number]


@pytest.mark.parametrize("number", [0, 1], ids=["running", "core"])
def test_pools_show_those_below_them(places, number):
    rows = re.findall(r"^( *)(\S.*)  ([\d,]+) bytes  0x\w+$", places[number], re.M)
    assert [len(indent) for indent, _, _ in rows][:2] == [0, 2], places[number]
    assert "apr_global_pool" in rows[0][1]
    sizes = [int(size.replace(",", "")) for _, _, size in rows]
    assert all(size > 0 and size % 4096 == 0 for size in sizes)
    assert f"{len(rows)} pools, {sum(sizes):,} bytes" in places[number]


def test_slots_show_what_they_hold():
    """Two values were stored since the first look, which found nothing."""
    said = gdb(commands=["break gt_slots_get", "run", "gt-slots slots", "continue",
                         "gt-slots slots", "kill"], CK_RUN_SUITE="slots")
    assert re.findall(r"(\d+) used, (\d+) being", said) == [("0", "0"), ("2", "0")], said
    assert re.findall(r"^  (misses|stored): (\d+)$", said, re.M)[2:] == [
        ("misses", "1"), ("stored", "2")]


def test_an_address_that_is_none_is_said():
    said = gdb(commands=["break step_a", "run", "gt-pools 12345", "kill"], CK_RUN_SUITE="task")
    assert "this is none" in said and "Traceback" not in said
