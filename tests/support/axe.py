# Licensed under the Apache License, Version 2.0; see LICENSE.
"""axe-core, which looks for faults of accessibility in a page. It is no package of Debian: npm fetches this one
version into the build folder, where there is npm and its registry."""

import functools
import hashlib
import shutil
import subprocess
import tarfile

from .httpd import build_folder

VERSION = "4.10.3"
DIGEST = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"


@functools.cache
def script():
    """Its text; None where it cannot be had."""
    folder = build_folder().parent / f"axe-core-{VERSION}"
    if not (folder / "axe.min.js").exists():
        if not shutil.which("npm"):
            return None
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["npm", "pack", "--silent", f"axe-core@{VERSION}"], cwd=folder,
                              capture_output=True, timeout=120, check=False)
        if done.returncode:
            return None
        with tarfile.open(folder / f"axe-core-{VERSION}.tgz") as package:
            (folder / "axe.min.js").write_bytes(package.extractfile("package/axe.min.js").read())
    text = (folder / "axe.min.js").read_bytes()
    assert hashlib.sha256(text).hexdigest() == DIGEST
    return text.decode("utf-8")


def serious(driver):
    """What it finds serious or critical in the page as it stands: (rule, elements)."""
    driver.execute_script(script() + "; window.axe = axe;")
    found = driver.execute_async_script("""
        const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ["violations"]}).then((all) => done(all.violations));""")
    return [(one["id"], [node["target"] for node in one["nodes"]])
            for one in found if one["impact"] in ("serious", "critical")]
