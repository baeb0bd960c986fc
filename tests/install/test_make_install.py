# Licensed under the Apache License, Version 2.0; see LICENSE.
"""make install and make uninstall leave the administrator's configuration alone."""

import os
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["GRAPHTOK_BUILD"])
FILES = ("graphtok.load", "graphtok.conf")


class Root:
    """What lies below DESTDIR."""

    def __init__(self, folder):
        self.folder = folder
        self.make("install")
        load = next(folder.rglob("graphtok.load"))
        self.available = next(path.parent for path in folder.rglob("graphtok.load")
                              if path.parent.name == "mods-available")
        assert load

    def make(self, goal):
        done = subprocess.run(["make", "-C", BUILD, goal, f"DESTDIR={self.folder}"], check=False,
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self):
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    def shipped(self, name):
        return next(path for path in self.folder.rglob(name) if path.parent != self.available)


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_an_edited_file_is_kept(root, name):
    path = root.available / name
    own = path.read_text() + "# edited\n"
    path.write_text(own)
    assert ".new" not in root.make("install")  # nothing new was shipped
    assert path.read_text() == own
    root.shipped(name).write_text("# as a version before had it\n")
    assert f"kept {path}" in root.make("install")
    assert path.read_text() == own
    assert "edited" not in (root.available / f"{name}.new").read_text()
    assert f"kept {path}" in root.make("uninstall")
    assert root.files() == [name] and path.read_text() == own


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_nobody_edited_is_replaced(root, name):
    path = root.available / name
    current = path.read_text()
    for old in (path, root.shipped(name)):
        old.write_text("# as a version before had it\n")
    assert "kept" not in root.make("install")
    assert path.read_text() == current


def test_bash_completion_lies_where_bash_looks(root):
    found = [path for path in root.folder.rglob("graphtokctl") if "completions" in str(path)]
    assert [path.parent.name for path in found] == ["completions"]
    assert "bash-completion" in str(found[0]) and "complete -o" in found[0].read_text()


def test_uninstall_leaves_nothing(root):
    enabled = root.available.parent / "mods-enabled"
    enabled.mkdir()
    (enabled / "graphtok.load").symlink_to("../mods-available/graphtok.load")
    assert "a2dismod graphtok" in root.make("uninstall")
    assert root.files() == []
