"""A loopback proxy between a process and its database that strikes at a chosen message.

It sees the wire, so it finds every boundary between two statements: BEGIN, each query, COPY, COMMIT. Striking
before a message is forwarded loses it; striking after leaves the commit unknown to the victim.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 1 << 20


class CuttingProxy:
    """Forwards connections to `upstream`; at client message number `at` it hangs up."""

    def __init__(self, upstream: tuple[str, int], *, at: int, forward: bool) -> None:
        self._upstream, self._at, self._forward = upstream, at, forward
        self._seen = 0
        self._counting = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.struck = False
        # How often a client spoke and was answered: what is sent in one go may come in several pieces.
        self.round_trips = 0
        self._answered = True

    @property
    def messages(self) -> int:
        """How many client messages have passed."""
        return self._seen

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._to_client, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(CHUNK):
                self.round_trips += self._answered
                self._answered = False
                if self._fatal():
                    self._strike(client, server, data)
                    return
                server.sendall(data)
        except OSError:
            return
        finally:
            _shut(server)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                self._answered = True
                client.sendall(data)
        _shut(client)

    def _strike(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        """Hang up first: the answer to what is still forwarded must not get through."""
        self.struck = True
        client.shutdown(socket.SHUT_RDWR)
        if self._forward:
            server.sendall(data)

    def _fatal(self) -> bool:
        with self._counting:
            self._seen += 1
            return self._seen == self._at


class KillingProxy(CuttingProxy):
    """At client message number `at` it sends SIGKILL to `victim()`."""

    def __init__(self, upstream: tuple[str, int], victim: Callable[[], int], *, at: int, forward: bool) -> None:
        super().__init__(upstream, at=at, forward=forward)
        self._victim = victim

    @property
    def killed(self) -> bool:
        """Whether it has struck."""
        return self.struck

    def _strike(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        if self._forward:
            server.sendall(data)
        self.struck = True
        os.kill(self._victim(), signal.SIGKILL)


def _shut(end: socket.socket) -> None:
    """Tell the other side that no more follows; what is under way there still completes."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_WR)
