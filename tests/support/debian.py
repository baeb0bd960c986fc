# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Where this machine has Debian from, and whether it can hold a Debian of its own below a folder.
As a program it prints why it cannot; nothing when it can."""

import os
import subprocess
import tempfile

RELEASE = "bookworm"


def told(*command):
    """What a program prints; nothing when it is not there or fails."""
    try:
        return subprocess.run(command, text=True, capture_output=True, timeout=120, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def mirror():
    """Where apt fetches the release from."""
    sites = told("apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)",
                 "Created-By: Packages").split("\n")
    return next((site.split()[1] for site in sites if site.startswith(f"{RELEASE} http")),
                "http://deb.debian.org/debian")


def proxy():
    """How apt gets there; empty: straight."""
    said = told("apt-config", "shell", "proxy", "Acquire::http::Proxy")
    return said.partition("'")[2].rstrip("'\n") or os.environ.get("http_proxy", "")


def can_mount():
    """A container of the usual kind has no right to."""
    return subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "mount", "-t", "proc",
                           "proc", "/proc"], capture_output=True, check=False).returncode == 0


def reaches_mirror():
    """As apt goes there, by its proxy."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(["/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=3", "download-file",
                               f"{mirror()}/dists/{RELEASE}/Release", f"{folder}/Release"],
                              capture_output=True, check=False).returncode == 0


def why_not():
    """Why a Debian below a folder cannot be made here; empty: it can."""
    if os.geteuid() != 0:
        return "needs root, for a Debian of its own below a folder"
    if not can_mount():
        return "needs the right to mount (a container: --privileged)"
    if not reaches_mirror():
        return f"needs Debian's mirror, and {mirror()} cannot be reached"
    return ""


if __name__ == "__main__":
    print(why_not())
