# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Outlook's limits of one application at one mailbox.

Source: Microsoft, "Microsoft Graph service-specific throttling limits", Outlook.
"""

from __future__ import annotations

import time

from schema import GraphError

SPAN = 600.0  # seconds


class Load:
    """What one mailbox bears: requests at once, and in ten minutes; refused ones count too."""

    def __init__(self) -> None:
        self.in_hand = 0
        self.since = time.monotonic()
        self.count = 0

    def refusal(self, at_once: int, in_span: int) -> GraphError | None:
        """Count one request; the refusal when it is one too many. A limit of 0 is none."""
        if time.monotonic() - self.since > SPAN:
            self.since, self.count = time.monotonic(), 0
        self.count += 1
        if at_once and self.in_hand > at_once:
            return over("MailboxConcurrency", 1)
        if in_span and self.count > in_span:
            return over("MailboxRequests", int(SPAN - (time.monotonic() - self.since)) + 1)
        return None


def over(limit: str, seconds: int) -> GraphError:
    text = f"Application is over its {limit} limit."
    return GraphError(429, "ApplicationThrottled", text, [("Retry-After", str(seconds))])
