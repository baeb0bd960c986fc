# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Clients that take a large answer slowly: one thread reads a little from each, round and round."""

import socket
import threading
import time

PIECE = 4096
PAUSE = 0.05


class SlowReaders:
    """`count` connections to a port, each with one request under way."""

    def __init__(self, port, path, count):
        self.sockets = [self._connect(port, path) for _ in range(count)]
        self.taken = [0] * count
        self.ended = set()
        self.begun = time.monotonic()
        self.is_stopping = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    @staticmethod
    def _connect(port, path):
        reader = socket.socket()
        # Before connect: a window that is made small later is taken back slowly.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reader.connect(("127.0.0.1", port))
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        reader.setblocking(False)
        return reader

    def _read(self):
        while not self.is_stopping.wait(PAUSE):
            for number, reader in enumerate(self.sockets):
                if number not in self.ended:
                    self._read_one(number, reader)

    def _read_one(self, number, reader):
        try:
            piece = reader.recv(PIECE)
            self.taken[number] += len(piece)
            if not piece:
                self.ended.add(number)
        except BlockingIOError:
            pass
        except OSError:
            self.ended.add(number)

    def wait_for_heads(self, seconds=60):
        """Until everyone has got something, and some more."""
        end = time.monotonic() + seconds
        while min(self.taken) < 4 * PIECE:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.alive()} readers have an answer")
            time.sleep(0.1)

    def alive(self):
        """How many have got bytes of their answer and may get more."""
        return sum(taken > PIECE for taken in self.taken) - len(self.ended)

    def speed(self):
        """KiB a second of each."""
        return sum(self.taken) / len(self.taken) / 1024 / (time.monotonic() - self.begun)

    def stop(self):
        self.is_stopping.set()
        self.thread.join()
        for reader in self.sockets:
            reader.close()
