# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Packages of npm in one version each, installed once beside the build folders, where there are Node, npm and
its registry."""

import functools
import shutil
import subprocess

from .httpd import build_folder


@functools.cache
def folder(package, version):
    """Where Node finds it (NODE_PATH); None where it cannot be had."""
    place = build_folder().parent / f"npm-{package.replace('/', '-').strip('@')}-{version}"
    modules = place / "node_modules"
    if (modules / package / "package.json").exists():
        return modules
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    place.mkdir(exist_ok=True)
    done = subprocess.run(["npm", "install", "--silent", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund",
                           "--prefix", place, f"{package}@{version}"],
                          capture_output=True, timeout=180, check=False)
    return modules if done.returncode == 0 else None
