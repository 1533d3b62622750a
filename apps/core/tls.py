"""The least TLS we speak: 1.3 among our own machines, 1.2 with the outside. The web server's is in config.server."""

import ssl
from pathlib import Path
from typing import Any

OURS = ssl.TLSVersion.TLSv1_3
VENDORS = ssl.TLSVersion.TLSv1_2


def vendor_context(authorities: Path | str | None = None) -> ssl.SSLContext:
    """For connections to outside services: names and certificates are checked, by the system's authorities."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = VENDORS
    return context


def database_options(host: str, asked: dict[str, Any]) -> dict[str, Any]:
    """libpq's options for a database elsewhere: the name in the certificate is checked, by the system's authorities.

    What the URL asks for stands; none for a host on this machine (loopback, or a socket).
    """
    if is_local(host) or asked.get("sslmode") == "disable":
        return {}
    least = {"sslmode": "verify-full", "ssl_min_protocol_version": "TLSv1.3"}
    if asked.get("sslmode", "verify-full") == "verify-full":
        least["sslrootcert"] = "system"
    return least


def redis_options(url: str) -> dict[str, Any]:
    """redis-py's options for a URL: the least version where it is rediss://."""
    return {"ssl_min_version": OURS} if url.startswith("rediss:") else {}


def is_local(host: str) -> bool:
    """Whether a host is this machine: loopback, or the folder of a socket."""
    return host in {"", "localhost", "::1"} or host.startswith(("127.", "/"))
