"""A loopback proxy that lets nothing through until told to: whoever asks through it is in the middle of its work."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Stalling:
    """Forwards to `upstream` once `release()` was called."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._released = threading.Event()
        # Ports of the clients that have asked and get no answer.
        self.waiting: set[int] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def release(self) -> None:
        """Let everything through from now on."""
        self._released.set()

    def stall(self) -> None:
        """Let nothing more through, on old connections either."""
        self._released.clear()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def accept(self) -> None:
        """Take connections until closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with suppress(OSError):
            server = socket.create_connection(self._upstream)
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()
            _pump(client, server, lambda: self._wait(client.getpeername()[1]))

    def _wait(self, client_port: int) -> None:
        if not self._released.is_set():
            self.waiting.add(client_port)
            self._released.wait()
            self.waiting.discard(client_port)


def _pump(source: socket.socket, sink: socket.socket, until_may: Callable[[], object] = bool) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            until_may()
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def stalling(host: str, port: int) -> Iterator[Stalling]:
    """A proxy that ends with the block."""
    proxy = Stalling((host, port))
    threading.Thread(target=proxy.accept, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
