# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What happened: calls counted by endpoint, and every secret issued or seen.

Summaries of calls hold no secret, only the first hexadecimal digits of its SHA-256, enough to see
whether two calls used the same one. The secrets themselves are kept apart, so that a test can look
for each of them in logs and databases; they survive a reset.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import time
from dataclasses import dataclass, field

SECRETS_KEPT = 20_000
CALLS_KEPT = 50


def fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


@dataclass
class Tally:
    """One endpoint. `peak`: the most requests that were in hand at the same time."""

    count: int = 0
    done: int = 0
    in_hand: int = 0
    peak: int = 0
    abandoned: int = 0
    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    last: collections.deque[dict[str, object]] = field(
        default_factory=lambda: collections.deque(maxlen=CALLS_KEPT)
    )

    def as_json(self) -> dict[str, object]:
        return {
            "count": self.count,
            "done": self.done,
            "in_hand": self.in_hand,
            "peak": self.peak,
            "abandoned": self.abandoned,
            "statuses": dict(self.statuses),
            "last": list(self.last),
        }


class Calls:
    """The tallies, and a way to wait until one has grown."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.changed = asyncio.Event()

    def forget(self) -> None:
        """Zero, but for what is still in hand."""
        old = self.tallies
        self.tallies = {}
        for name, tally in old.items():
            if tally.in_hand:
                self.tallies[name] = Tally(in_hand=tally.in_hand, peak=tally.in_hand)
        self.tell()

    def tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def of(self, name: str) -> Tally:
        return self.tallies.setdefault(name, Tally())

    def begin(self, name: str) -> None:
        tally = self.of(name)
        tally.count += 1
        tally.in_hand += 1
        tally.peak = max(tally.peak, tally.in_hand)
        self.tell()

    def end(self, name: str, status: str, summary: dict[str, object], is_gone: bool) -> None:
        tally = self.of(name)
        tally.done += 1
        tally.in_hand = max(0, tally.in_hand - 1)
        tally.abandoned += int(is_gone)
        tally.statuses[status] += 1
        tally.last.append(summary)
        self.tell()

    async def wait(self, name: str, member: str, wanted: int, seconds: float) -> bool:
        """Until the tally's count, done, in_hand or abandoned has reached a number."""
        end = time.monotonic() + seconds
        while getattr(self.of(name), member) < wanted:
            left = end - time.monotonic()
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                return False
        return True


class Secrets:
    """By kind, oldest first, each once."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, None]] = {}
        self.dropped = 0

    def see(self, kind: str, value: str) -> str:
        if value:
            kept = self.kinds.setdefault(kind, {})
            kept[value] = None
            if len(kept) > SECRETS_KEPT:
                del kept[next(iter(kept))]
                self.dropped += 1
        return value

    def as_json(self) -> dict[str, object]:
        lists = {kind: list(values) for kind, values in self.kinds.items()}
        return {"secrets": lists, "dropped": self.dropped}
