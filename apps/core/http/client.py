"""Whose request it is: the address of the client, where only proxies of our own are believed."""

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

Address = IPv4Address | IPv6Address

# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_HOP = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?", re.ASCII)
LONGEST_AGENT = 512
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


def client_address(request: HttpRequest | Request) -> str | None:
    """The client's address, IPv4 or IPv6 in its shortest form; None where the peer has none (a Unix socket).

    Without settings.TRUSTED_PROXIES it is the peer's. With them X-Forwarded-For is read from the right, past
    proxies of ours only, so that what a client wrote there itself never counts. A hop that is no address ends the
    reading at the proxy that passed it on.
    """
    found = _peer(request)
    hops = _hops_from_the_right(request)
    while found is not None and _is_trusted(found):
        before = _address(next(hops, ""))
        if before is None:
            break
        found = before
    return str(found) if found is not None else None


def client_agent(request: HttpRequest | Request) -> str | None:
    """What the client says it is (User-Agent), cut at 512 characters; None where it says nothing."""
    return request.headers.get("User-Agent", "")[:LONGEST_AGENT] or None


class ForwardedHeadersMiddleware:
    """Drops what a peer that is no proxy of ours says about the connection (X-Forwarded-Proto makes it "https")."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = _peer(request)
        if peer is None or not _is_trusted(peer):
            for name in _FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)


def _peer(request: HttpRequest | Request) -> Address | None:
    # A link-local peer carries its zone: fe80::1%eth0.
    return _address(request.META.get("REMOTE_ADDR", "").partition("%")[0])


def _hops_from_the_right(request: HttpRequest | Request) -> Iterator[str]:
    rest = request.META.get("HTTP_X_FORWARDED_FOR", "")
    while rest:
        rest, _, hop = rest.rpartition(",")
        yield hop.strip(" \t")


def _address(text: str) -> Address | None:
    """The address, an IPv4 one inside IPv6 (::ffff:192.0.2.1) as what it is; None for anything else."""
    if hop := _HOP.fullmatch(text):
        text = hop[1] or hop[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # A zone may hold any text, and means nothing on another machine.
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)
