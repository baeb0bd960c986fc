# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Start, stop and steer a sandbox: for test fixtures and the demo. Standard library only.

    box = Sandbox.start(folder, redirect_uris=["http://localhost/auth/callback"])
    box.fault("token", "status", status=500)
    assert box.wait("token", 1)
    box.stop()
"""

from __future__ import annotations

import json
import os
import select
import signal
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("sandbox.py")
START_SECONDS = 30.0


class SandboxError(Exception):
    """It did not start, did not stop, or refused a control request."""


class Sandbox:
    """A running sandbox, found by the folder it was started in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.facts: dict[str, Any] = json.loads((folder / "sandbox.json").read_text())
        except (OSError, ValueError) as error:
            raise SandboxError(f"no sandbox in {folder}: {error}") from error
        self.context = ssl.create_default_context(cafile=self.facts["ca"])
        self.process: subprocess.Popen[str] | None = None

    @classmethod
    def start(
        cls,
        folder: Path,
        redirect_uris: Sequence[str] = (),
        demo: bool = False,
        port: int = 0,
        plain_port: int | None = None,
        host: str = "localhost",
    ) -> Sandbox:
        """Start one; returns when it is ready. It ends with the process that started it, however
        that ends. Its complaints go to sandbox.log in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["/usr/bin/python3", str(PROGRAM), "--dir", str(folder), "--port", str(port)]
        command += ["--until-eof", "--host", host]
        command += [word for uri in redirect_uris for word in ("--redirect-uri", uri)]
        command += ["--demo"] if demo else []
        command += [] if plain_port is None else ["--plain-port", str(plain_port)]
        with open(folder / "sandbox.log", "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert process.stdin is not None and process.stdout is not None
        with process.stdout as out:
            has_line = select.select([out], [], [], START_SECONDS)[0]
            is_ready = bool(has_line) and out.readline().startswith("ready ")
        if not is_ready:
            process.stdin.close()
            process.kill()
            process.wait()
            log_text = (folder / "sandbox.log").read_text(errors="replace")
            raise SandboxError(f"the sandbox did not start:\n{log_text}")
        box = cls(folder)
        box.process = process
        return box

    def stop(self, seconds: float = 10.0) -> None:
        """End it and wait until it is gone, also when another process started it."""
        pid = int(self.facts["pid"])
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            ended = not self.is_ours(pid)  # the number may be another process's by now
            if not ended:
                signal.pidfd_send_signal(handle, signal.SIGTERM)
                ended = bool(select.select([handle], [], [], seconds)[0])
        except ProcessLookupError:
            ended = True
        finally:
            os.close(handle)
        if self.process is not None and self.process.stdin is not None and ended:
            self.process.stdin.close()
            self.process.wait()
        if not ended:
            raise SandboxError(f"the sandbox (pid {pid}) did not end in {seconds:g} s")

    @staticmethod
    def is_ours(pid: int) -> bool:
        try:
            return PROGRAM.name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base(self) -> str:
        return str(self.facts["base"])

    @property
    def client_secret(self) -> str:
        return Path(self.facts["client_secret_file"]).read_text().strip()

    def control(self, method: str, name: str, body: object = None, seconds: float = 60.0) -> Any:
        """One control request; its answer."""
        data = None if body is None else json.dumps(body).encode()
        url = f"https://localhost:{self.facts['port']}/_sandbox/{name}"
        request = urllib.request.Request(url, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=seconds, context=self.context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise SandboxError(f"{method} {name}: {error.code} {text}") from error

    def ask(self, name: str, **query: object) -> Any:
        text = urllib.parse.urlencode({key: str(value) for key, value in query.items()})
        seconds = float(str(query.get("seconds", 60))) + 30
        return self.control("GET", f"{name}?{text}" if text else name, seconds=seconds)

    def reset(self) -> None:
        self.control("POST", "reset", {})

    def settings(self, **changes: object) -> dict[str, Any]:
        found: dict[str, Any] = self.control("POST", "settings", changes)
        return found

    def add_redirect_uris(self, *uris: str) -> list[str]:
        found: list[str] = self.control("POST", "redirect_uris", {"add": uris})["redirect_uris"]
        return found

    def register(self, **what: object) -> None:
        """Secrets, expired ones, certificates (PEM), federated issuers: those that are named."""
        self.control("POST", "registration", what)

    def rotate_keys(self, keep_old: bool = True) -> str:
        return str(self.control("POST", "rotate_keys", {"keep_old": keep_old})["kid"])

    def revoke(self, person: str | None = None, **more: object) -> dict[str, int]:
        """End refresh tokens; with access=True access tokens too, with consent=True consents."""
        named = {} if person is None else {"person": person}
        found: dict[str, int] = self.control("POST", "revoke", {**named, **more})
        return found

    def access_event(self, person: str, event: str, needs_user: bool = False) -> str:
        """What ends a person's access at once; the claims that it demands of clients of cp1."""
        body = {"person": person, "event": event, "needs_user": needs_user}
        return str(self.control("POST", "access_event", body)["claims"])

    def expire_access(self, person: str | None = None) -> int:
        named = {} if person is None else {"person": person}
        return int(self.control("POST", "expire_access", named)["access_tokens"])

    def google(self, person: str | None = None, **what: object) -> dict[str, int]:
        """What happens to a person's account at Google: end="invalid_rapt", expire_access=True …"""
        named = {} if person is None else {"person": person}
        found: dict[str, int] = self.control("POST", "google", {**named, **what})
        return found

    def events(self, person: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("events", person=person)["events"]
        return found

    def add_events(self, person: str, *events: object, clear: bool = False) -> list[str]:
        body = {"person": person, "events": events, "clear": clear}
        found: list[str] = self.control("POST", "events", body)["ids"]
        return found

    def mail(self, person: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("mail", person=person)["messages"]
        return found

    def add_mail(self, person: str, *messages: object, clear: bool = False) -> list[str]:
        body = {"person": person, "messages": messages, "clear": clear}
        found: list[str] = self.control("POST", "mail", body)["ids"]
        return found

    def subscriptions(self) -> list[dict[str, Any]]:
        """Those that live, with their clientState."""
        found: list[dict[str, Any]] = self.ask("subscriptions")["subscriptions"]
        return found

    def notify(self, **what: object) -> None:
        """Tell a subscription, id=…, of life="missed", or of change=…, name=…, etag=…."""
        self.control("POST", "notify", what)

    def bulk_events(self, person: str, **size: int) -> int:
        """count=N events, or mib=M of bodies over count events."""
        return int(self.control("POST", "bulk_events", {"person": person, **size})["count"])

    def fault(self, where: str, kind: str, **more: object) -> None:
        self.control("POST", "fault", {"where": where, "kind": kind, **more})

    def clear_faults(self) -> None:
        self.control("DELETE", "fault")

    def calls(self, where: str) -> dict[str, Any]:
        """The tally of an endpoint; zeros when nothing came."""
        nothing = {"count": 0, "done": 0, "in_hand": 0, "peak": 0, "abandoned": 0}
        found: dict[str, dict[str, Any]] = self.ask("calls")
        return found.get(where, {**nothing, "statuses": {}, "last": []})

    def count(self, where: str) -> int:
        return int(self.calls(where)["count"])

    def forget_calls(self) -> None:
        self.control("POST", "calls", {})

    def secrets(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.ask("secrets")["secrets"]
        return found

    def wait(self, where: str, count: int, member: str = "count", seconds: float = 20.0) -> bool:
        """Until a tally has reached a number; False when it has not in time."""
        answer = self.ask("wait", where=where, count=count, member=member, seconds=seconds)
        return bool(answer["reached"])
