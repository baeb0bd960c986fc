# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A thousand agents of two nodes ask for the token of one user, which has ended."""

import asyncio
import base64
import collections
import json

from conftest import AGENT

FORM = ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=tom"
        "&subject_token_type=urn:mod_graphtok:token-type:user-id")


async def ask(port, form=FORM):
    """Status and token of one exchange."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    credentials = base64.b64encode(f"agent:{AGENT}".encode()).decode()
    writer.write((f"POST /exchange HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}"
                  f"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}"
                  f"\r\nConnection: close\r\n\r\n{form}").encode())
    await writer.drain()
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    said = json.loads(body)
    return int(head.split(b" ", 2)[1]), said.get("access_token") or said["tag"]


async def storm(nodes, count, form=FORM):
    return await asyncio.gather(*[ask(nodes[n % len(nodes)].httpd.port, form) for n in range(count)])


def test_X3_a_thousand_exchanges_are_one_call(fire):
    fire.fault("delay", seconds=2, times=0)
    answers = asyncio.run(storm(fire.nodes, 1000))
    assert collections.Counter(status for status, _ in answers) == {200: 1000}, set(answers)
    assert len({token for _, token in answers}) == 1
    assert fire.refreshes() == 1 and fire.results() == {"ok"}
    assert fire.counted("graphtok_exchanges_total") == {"ok": 1000}


def test_X3_one_assertion_is_one_call_of_each_node(fire):
    """No row holds what was had on behalf of a user: the children of a node share it, nodes do not."""
    fire.sandbox.fault("token", "delay", seconds=1, times=0)
    form = FORM.replace("=tom", "=" + fire.sandbox.user_token("grace@sandbox.example")).replace(
        "urn:mod_graphtok:token-type:user-id", "urn:ietf:params:oauth:token-type:access_token")
    answers = asyncio.run(storm(fire.nodes, 400, form))
    assert collections.Counter(status for status, _ in answers) == {200: 400}, set(answers)
    assert [len({token for _, token in answers[node::2]}) for node in (0, 1)] == [1, 1]
    assert fire.sandbox.calls("token") == 2
