# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A thousand agents of two nodes ask for the token of one user, which has ended."""

import asyncio
import base64
import collections
import json

from conftest import AGENT

FORM = ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=tom"
        "&subject_token_type=urn:mod_graphtok:token-type:user-id")


async def ask(port):
    """Status and token of one exchange."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    credentials = base64.b64encode(f"agent:{AGENT}".encode()).decode()
    writer.write((f"POST /exchange HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}"
                  f"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(FORM)}"
                  f"\r\nConnection: close\r\n\r\n{FORM}").encode())
    await writer.drain()
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    said = json.loads(body)
    return int(head.split(b" ", 2)[1]), said.get("access_token") or said["tag"]


async def storm(nodes, count):
    return await asyncio.gather(*[ask(nodes[n % len(nodes)].httpd.port) for n in range(count)])


def test_X3_a_thousand_exchanges_are_one_call(fire):
    fire.fault("delay", seconds=2, times=0)
    answers = asyncio.run(storm(fire.nodes, 1000))
    assert collections.Counter(status for status, _ in answers) == {200: 1000}, set(answers)
    assert len({token for _, token in answers}) == 1
    assert fire.refreshes() == 1 and fire.results() == {"ok"}
    assert fire.counted("graphtok_exchanges_total") == {"ok": 1000}
