# Licensed under the Apache License, Version 2.0; see LICENSE.
"""One sandbox for all tests of the sandbox, as new for each of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client import Sandbox  # noqa: E402
from peer import CALLBACK, Peer  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(tmp_path_factory.mktemp("sandbox"), plain_port=0) as box:
        yield box


@pytest.fixture
def box(server: Sandbox) -> Iterator[Sandbox]:
    """The sandbox; after the test it must not have complained of itself."""
    server.reset()
    server.control("POST", "redirect_uris", {"set": [CALLBACK, "http://localhost/auth/callback"]})
    yield server
    assert (server.folder / "sandbox.log").read_text() == ""


@pytest.fixture
def peer(box: Sandbox) -> Peer:
    return Peer(box)


@pytest.fixture
def ada(peer: Peer) -> str:
    """An access token for Ada's calendar."""
    return str(peer.sign_in()["access_token"])
