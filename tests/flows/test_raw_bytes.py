"""Bytes that are no proper HTTP, at the real server: refused or hung up on, never a 5xx, and nothing has changed."""

import json
import re
import socket
import time

import pytest

from tests.flows.conftest import changes
from tests.flows.sweep.books_digest import digest
from tests.flows.sweep.scene import Scene

pytestmark = pytest.mark.usefixtures("before")
SECONDS = 30
BODY = b'{"kind": "LEGAL", "legal_name": "Smuggled", "country": "LI"}'
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"

# Each is everything after "POST /api/accounts/parties HTTP/1.1" and the login.
REQUESTS = {
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size beyond all": b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + BODY,
    "a negative chunk size": b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + BODY,
    "chunks that never end": b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"kin',
    "both lengths": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(BODY) + CHUNKED,
    "a coding in chunks": b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED,
    "an unknown coding": b"Transfer-Encoding: identity\r\n\r\n" + BODY,
    "a length too short": b"Content-Length: 10\r\n\r\n" + BODY,
    "a length that is none": b"Content-Length: ten\r\n\r\n" + BODY,
    "a negative length": b"Content-Length: -5\r\n\r\n" + BODY,
    "a signed length": b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
    "two lengths": b"Content-Length: 5\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "a length beyond all": b"Content-Length: 99999999999999999999\r\n\r\n" + BODY,
    "a huge header": b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "too many headers": b"".join(b"X-%d: a\r\n" % n for n in range(5_000)) + b"\r\n",
    "a folded header": b'X-Folded: a\r\n b\r\nContent-Length: 5\r\n\r\n{"a":',
    "NUL in a header": b"X-Nul: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "a header without a name": b": a\r\nContent-Length: 2\r\n\r\n{}",
    "a blank before the colon": b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY,
    "two types": b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "another method in a header": b"X-HTTP-Method-Override: GET\r\nContent-Length: 2\r\n\r\n{}",
    "a type beyond reading": b"Content-Type: application/json; charset*=x''%%41\r\nContent-Length: 2\r\n\r\n{}",
    "an expectation": b"Expect: nonsense\r\nContent-Length: 2\r\n\r\n{}",
}
LINES = {
    "nothing": b"\r\n\r\n",
    "noise": bytes(range(256)) * 4,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /api/health\r\n\r\n",
    "another version": b"GET /api/health HTTP/9.9\r\n" + HOST + b"\r\n",
    "a long address": b"GET /api/" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long query": b"GET /api/health?" + b"a" * 60_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many parameters": b"GET /api/health?" + b"a&" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw bytes in an address": b"GET /api/\xff\xfe\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in an address": b"GET /api/%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a bad escape": b"GET /api/%zz?%zz HTTP/1.1\r\n" + HOST + b"\r\n",
    "an escape that is no text": b"GET /api/%ff?%ff HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address above all": b"GET /api/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "a proxy's address": b"GET http://evil.example/api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET /api/health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/health HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "another host": b"GET /api/health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "TRACE": b"TRACE /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "OPTIONS of all": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of our own": b"SMUGGLE /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long method": b"A" * 70_000 + b" /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
}


def talk(address: tuple[str, int], sent: bytes) -> bytes:
    """All that the server says to this, until it hangs up or is silent for a second."""
    with socket.create_connection(address, timeout=SECONDS) as line:
        answer = b""
        try:
            line.sendall(sent)
            line.settimeout(2)
            while piece := line.recv(65_536):
                answer += piece
        except (TimeoutError, ConnectionError):
            pass
        return answer


def statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] ([0-9]{3})", answer)]


def healthy(address: tuple[str, int]) -> bool:
    return statuses(talk(address, b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")) == [200]


class TestRawBytes:
    @pytest.mark.soak
    @pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
    def test_that_begin_no_request_of_ours_make_no_5xx(self, address: tuple[str, int], line: bytes) -> None:
        answer = talk(address, line)
        assert [status for status in statuses(answer) if status >= 500] == [], answer[:500]
        assert healthy(address)

    @pytest.mark.soak
    @pytest.mark.parametrize("rest", REQUESTS.values(), ids=REQUESTS.keys())
    def test_that_lie_about_their_body_change_nothing(
        self, scene: Scene, address: tuple[str, int], rest: bytes
    ) -> None:
        login = scene.clients["OPS"]._credentials["HTTP_AUTHORIZATION"].encode()
        kind = b"" if b"Content-Type" in rest else b"Content-Type: application/json\r\n"
        head = b"POST /api/accounts/parties HTTP/1.1\r\nAuthorization: " + login + b"\r\n" + HOST + kind
        answer = talk(address, head + rest)
        found = statuses(answer)
        assert all(400 <= status < 500 for status in found if status != 100), answer[:500]
        assert healthy(address)

    def test_that_are_a_proper_command_would_have_changed_something(
        self, scene: Scene, address: tuple[str, int], before: dict[str, tuple[int, str]]
    ) -> None:
        """Or the refusals above would prove nothing."""
        login = scene.clients["OPS"]._credentials["HTTP_AUTHORIZATION"].encode()
        head = b"POST /api/accounts/parties HTTP/1.1\r\nAuthorization: " + login + b"\r\n" + HOST
        rest = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
        assert changes(before) == {}
        assert statuses(talk(address, head + rest)) == [201]
        assert "accounts_party" in changes(before)
        before.update(digest())

    def test_that_pipeline_a_second_request_get_two_answers(self, address: tuple[str, int]) -> None:
        one = b"GET /api/nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        assert statuses(talk(address, one + one)) == [404, 404]

    def test_of_a_head_are_answered_without_a_body(self, address: tuple[str, int]) -> None:
        answer = talk(address, b"HEAD /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
        assert statuses(answer) == [200]
        assert answer.endswith(b"\r\n\r\n")

    def test_of_a_head_refused_are_answered_without_a_body(self, address: tuple[str, int]) -> None:
        answer = talk(address, b"HEAD /api/nowhere HTTP/1.1\r\n" + HOST + b"\r\n")
        assert statuses(answer) == [404]
        assert answer.endswith(b"\r\n\r\n")

    @pytest.mark.soak
    def test_that_drip_hold_nobody_up(self, address: tuple[str, int]) -> None:
        drips = [socket.create_connection(address, timeout=SECONDS) for _ in range(50)]
        try:
            for each in drips:
                each.sendall(b"POST /api/auth/token HTTP/1.1\r\n" + HOST + b"X-Slow: ")
            for _ in range(5):
                for each in drips:
                    each.sendall(b"a")
                began = time.monotonic()
                assert healthy(address)
                assert time.monotonic() - began < 10
                time.sleep(0.5)
        finally:
            for each in drips:
                each.close()


class TestRefusedByTheApplication:
    def test_wear_the_envelope(self, address: tuple[str, int]) -> None:
        for line, status in (
            ("another host", 400),
            ("an escape that is no text", 400),
            ("a long query", 400),
            ("many parameters", 400),
            ("TRACE", 405),
            ("a method of our own", 405),
            ("NUL in an address", 404),
        ):
            answer = talk(address, LINES[line])
            head, _, body = answer.partition(b"\r\n\r\n")
            assert statuses(answer) == [status], (line, answer[:300])
            assert json.loads(body)["success"] is False, line
            assert b"x-request-id" in head.lower(), line
