# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Faults on demand: slow, throttled, failing, rubbish, silent, or dead in mid-answer.

A fault waits at an endpoint and takes the next calls there. Most replace the answer, and the
request is not carried out; `die_after`, `drip`, and the waiting kinds with when=after carry it out
first, so that a client is left not knowing what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields

from wire import Request, Response, encode, parse_pairs

PLACES = ("token", "authorize", "choose", "logout", "discovery", "jwks", "graph", "userinfo")
KINDS = (
    "delay", "hang", "status", "entra_error", "graph_error", "claims", "html", "empty", "garbage",
    "huge", "answer", "redirect", "die", "die_after", "drip",
)  # fmt: skip
WAITING = ("delay", "hang")
AFTER = ("die_after", "drip")


class Gone(ConnectionError):
    """The client hung up while a fault held its answer back."""


@dataclass
class Fault:
    """One fault. `times`: how many calls it takes, 0 for all; `skip`: calls let pass first."""

    where: str
    kind: str
    times: int = 1
    skip: int = 0
    method: str = ""
    grant_type: str = ""
    when: str = "before"  # or "after" the request was carried out
    seconds: float = 0.0
    status: int = 0
    code: int | str = 0  # AADSTS number, or Graph's code
    error: str = ""
    suberror: str | None = None
    message: str = ""
    claims: str = ""
    retry_after: int | str | None = None
    location: str = ""
    bytes: int = -1  # die_after: of the whole answer; -1: the head and half of the body
    mib: int = 11
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    raw: bool = False  # garbage: not even HTTP
    taken: int = 0

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def read_fault(value: object) -> Fault:
    """From a control request; ValueError says what is wrong."""
    if not isinstance(value, dict):
        raise ValueError("a fault is an object")
    known = {item.name for item in fields(Fault)} - {"taken"}
    for name in value:
        if name not in known:
            raise ValueError(f"no such member of a fault: {name}")
    where, kind = value.get("where"), value.get("kind")
    if not isinstance(where, str) or not (where in PLACES or where.startswith("/")):
        raise ValueError(f"where: a path, or one of {' '.join(PLACES)}")
    if kind not in KINDS:
        raise ValueError(f"kind: one of {' '.join(KINDS)}")
    if value.get("when", "before") not in ("before", "after"):
        raise ValueError("when: before or after")
    model = Fault("/", "delay")
    for name, member in value.items():
        default = getattr(model, name)
        kinds = (int, float) if isinstance(default, float) else (type(default),)
        if name in ("code", "retry_after", "suberror"):
            kinds = (int, str, type(None))
        if not isinstance(member, kinds) or isinstance(member, bool) != isinstance(default, bool):
            raise ValueError(f"{name}: not a value that it takes")
    return Fault(**value)


class Faults:
    """Those that wait."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.released = asyncio.Event()

    def clear(self) -> None:
        """None waits any more, and every call that one holds goes on."""
        self.waiting = []
        self.released.set()
        self.released = asyncio.Event()

    def take(self, name: str, request: Request) -> list[Fault]:
        """The faults that this call meets: any number of waits, and one that decides the answer."""
        found: list[Fault] = []
        for fault in list(self.waiting):
            if not is_met(fault, name, request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            is_wait = fault.kind in WAITING
            if not is_wait and any(other.kind not in WAITING for other in found):
                continue
            found.append(fault)
            fault.taken += 1
            if fault.times and fault.taken >= fault.times:
                self.waiting.remove(fault)
        return found

    async def hold(self, fault: Fault, request: Request) -> None:
        """Wait out a delay or a hang; Gone when the client hangs up meanwhile."""
        seconds = fault.seconds if fault.kind == "delay" or fault.seconds else None
        released = asyncio.ensure_future(self.released.wait())
        waited: set[asyncio.Future[object]] = {released}  # type: ignore[arg-type]
        if request.gone is not None:
            waited.add(request.gone)  # type: ignore[arg-type]
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        released.cancel()
        if request.gone is not None and request.gone.done():
            raise Gone("the client hung up")


def is_met(fault: Fault, name: str, request: Request) -> bool:
    is_here = request.path.startswith(fault.where) if fault.where[0] == "/" else fault.where == name
    if not is_here or (fault.method and fault.method.upper() != request.method):
        return False
    if not fault.grant_type:
        return True
    form = parse_pairs(request.body.decode("latin-1"))
    return ("grant_type", fault.grant_type) in form


HTML = (
    "<!DOCTYPE html><html><head><title>Service unavailable</title></head>"
    "<body><h2>Our services aren't available right now</h2>"
    "<p>We're working to restore all services as soon as possible.</p></body></html>"
)


def plain(fault: Fault, status: int, kind: str, body: bytes) -> Response:
    headers = [("Content-Type", kind)] if kind else []
    if fault.retry_after is not None:
        headers.append(("Retry-After", str(fault.retry_after)))
    headers += list(fault.headers.items())
    return Response(fault.status or status, headers, body)


def huge(fault: Fault) -> Response:
    def pieces() -> Iterator[bytes]:
        yield b'{"padding":"'
        for _ in range(fault.mib * 16):
            yield b"x" * 65536
        yield b'"}'

    response = plain(fault, 200, "application/json; charset=utf-8", b"")
    response.body = pieces()
    return response


def rubbish(fault: Fault) -> Response:
    if fault.raw:
        return Response(raw=b"\x00\xff\x16SSH-2.0-rubbish\r\n\r\n\x00")
    kind = "application/json; charset=utf-8"
    return plain(fault, 200, kind, b'{"access_token": \xff\xfe\x00 [[[ not json')


def answer(fault: Fault) -> Response:
    kind = "" if "Content-Type" in fault.headers else "application/json"
    return plain(fault, 200, kind, fault.body.encode())


MADE: dict[str, Callable[[Fault], Response]] = {
    "status": lambda fault: plain(fault, 503, "", fault.body.encode()),
    "html": lambda fault: plain(fault, 502, "text/html; charset=utf-8", HTML.encode()),
    "empty": lambda fault: plain(fault, 200, "", b""),
    "garbage": rubbish,
    "huge": huge,
    "answer": answer,
    "redirect": lambda fault: plain(fault, 302, "text/html", b""),
    "die": lambda fault: Response(cut=0),
}


def made_response(fault: Fault) -> Response | None:
    """The answer of the kinds that need no service to word it."""
    maker = MADE.get(fault.kind)
    if maker is None:
        return None
    response = maker(fault)
    if fault.kind == "redirect":
        response.headers.append(("Location", fault.location or "https://127.0.0.1:9/elsewhere"))
    return response


def damage(fault: Fault, request: Request, response: Response) -> Response:
    """What die_after and drip do to an answer that was made."""
    if fault.kind == "drip":
        response.drip_seconds = fault.seconds
        return response
    if not isinstance(response.body, bytes):
        response.body = b"".join(response.body)
    whole = sum(len(piece) for piece in encode(request, response, False))
    response.cut = fault.bytes if fault.bytes >= 0 else whole - (len(response.body) + 1) // 2
    return response
