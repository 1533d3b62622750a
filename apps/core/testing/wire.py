"""Loopback proxies between a process and its database that strike at a chosen message.

They see the wire, so they find every boundary between two statements: BEGIN, each query, COPY, COMMIT. Striking
before a message is forwarded loses it; striking after leaves the commit unknown to the victim.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from apps.core.testing.statements import ClientMessages, ServerMessages

CHUNK = 1 << 20


class Proxy:
    """Listens from the moment it is made, and forwards connections to `upstream` from the moment it is entered.

    A process forked in between inherits no thread of it.
    """

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not end an accept() under way
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._join(client, socket.create_connection(self._upstream))

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        """Begin to forward, in threads of their own."""
        raise NotImplementedError


class CuttingProxy(Proxy):
    """At client message number `at` it hangs up."""

    def __init__(self, upstream: tuple[str, int], *, at: int, forward: bool) -> None:
        super().__init__(upstream)
        self._at, self._forward = at, forward
        self._seen = 0
        self._counting = threading.Lock()
        self.struck = False
        # How often a client spoke and was answered: what is sent in one go may come in several pieces.
        self.round_trips = 0
        self._answered = True

    @property
    def messages(self) -> int:
        """How many client messages have passed."""
        return self._seen

    def _join(self, client: socket.socket, server: socket.socket) -> None:
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


class Watch(Protocol):
    """Who is told of every statement before it is forwarded, and when its answer is complete."""

    def before(self, act: str) -> int | None:
        """How many of this name there were by now; None: let nothing pass any more."""

    def after(self, act: str, nth: int) -> bool:
        """Whether the answer may pass."""


class StatementProxy(Proxy):
    """Tells a `Watch` each statement by its name (`statements.name_of`), and lets pass what it allows.

    Encryption is refused, so that there is something to read: on loopback the driver goes on without.
    """

    def __init__(self, upstream: tuple[str, int], watch: Watch) -> None:
        super().__init__(upstream)
        self._watch = watch
        self.sessions: list[int] = []  # the ports by which the server knows the client's sessions

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        self.sessions.append(server.getsockname()[1])
        asked: list[tuple[str, int]] = []
        threading.Thread(target=self._to_server, args=(client, server, asked), daemon=True).start()
        threading.Thread(target=self._to_client, args=(client, server, asked), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, asked: list[tuple[str, int]]) -> None:
        messages = ClientMessages()
        with suppress(OSError):
            while data := client.recv(CHUNK):
                for message in messages.feed(data):
                    if message.kind == "encryption":
                        client.sendall(b"N")
                        continue
                    if message.name:
                        nth = self._watch.before(message.name)
                        if nth is None:
                            _hang_up(client, server)
                            return
                        asked.append((message.name, nth))
                    server.sendall(message.raw)
        _shut(server)

    def _to_client(self, client: socket.socket, server: socket.socket, asked: list[tuple[str, int]]) -> None:
        messages = ServerMessages()
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if messages.answered(data) and asked:
                    last = asked[-1]  # of a COPY that failed there are two
                    asked.clear()
                    if not self._watch.after(*last):
                        _hang_up(client, server)
                        return
                client.sendall(data)
        _shut(client)


def _hang_up(client: socket.socket, server: socket.socket) -> None:
    """Both sides find the other gone."""
    for end in (client, server):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _shut(end: socket.socket) -> None:
    """Tell the other side that no more follows; what is under way there still completes."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_WR)
