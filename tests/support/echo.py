# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A Graph that says what it heard: any path, bodies of any length both ways, answers as a test orders them."""

import hashlib
import http.server
import json
import threading

PIECE = b"\xa5" * 65536


class Echo:
    """One on a loopback port, HTTP/1.1. `heard`: (method, target, header fields, length and digest of the body)."""

    def __init__(self):
        self.heard, self.orders = [], []
        self.read = 0  # bytes of the body at hand
        self.gate = threading.Event()  # bodies of requests are read while it is set
        self.gate.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self):
                outer.serve(self)
            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def log_message(self, *_):
                """Nothing."""
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def order(self, status, body=b"", **fields):
        """The next answer; a number as body is so many bytes."""
        self.orders.append((status, body, fields))

    def last(self):
        """What came last: method, target, fields by lower-case name."""
        method, target, fields, *_ = self.heard[-1]
        return method, target, {name.lower(): value for name, value in fields}

    def _pieces(self, request):
        if "chunked" in request.headers.get("Transfer-Encoding", ""):
            while size := int(request.rfile.readline(), 16):
                yield request.rfile.read(size)
                request.rfile.readline()
            request.rfile.readline()
            return
        left = int(request.headers.get("Content-Length", 0))
        while left:
            piece = request.rfile.read(min(left, len(PIECE)))
            if not piece:
                return
            left -= len(piece)
            yield piece

    def serve(self, request):
        """Hear one, and answer it."""
        digest, self.read = hashlib.sha256(), 0
        status, body, fields = self.orders.pop(0) if self.orders else (200, None, {})
        for piece in self._pieces(request) if status != 413 else ():
            self.gate.wait()
            digest.update(piece)
            self.read += len(piece)
        self.heard.append((request.command, request.path, list(request.headers.items()),
                           self.read, digest.hexdigest()))
        self._answer(request, status, body, fields)

    def _answer(self, request, status, body, fields):
        if body is None:
            body = json.dumps({"method": request.command, "target": request.path}).encode()
            fields = {"Content_Type": "application/json"}
        length = body if isinstance(body, int) else len(body)
        request.send_response(status)
        for name, value in fields.items():
            request.send_header(name.replace("_", "-"), value)
        if status not in (204, 304):
            request.send_header("Content-Length", str(length))
        if status == 413:
            request.close_connection = True
        request.end_headers()
        if request.command == "HEAD" or status in (204, 304):
            return
        try:
            self._write(request, body, length)
        except OSError:
            request.close_connection = True

    @staticmethod
    def _write(request, body, length):
        if not isinstance(body, int):
            request.wfile.write(body)
            return
        while length > 0:
            request.wfile.write(PIECE[:length])
            length -= len(PIECE)

    def end(self):
        self.server.shutdown()
        self.server.server_close()
