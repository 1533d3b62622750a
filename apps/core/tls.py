"""The least TLS we speak: 1.3 among our own machines, 1.2 with the outside. The web server's is in config.server."""

import ssl
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

OURS = ssl.TLSVersion.TLSv1_3
VENDORS = ssl.TLSVersion.TLSv1_2

# libpq's words: the server's name must be in its certificate, which the system's authorities signed.
POSTGRES = {"sslmode": "verify-full", "ssl_min_protocol_version": "TLSv1.3", "sslrootcert": "system"}
# redis-py's; it checks certificates and names by itself.
REDIS = {"ssl_min_version": str(int(OURS))}
# Values by which a URL would undo it.
_LAX = {"ssl_check_hostname": {"false", "0", "no"}, "ssl_cert_reqs": {"none", "optional", "CERT_NONE", "CERT_OPTIONAL"}}


@cache
def vendor_context(authorities: Path | str | None = None) -> ssl.SSLContext:
    """For connections to outside services: names and certificates are checked, by the system's authorities."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = VENDORS
    return context


def is_secure(url: str) -> bool:
    """Whether nobody between us and this server can read or change what is said: it is here, or speaks checked TLS."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    if _is_local(parts, asked):
        return True
    if parts.scheme.startswith("postgres"):
        return all(asked.get(name, least) == least for name, least in POSTGRES.items() if name != "sslrootcert")
    if parts.scheme == "rediss":
        lax = any(asked.get(name) in values for name, values in _LAX.items())
        return not lax and asked.get("ssl_min_version", REDIS["ssl_min_version"]) == REDIS["ssl_min_version"]
    return parts.scheme in {"https", "amqps"}


def secured(url: str) -> str:
    """The URL of a database or Redis elsewhere, asking for our least TLS; what it asks for itself stands."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    least = POSTGRES if parts.scheme.startswith("postgres") else REDIS if parts.scheme == "rediss" else {}
    if _is_local(parts, asked) and parts.scheme != "rediss":
        return url
    return urlunsplit(parts._replace(query=urlencode(least | asked)))


def broker(url: str) -> tuple[str, dict[str, Any] | None]:
    """Celery's broker URL and its ssl options: kombu reads versions from these only, never from the URL."""
    parts = urlsplit(url)
    if parts.scheme == "amqps":
        checked = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
        return url, checked | {"tls_minimum_version": OURS}
    if parts.scheme != "rediss":
        return url, None
    asked = dict(parse_qsl(parts.query))
    options: dict[str, Any] = {name: asked.pop(name) for name in list(asked) if name.startswith("ssl_")}
    return urlunsplit(parts._replace(query=urlencode(asked))), {"ssl_cert_reqs": "required", **options} | {
        "ssl_min_version": OURS
    }


def _is_local(parts: SplitResult, asked: dict[str, str]) -> bool:
    """Loopback, or a socket: a host that is a folder."""
    host = unquote(asked.get("hostaddr") or asked.get("host") or parts.hostname or "")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"} or host.startswith("/")
