# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A proxy that knows CONNECT alone, finds every name on loopback, and writes down what it is asked."""

import base64
import select
import socket
import threading


class Proxy:
    """One on a loopback port; `status` other than 200 refuses, `login` must be brought along."""

    def __init__(self, login=None):
        self.login = login
        self.status = 200
        self.asked = []  # (request line, {field: value})
        self.first_bytes = set()  # of what went through
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def targets(self):
        """Those of all requests so far."""
        return {line.split()[1] for line, _ in self.asked}

    def hang_up(self):
        """End all connections, so that the next call must come through the door again."""
        while self.open:
            try:
                self.open.pop().shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """Be away."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _verdict(self, fields):
        if self.login and fields.get("proxy-authorization") != "Basic " + base64.b64encode(
                self.login.encode()).decode():
            return 407
        return self.status

    def _serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip()
                      for name, value in (line.split(":", 1) for line in lines[1:])}
            self.asked.append((lines[0], fields))
            status = self._verdict(fields) if lines[0].startswith("CONNECT ") else 405
            extra = "Proxy-Authenticate: Basic realm=\"proxy\"\r\n" if status == 407 else ""
            client.sendall(f"HTTP/1.1 {status} Said\r\n{extra}Proxy-Said: so\r\n\r\n".encode())
            if status == 200:
                port = int(lines[0].split()[1].rsplit(":", 1)[1])
                with socket.create_connection(("127.0.0.1", port)) as server:
                    first = client.recv(65536)
                    self.first_bytes.update(first[:1])
                    server.sendall(first)
                    self._relay(client, server)

    @staticmethod
    def _relay(client, server):
        others = {client: server, server: client}
        while True:
            for ready in select.select(list(others), [], [])[0]:
                try:
                    piece = ready.recv(65536)
                    if not piece:
                        return
                    others[ready].sendall(piece)
                except OSError:
                    return
