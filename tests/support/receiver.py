# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The application that notifications are delivered to: takes them, or answers as its test wants."""

import base64
import hashlib
import hmac
import http.server
import json
import threading

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Listens on a port of 127.0.0.1. `answers(message)` gives the status, and perhaps header fields;
    `messages` are those that came, with `id`, `status` and the JSON in `body`."""

    def __init__(self, answers=lambda message: 200):
        self.answers, self.messages = answers, []
        self._changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, fields = receiver.take(self.headers, body), {}
                if isinstance(status, tuple):
                    status, fields = status
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def take(self, headers, body):
        """Its signature holds, or the test fails."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        message = {"id": headers["webhook-id"], "body": json.loads(body),
                   "is_signed": headers["webhook-signature"] == f"v1,{wanted}"}
        with self._changed:
            status = self.answers(message)
            message["status"] = status[0] if isinstance(status, tuple) else status
            self.messages.append(message)
            self._changed.notify_all()
        return status

    def taken(self):
        """Those that were answered with 2xx, by resource: the list of their etags, as they came."""
        found = {}
        for message in list(self.messages):
            if 200 <= message["status"] < 300:
                one = message["body"]["data"]["notification"]
                found.setdefault(one.get("resource"), []).append(one["resourceData"]["@odata.etag"])
        return found

    def wait(self, holds, seconds=60):
        with self._changed:
            assert self._changed.wait_for(holds, seconds), f"{len(self.messages)} messages came"

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
