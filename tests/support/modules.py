# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Modules of the tests' own, built by apxs as any third party's: what stands beside us in a server."""

import os
import pathlib
import shutil
import subprocess

SOURCES = pathlib.Path(__file__).parent / "modules"


def load(ground, name):
    """Build tests/support/modules/mod_NAME.c, once for a session; the LoadModule line."""
    folder = ground / f"mod_{name}"
    built = folder / ".libs" / f"mod_{name}.so"
    if not built.exists():
        folder.mkdir(exist_ok=True)
        shutil.copy(SOURCES / f"mod_{name}.c", folder)
        done = subprocess.run(["apxs", "-c", "-Wc,-Wall", "-Wc,-Wextra", "-Wc,-Werror",
                               f"mod_{name}.c"], cwd=folder, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        for path in (folder, built.parent):
            os.chmod(path, 0o755)
    return f"LoadModule {name}_module {built}\n"


def preload(ground, source):
    """Build a C file into a library for LD_PRELOAD, which children can read."""
    library = ground / f"{source.stem}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"],
                   check=True, timeout=60)
    return library


def load_before(site, library, **variables):
    """This httpd runs with the library from its next start on, and with the variables."""
    environment = site.httpd.environment
    before = environment.get("LD_PRELOAD")
    environment["LD_PRELOAD"] = f"{before}:{library}" if before else str(library)
    environment.update(variables)
