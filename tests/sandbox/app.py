# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The way of a request through the sandbox: counted, met by its faults, answered, recorded."""

from __future__ import annotations

import re
import time
import uuid
from email.utils import formatdate

import batch
import control
import delta  # noqa: F401 (its route enters itself)
import drive
import entra
import gcal
import google
import graph
import introspection
import mail_routes  # noqa: F401 (its routes enter themselves)
import subscriptions
from aadsts import EntraError, error_response, redirect_pairs
from authorize import back
from faults import WAITING, Fault, Faults, Gone, damage, made_response
from ledger import fingerprint
from people import CLIENT_ID
from schema import GraphError
from state import World
from throttle import Load
from tokens import correlation_of
from wire import Request, Response, parse_pairs

IDS = re.compile(r"/(events|calendars|groups|messages|subscriptions)/[^/]+")
BATCH = "/v1.0/$batch"
SHOWN_HEADERS = (
    "accept", "accept-encoding", "client-request-id", "content-length", "content-type",
    "if-match", "origin", "prefer", "traceparent", "tracestate", "user-agent", "x-forwarded-for",
)  # fmt: skip


def classify(request: Request) -> tuple[str, str]:
    """The endpoint's name, and the tenant word for Entra's."""
    path = request.path
    if path.startswith("/_sandbox/"):
        return "control", ""
    if path.startswith(gcal.BASE + "/"):
        return "gcal", ""
    name = google.find_route(path)
    if name:
        return name, ""
    found = entra.find_route(path)
    if found:
        return found
    if path == "/oidc/userinfo":
        return "userinfo", ""
    if introspection.is_asked(path):
        return "introspection", ""
    if path.startswith("/upload/"):
        return "upload", ""
    if path.startswith(("/v1.0", "/beta")):
        return "graph", ""
    return "other", ""


class App:
    """What the server asks for every request."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def handle(self, request: Request) -> Response:
        name, tenant = classify(request)
        if name == "control" and request.is_tls:
            return await control.handle(self.world, request)
        browsers = (*entra.BROWSER_ROUTES, *google.BROWSER_ROUTES)
        if not request.is_tls and name not in browsers:
            return Response(404, [("Content-Type", "text/plain")], b"only sign-in pages here\n")
        return await self.counted(name, tenant, request)

    async def counted(self, name: str, tenant: str, request: Request) -> Response:
        calls = self.world.calls
        names = [name, *finer_name(name, request)]
        for one in names:
            calls.begin(one)
        began = time.monotonic()
        status, is_gone = "died", False
        try:
            response = await self.answered(name, tenant, request)
            if response.raw is None and response.cut != 0:
                status = str(response.status)
            return self.dated(response)
        except Gone:
            is_gone = True
            raise
        finally:
            summary = summarize(request, status, time.monotonic() - began)
            for one in names:
                calls.end(one, "gone" if is_gone else status, summary, is_gone)

    def dated(self, response: Response) -> Response:
        """With a clock of its own when the setting says so."""
        if self.world.settings.clock_skew:
            response.headers.append(("Date", formatdate(self.world.now(), usegmt=True)))
        return response

    async def answered(self, name: str, tenant: str, request: Request) -> Response:
        """With the mailbox's load counted as long as a request is in hand."""
        person = graph.mailbox_of(self.world, request) if name == "graph" else None
        if person is None:
            return await self.with_faults(name, tenant, request)
        load = self.world.mailbox_load.setdefault(person.oid, Load())
        load.in_hand += 1
        try:
            settings = self.world.settings
            refusal = load.refusal(settings.mailbox_concurrency, settings.mailbox_requests)
            if refusal:
                return graph.refuse(request, refusal)
            return await self.with_faults(name, tenant, request)
        finally:
            load.in_hand -= 1

    async def with_faults(self, name: str, tenant: str, request: Request) -> Response:
        faults = self.world.faults
        met = faults.take(name, request)
        await hold_all(faults, met, request, "before")
        deciding = next((fault for fault in met if fault.kind not in WAITING), None)
        response = self.failing(deciding, name, request) if deciding else None
        if response is None:
            if name == "graph" and subscriptions.is_asked(request):
                response = await subscriptions.handle(self.world, request)
            else:
                response = self.serve(name, tenant, request)
            if deciding:
                response = damage(deciding, request, response)
        await hold_all(faults, met, request, "after")
        return response

    def failing(self, fault: Fault, name: str, request: Request) -> Response | None:
        """The answer of a fault that replaces the service's; None: the service answers."""
        if fault.kind == "graph_error":
            code = str(fault.code or "ServiceUnavailable")
            headers = [("Retry-After", str(fault.retry_after))] if fault.retry_after else []
            error = GraphError(fault.status or 503, code, fault.message or "Injected.", headers)
            return graph.refuse(request, error)
        if fault.kind == "claims" and name in ("graph", "userinfo"):
            return self.challenging(name, request)
        if fault.kind in ("entra_error", "claims"):
            return entra_failure(fault, name, request)
        return made_response(fault)

    def challenging(self, name: str, request: Request) -> Response:
        """Only a client that declared cp1 is challenged."""
        token = self.world.access_tokens.get(graph.bearer_text(request))
        if token is None or not token.has_cae:
            return self.serve(name, "", request)
        return graph.refuse(request, graph.claims_challenge(self.world))

    def serve_part(self, request: Request) -> Response:
        """One request of a batch, met by faults of its own; those that only wait are left alone."""
        fault = next((one for one in self.world.faults.take("graph", request)), None)
        response = self.failing(fault, "graph", request) if fault else None
        calls = self.world.calls
        for one in finer_name("graph", request):
            calls.begin(one)
            response = response or graph.handle(self.world, request)
            calls.end(one, str(response.status), summarize(request, str(response.status), 0.0), False)
        assert response is not None
        return response

    def serve_batch(self, request: Request) -> Response:
        request.notes["request_id"] = str(uuid.uuid4())
        try:
            token = graph.check_bearer(self.world, request)
            load = self.world.mailbox_load.get(token.person.oid)
            return batch.answer(self.world, request, load, self.serve_part)
        except GraphError as error:
            return graph.refuse(request, error)

    def serve(self, name: str, tenant: str, request: Request) -> Response:
        if name == "graph" and request.path == BATCH and request.method == "POST":
            return self.serve_batch(request)
        if name == "graph":
            response = graph.handle(self.world, request)
            subscriptions.tell(self.world, request, response)
            return response
        if name == "userinfo":
            return graph.userinfo(self.world, request)
        if name == "introspection":
            return introspection.handle(self.world, request)
        if name == "gcal":
            return gcal.handle(self.world, request)
        if name.startswith("google:"):
            return google.handle(self.world, request, name)
        if name == "upload":
            return drive.handle(self.world, request)
        if name == "other":
            return Response(404, [("Content-Type", "text/html")], b"")
        return entra.handle(self.world, request, name, tenant)


