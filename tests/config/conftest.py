# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Configurations for `httpd -t`."""

import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.frame import Frame  # noqa: E402


@pytest.fixture
def frame():
    """A frame in a folder of its own."""
    folder = tempfile.mkdtemp(prefix="graphtok-conf-", dir="/var/tmp")
    made = Frame(folder)
    yield made
    made.httpd.remove()
