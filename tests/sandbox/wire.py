# Licensed under the Apache License, Version 2.0; see LICENSE.
"""HTTP/1.1 for the sandbox: requests in, answers out, kept-alive, over asyncio streams.

An answer can be a text, or chunks made as the client reads them (so that a hundred readers of a
hundred megabytes cost no memory), and can be damaged on purpose: cut after so many bytes, dripped
over so many seconds, or replaced by raw bytes that are no HTTP. Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import traceback
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 8 * 1024 * 1024
PIECE = 16 * 1024

Pairs = list[tuple[str, str]]


class BadRequest(Exception):
    """What came is no HTTP request that we read; the answer closes the connection."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def parse_pairs(text: str) -> Pairs:
    """Names and values of a query or form; order and repeats kept."""
    return parse_qsl(text, keep_blank_values=True, max_num_fields=200)


@dataclass
class Request:
    """One request; header names in lower case, repeated headers joined by a comma."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    connection: int = 0
    is_tls: bool = True
    gone: asyncio.Future[None] | None = None  # done when the client has hung up
    notes: dict[str, object] = field(default_factory=dict)  # for the record of calls, no secrets

    @property
    def raw_path(self) -> str:
        return urlsplit(self.target).path

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def query_text(self) -> str:
        return urlsplit(self.target).query

    @property
    def query(self) -> Pairs:
        return parse_pairs(self.query_text)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    @property
    def media_type(self) -> str:
        return self.header("content-type").split(";")[0].strip().lower()


@dataclass
class Response:
    """One answer. With `raw` that is sent instead; with `cut` the connection dies after so many
    bytes of head and body together, without a TLS goodbye."""

    status: int = 200
    headers: Pairs = field(default_factory=list)
    body: bytes | Iterable[bytes] = b""
    can_zip: bool = False
    cut: int | None = None
    drip_seconds: float = 0.0
    raw: bytes | None = None

    def header(self, name: str) -> str | None:
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None


def json_text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(value: object, status: int = 200, headers: Pairs | None = None) -> Response:
    kind = ("Content-Type", "application/json; charset=utf-8")
    return Response(status, [kind, *(headers or [])], json_text(value))


def reason_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def gzip_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def encode(request: Request, response: Response, closing: bool) -> Iterator[bytes]:
    """The bytes of an answer, piece by piece."""
    if response.raw is not None:
        yield response.raw
        return
    headers = list(response.headers)
    body = response.body
    if response.can_zip and "gzip" in request.header("accept-encoding"):
        headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        body = gzip_pieces([body] if isinstance(body, bytes) else body)
        if isinstance(response.body, bytes):
            body = b"".join(body)
    if isinstance(body, bytes):
        if response.status != 304:
            headers.append(("Content-Length", str(len(body))))
    else:
        headers.append(("Transfer-Encoding", "chunked"))
    if not response.header("Date"):
        headers.append(("Date", formatdate(usegmt=True)))
    headers.append(("Connection", "close" if closing else "keep-alive"))
    lines = [f"HTTP/1.1 {response.status} {reason_of(response.status)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    yield ("\r\n".join(lines) + "\r\n\r\n").encode()
    if request.method == "HEAD":
        return
    if isinstance(body, bytes):
        yield body
        return
    yield from (chunk(piece) for piece in body if piece)
    yield b"0\r\n\r\n"


def cut_pieces(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    for piece in pieces:
        if count <= 0:
            return
        yield piece[:count]
        count -= len(piece)


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """Listens, reads requests, asks the handler, writes its answers."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections = itertools.count(1)
        self.open_now: set[asyncio.Task[None]] = set()
        self.accepted = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end; what goes wrong on it is the client's business."""
        task = asyncio.current_task()
        assert task is not None
        self.open_now.add(task)
        self.accepted += 1
        number = next(self.connections)
        gone = asyncio.ensure_future(until_closed(writer))
        try:
            while await self.one_request(reader, writer, (number, gone)):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, OSError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self.open_now.discard(task)
            writer.close()
            gone.cancel()

    async def one_request(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        who: tuple[int, asyncio.Future[None]],
    ) -> bool:
        """Read, answer; True when the connection can carry another."""
        try:
            request = await read_request(reader, writer)
        except BadRequest as bad:
            refusal = Response(bad.status, [("Content-Type", "text/plain")], str(bad).encode())
            await send(writer, encode(Request("GET", "/", {}), refusal, True), 0.0)
            return False
        if request is None:
            return False
        request.connection, request.gone = who
        request.is_tls = writer.get_extra_info("ssl_object") is not None
        try:
            response = await self.handler(request)
        except (OSError, asyncio.CancelledError):
            raise
        except Exception:  # a fault of our own: said aloud, so that a test does not pass by it
            traceback.print_exc()
            response = Response(500, [("X-Sandbox-Fault", "1")], b"the sandbox itself failed\n")
        closing = request.header("connection").lower() == "close" or response.raw is not None
        pieces = encode(request, response, closing)
        if response.cut is not None:
            pieces = cut_pieces(pieces, response.cut)
        await send(writer, pieces, response.drip_seconds)
        if response.cut is not None:
            writer.transport.abort()
            return False
        return not closing

    async def end(self) -> None:
        for task in list(self.open_now):
            task.cancel()
        await asyncio.gather(*self.open_now, return_exceptions=True)


async def until_closed(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.wait_closed()
    except OSError:
        pass


async def send(writer: asyncio.StreamWriter, pieces: Iterable[bytes], seconds: float) -> None:
    if seconds > 0:
        whole = b"".join(pieces)
        step = max(1, len(whole) // 20)
        for at in range(0, len(whole), step):
            writer.write(whole[at : at + step])
            await writer.drain()
            await asyncio.sleep(seconds / 20)
        return
    for piece in pieces:
        for at in range(0, len(piece), PIECE * 16):
            writer.write(piece[at : at + PIECE * 16])
            await writer.drain()


async def read_head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial.strip():
            raise BadRequest(400, "an unfinished request") from end
        return None
    except asyncio.LimitOverrunError as long:
        raise BadRequest(431, "request header fields too large") from long


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    head = await read_head(reader)
    if head is None:
        return None
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(400, "not an HTTP/1.1 request line")
    headers: dict[str, str] = {}
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "a malformed header field")
        key = name.lower()
        value = value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    if parts[2] == "HTTP/1.0" and "connection" not in headers:
        headers["connection"] = "close"
    request = Request(parts[0], parts[1], headers)
    if request.header("expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.body = await read_body(reader, headers)
    return request


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await read_chunks(reader)
    text = headers.get("content-length", "0")
    if not text.isdigit():
        raise BadRequest(400, "a bad Content-Length")
    length = int(text)
    if length > BODY_LIMIT:
        raise BadRequest(413, "request body too large")
    return await reader.readexactly(length) if length else b""


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0].strip(), 16)
        except ValueError as bad:
            raise BadRequest(400, "a bad chunk size") from bad
        if len(body) + size > BODY_LIMIT:
            raise BadRequest(413, "request body too large")
        body += await reader.readexactly(size)
        await reader.readuntil(b"\r\n")
        if size == 0:
            return bytes(body)