def finer_name(name: str, request: Request) -> list[str]:
    """The kind of grant, or the route without its ids, counted besides the endpoint."""
    if name in ("token", "google:token"):
        kind = dict(parse_pairs(request.body.decode("latin-1"))).get("grant_type", "")
        return [f"{name}:{kind}"] if kind else []
    if name == "graph":
        route = IDS.sub(r"/\1/{id}", request.raw_path.removeprefix("/v1.0"))
        return [f"graph:{request.method} {route}"]
    return []


async def hold_all(faults: Faults, met: list[Fault], request: Request, when: str) -> None:
    for fault in met:
        if fault.kind in WAITING and fault.when == when:
            await faults.hold(fault, request)


def entra_failure(fault: Fault, name: str, request: Request) -> Response:
    """An error in Entra's words; for the authorize endpoint by redirect."""
    code = fault.code if isinstance(fault.code, int) and fault.code else 90033
    claims = fault.claims
    if fault.kind == "claims":
        code = 53003 if not fault.code else code
        claims = claims or '{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}'
    error = EntraError(code, (CLIENT_ID,), fault.error, fault.suberror, fault.status, claims)
    if name == "authorize":
        params = dict(parse_pairs(request.query_text))
        if params.get("redirect_uri"):
            return back(params, redirect_pairs(error))
    response = error_response(error, correlation_of(request))
    if fault.retry_after is not None:
        response.headers.append(("Retry-After", str(fault.retry_after)))
    return response


def summarize(request: Request, status: str, seconds: float) -> dict[str, object]:
    """What can be said of a call without telling a secret: of the query, the names only."""
    bearer = graph.bearer_text(request)
    summary: dict[str, object] = {
        "at": time.time(),
        "method": request.method,
        "path": request.raw_path,
        "parameters": sorted(name for name, _ in request.query),
        "status": status,
        "seconds": round(seconds, 4),
        "connection": request.connection,
        "headers": {n: request.header(n) for n in SHOWN_HEADERS if request.header(n)},
        **request.notes,
    }
    if bearer:
        summary["bearer"] = fingerprint(bearer)
    return summary
