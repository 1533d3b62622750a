"""Free loopback ports, below the range the system hands to outgoing connections."""

import random
import socket

from apps.core.devstack.errors import DevstackError

_LOWEST, _HIGHEST = 15000, 32000  # Linux and macOS give outgoing connections 32768 and up


def is_free(port: int) -> bool:
    """Whether nothing listens on the loopback port (connections in TIME_WAIT do not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port if it is free, else some free one."""
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(200):
        port = random.SystemRandom().randint(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise DevstackError(f"no free loopback port between {_LOWEST} and {_HIGHEST}: end what listens there")
