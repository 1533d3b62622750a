"""Whose counter it is: a keyed hash, so that no store of counters holds an address or a name."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.utils.crypto import salted_hmac

# One household or host has a whole /64 of IPv6 to change its address in.
IPV6_PREFIX = 64


def key_of_address(address: str | None) -> str:
    """The counter of a client's address, of its /64 for IPv6. Clients without any (a Unix socket) share one."""
    if address is None:
        return _hashed("address", "")
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        return _hashed("address", str(ip_network((found, IPV6_PREFIX), strict=False)))
    return _hashed("address", address)


def key_of_name(username: str) -> str:
    """The counter of a username, known or not."""
    return _hashed("name", username)


def key_of_caller(*parts: str) -> str:
    """The counter of whoever these parts name together."""
    return _hashed("caller", "\n".join(parts))


def _hashed(kind: str, value: str) -> str:
    return salted_hmac(f"apps.core.rate_limits.{kind}", value, algorithm="sha256").hexdigest()[:32]
