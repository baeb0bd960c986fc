# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The commands of README.md, read from the file, and what must be true after them."""

import pathlib
import re

README = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECRET = "the-client-secret-of-the-readme"


def section(title):
    """The text below a heading."""
    return re.search(rf"^## {title}\n(.*?)^## ", README, re.S | re.M).group(1)


def blocks(text, language):
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def online(script):
    """The commands of a script that fetch packages; an && chain whole."""
    return [line for line in script.splitlines() if "apt-get" in line or ".ci/install" in line]


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
