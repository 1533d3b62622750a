"""Whose request it is: nobody chooses their own address."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.core.http.client import ForwardedHeadersMiddleware, client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]


@pytest.fixture
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = PROXIES


def address(peer: str, forwarded: str | None = None) -> str | None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers))


class TestWithoutTrustedProxies:
    def test_it_is_the_peers(self) -> None:
        assert address("192.0.2.7") == "192.0.2.7"
        assert address("2001:DB8:0:0::7") == "2001:db8::7"

    @pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "127.0.0.1"])
    def test_what_the_header_says_is_not_read(self, peer: str) -> None:
        assert address(peer, "203.0.113.9") == peer

    def test_a_unix_socket_has_none(self) -> None:
        assert address("", "203.0.113.9") is None
        assert address("unix:", "203.0.113.9") is None

    def test_a_link_local_peer_is_told_without_its_zone(self) -> None:
        assert address("fe80::1%eth0") == "fe80::1"


@pytest.mark.usefixtures("proxies")
class TestBehindTrustedProxies:
    def test_a_peer_that_is_none_is_the_client_whatever_it_says(self) -> None:
        assert address("192.0.2.7", "10.0.0.2") == "192.0.2.7"

    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client wrote the first one itself
            ("127.0.0.1,10.0.0.9,203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, 10.0.0.2, 10.0.0.3", "203.0.113.9"),
            ("203.0.113.9,2001:db8:ffff::5", "203.0.113.9"),
            ("2001:db8::0:9", "2001:db8::9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
            ("10.0.0.5, 10.0.0.6", "10.0.0.5"),  # inside all the way: the farthest is the client
        ],
    )
    def test_it_is_the_last_hop_that_is_no_proxy_of_ours(self, forwarded: str, expected: str) -> None:
        assert address("10.0.0.1", forwarded) == expected

    @pytest.mark.parametrize(
        "malformed",
        [
            "",
            " ",
            ",",
            "unknown",
            "_hidden",
            "203.0.113.9 198.51.100.1",
            "203.0.113.999",
            "0x7f.1",
            "2130706433",
            "010.0.0.1",
            "203.0.113.9/32",
            "٢٠٣.0.113.9",
            "fe80::1%<script>",
            "203.0.113.9\x00",
            "203.0.113.9:http",
            "localhost",
            "'; drop table",
        ],
    )
    def test_a_malformed_hop_never_wins_nor_what_stands_before_it(self, malformed: str) -> None:
        assert address("10.0.0.1", malformed) == "10.0.0.1"
        assert address("10.0.0.1", f"1.1.1.1, {malformed}") == "10.0.0.1"
        assert address("10.0.0.1", f"1.1.1.1, {malformed}, 10.0.0.2") == "10.0.0.2"

    def test_ten_thousand_hops_are_read_no_farther_than_needed(self) -> None:
        assert address("10.0.0.1", "1.1.1.1," * 10_000 + "203.0.113.9") == "203.0.113.9"

    def test_a_peer_with_a_mapped_address_is_the_same_proxy(self) -> None:
        assert address("::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"


@pytest.mark.usefixtures("proxies")
class TestForwardedHeaders:
    @pytest.mark.parametrize(("peer", "secure"), [("10.0.0.1", True), ("192.0.2.7", False), ("", False)])
    def test_only_a_trusted_proxy_makes_a_connection_secure(self, peer: str, secure: bool, settings: Any) -> None:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

        def answer(request: HttpRequest) -> HttpResponse:
            return HttpResponse(str(request.is_secure()))

        request = RequestFactory(REMOTE_ADDR=peer).get("/", headers={"X-Forwarded-Proto": "https"})
        assert ForwardedHeadersMiddleware(answer)(request).content == str(secure).encode()
