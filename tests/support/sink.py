# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The place where mail ends: an SMTP server that takes it, or refuses what its tests want refused."""

import threading
from dataclasses import dataclass

from aiosmtpd.controller import Controller

from . import httpd as servers

REFUSED = b"refuse this content"  # in a mail: 554 after its data


@dataclass
class Taken:
    """One mail, as it came."""

    sender: str
    recipients: list
    data: bytes


class Sink:
    """Listens on `port` of 127.0.0.1 in a thread of this process. Recipients whose names begin with
    reject are refused (550), with temp for now (451)."""

    def __init__(self):
        self.port = servers.free_port()
        self.messages = []
        self._changed = threading.Condition()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port,
                                      enable_SMTPUTF8=True)
        self._controller.start()

    def stop(self):
        self._controller.stop()

    def wait(self, count, seconds=60):
        """Until so many mails have come; they are in `messages`."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= count, seconds), \
                f"{len(self.messages)} of {count} mails came"
        return self.messages

    # ---- aiosmtpd asks these ----

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("reject"):
            return "550 5.1.1 no such mailbox here"
        if address.startswith("temp"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        if REFUSED in envelope.content:
            return "554 5.7.1 content refused"
        with self._changed:
            self.messages.append(Taken(envelope.mail_from, list(envelope.rcpt_tos),
                                       envelope.content))
            self._changed.notify_all()
        return "250 2.0.0 taken"
