# Licensed under the Apache License, Version 2.0; see LICENSE.
"""An imitation of Microsoft Entra ID, Microsoft Graph and Google, for the demo and the tests.

It listens on the loopback interface only, over TLS with a certificate authority of its own, and
refuses what the real ones refuse. README.md beside it lists the routes. Usage:

    /usr/bin/python3 tests/sandbox/sandbox.py --dir DIR

When it is ready it writes DIR/sandbox.json, prints one line, and runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the checkout stays clean

import certs
import control
import demo
import google
from app import App
from people import CLIENT_ID, PEOPLE, TENANT
from state import World
from wire import HEAD_LIMIT, Server


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dir", required=True, type=Path, help="where its files are")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--host", default="localhost", help="the name it goes by")
    parser.add_argument("--redirect-uri", action="append", default=[], help="register this one")
    parser.add_argument("--demo", action="store_true", help="fill the calendars")
    parser.add_argument(
        "--plain-port",
        type=int,
        help="also serve the sign-in pages, and nothing else, over plain HTTP here, and name them "
        "in the discovery document (0: any that is free)",
    )
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input, a pipe, does"
    )
    parser.add_argument("--http2", choices=["no"], default="no", help="HTTP/1.1 is all it speaks")
    return parser.parse_args()


def client_secret(folder: Path) -> str:
    """The application's secret: made once, readable by its owner only."""
    path = folder / "client-secret"
    if path.is_file() and path.stat().st_size > 20:
        return path.read_text().strip()
    text = "sbx8Q~" + secrets.token_urlsafe(30)
    certs.write_private(path, text.encode())
    return text


def write_ready(folder: Path, world: World, files: certs.Files, port: int) -> None:
    """Tell where everything is, whole or not at all."""
    facts = {
        "base": world.base,
        "browser_base": world.browser_base,
        "authority": world.base,
        "graph": f"{world.base}/v1.0",
        "google": {
            "authority": google.issuer(world),
            "calendar": f"{world.base}/calendar/v3",
            "client_id": google.CLIENT_ID,
        },
        "ca": str(files.ca.resolve()),
        "tenant": TENANT,
        "client_id": CLIENT_ID,
        "client_secret_file": str((folder / "client-secret").resolve()),
        "pid": os.getpid(),
        "port": port,
        "people": [{"address": p.address, "name": p.name, "oid": p.oid} for p in PEOPLE],
    }
    fresh = folder / "sandbox.json.new"
    fresh.write_text(json.dumps(facts, indent=2) + "\n")
    fresh.replace(folder / "sandbox.json")


def end_with_input(ended: asyncio.Event) -> None:
    """A test run that is killed takes its sandbox along: the pipe from it closes."""

    def look() -> None:
        if not os.read(0, 4096):
            asyncio.get_running_loop().remove_reader(0)
            ended.set()

    asyncio.get_running_loop().add_reader(0, look)


def port_of(server: asyncio.Server) -> int:
    port = server.sockets[0].getsockname()[1]
    assert isinstance(port, int)
    return port


async def run(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.dir
    folder.mkdir(parents=True, exist_ok=True)
    files = certs.ensure(folder, arguments.host)
    world = World("", client_secret(folder), arguments.demo)
    wire = Server(App(world).handle)
    common = {"host": "127.0.0.1", "limit": HEAD_LIMIT, "backlog": 1024}
    context = certs.server_context(files)
    server = await asyncio.start_server(wire.accept, port=arguments.port, ssl=context, **common)
    world.base = world.browser_base = f"https://{arguments.host}:{port_of(server)}"
    listening = [server]
    if arguments.plain_port is not None:
        plain = await asyncio.start_server(wire.accept, port=arguments.plain_port, **common)
        world.browser_base = f"http://localhost:{port_of(plain)}"
        listening.append(plain)
    world.redirect_uris = [control.check_redirect(text) for text in arguments.redirect_uri]
    if arguments.demo:
        demo.fill(world)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    if arguments.until_eof:
        end_with_input(ended)
    write_ready(folder, world, files, port_of(server))
    print(f"ready {world.base}", flush=True)
    await ended.wait()
    for one in listening:
        one.close()
    await wire.end()
    (folder / "sandbox.json").unlink(missing_ok=True)


def main() -> int:
    try:
        asyncio.run(run(read_arguments()))
    except (OSError, control.Refused) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
