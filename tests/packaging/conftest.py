# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The packages, built once for all files of this folder."""

import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Two folders with the packages of this tree, built beside each other by two users' habits."""
    folders = [tmp_path_factory.mktemp("deb"), tmp_path_factory.mktemp("a-longer-name-of-a-folder")]
    habits = [{"TZ": "UTC", "LC_ALL": "C"}, {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}]
    builds = [subprocess.Popen(
        ["sh", "-c", f"umask {mask} && exec '{TOP}/packaging/deb' '{folder}'"], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, **habit, "DEB_BUILD_OPTIONS": "nocheck parallel=2"})
        for mask, folder, habit in zip(("022", "077"), folders, habits)]
    for build in builds:
        text, _ = build.communicate(timeout=1200)
        assert build.returncode == 0, text
    return folders
