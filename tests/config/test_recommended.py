# Licensed under the Apache License, Version 2.0; see LICENSE.
"""conf/graphtok.conf as it is installed: harmless at first, right without its hashes."""

import os
import pathlib
import re
import shutil
import subprocess

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf/graphtok.conf"


def test_it_does_nothing_until_it_is_filled_in(frame):
    checked = frame.check(CONF.read_text(), provider="", database="", keyring="")
    assert checked.dump["mounts"] == [] and not checked.warnings


def test_it_is_right_without_its_hashes(frame):
    """But for prose: lines whose `#` is followed by a directive or a container."""
    lines = re.findall(r"^#( *(?:</?[A-Z]|[A-Z]\w+ +\S).*)$", CONF.read_text(), re.M)
    text = "\n".join(line for line in lines if re.match(r" *(</?Location|</?GraphTok|GraphTok|DBD|Set)",
                                                        line))
    text = text.replace("/etc/graphtok", str(frame.folder)).replace("/var/lib/graphtok", str(frame.folder))
    if os.geteuid() == 0:
        shutil.chown(frame.folder, "www-data")
    checked = frame.check(text, provider="", database="", keyring="")
    assert [m["path"] for m in checked.dump["mounts"]] == ["/calendar", "/auth"]
    assert not checked.warnings
    assert text.count("\n") < 18


def test_its_mpm_is_taken_as_it_stands(frame):
    """httpd corrects sizes that do not fit together, with a warning."""
    text = CONF.read_text()
    block = "\n".join(line[1:] for line in text[text.index("#<IfModule"):].splitlines()
                      if re.match(r"#( *[<A-Z/]\S+ +\d+$|</?IfModule)", line))
    assert block.count("\n") == 10
    frame.httpd.write(block, tuning="# none")
    done = subprocess.run(frame.httpd.command("-t"), capture_output=True, text=True, check=False,
                          env={**os.environ, **frame.httpd.environment})
    assert done.returncode == 0 and "Syntax OK" in done.stderr
    assert "AH0" not in done.stderr
    sizes = {name: int(value) for name, value in re.findall(r"(\w+) +(\d+)", block)}
    assert sizes["MaxRequestWorkers"] == sizes["ServerLimit"] * sizes["ThreadsPerChild"]
    assert sizes["ThreadsPerChild"] == sizes["ThreadLimit"] == 256
    connections = sizes["ThreadsPerChild"] * (1 + sizes["AsyncRequestWorkerFactor"])
    assert f"{connections:,}" in CONF.read_text()
