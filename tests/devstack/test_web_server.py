"""The web server as production runs it: slow clients, TLS, dead workers, a dead server, and requests in hand."""

import datetime
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.core.devstack.layout import CHECKOUT
from apps.core.devstack.ports import free_port
from apps.core.testing.databases import urls_of
from apps.core.testing.waiting import until

HEALTH = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@dataclass(frozen=True)
class Web:
    """A server of the test's own."""

    process: "subprocess.Popen[bytes]"
    port: int
    context: ssl.SSLContext | None = None

    def get(self, path: str = "/api/health", context: ssl.SSLContext | None = None) -> http.client.HTTPResponse:
        wanted = context or self.context
        connection = (
            http.client.HTTPSConnection("localhost", self.port, timeout=5, context=wanted)
            if wanted
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        )
        connection.request("GET", path)
        return connection.getresponse()

    def answers(self) -> bool:
        try:
            return self.get().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def say(self, data: bytes) -> bytes:
        """The answer to these bytes, whole."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def start(tmp_path: Path, **environment: str) -> "subprocess.Popen[bytes]":
    log = (tmp_path / "web.log").open("w")
    command = [sys.executable, "-m", "config.server"]
    return subprocess.Popen(command, cwd=CHECKOUT, env=os.environ | environment, stdout=log, stderr=log)


def serving(tmp_path: Path, context: ssl.SSLContext | None = None, **environment: str) -> Iterator[Web]:
    port = free_port()
    web = Web(start(tmp_path, WEB_PORT=str(port), WEB_WORKERS="2", WEB_THREADS="4", **environment), port, context)
    try:
        until(web.answers)
        yield web
    finally:
        web.process.terminate()
        web.process.wait(30)


@pytest.fixture(scope="class")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    yield from serving(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="class")
def own_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One that the tests break, in their order."""
    yield from serving(tmp_path_factory.mktemp("own"))


class TestTheWebServer:
    def test_answers_while_many_clients_are_slow_with_their_headers(self, web: Web) -> None:
        with ExitStack() as stack:
            for _ in range(40):
                slow = stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
                slow.sendall(HEALTH + b"X-Slow: ")
            assert web.get().status == 200

    def test_refuses_headers_beyond_its_bound(self, web: Web) -> None:
        assert web.say(HEALTH + b"X-Large: " + b"a" * 200_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431")

    @pytest.mark.parametrize(
        "head",
        [
            b"\x00\x01\x02 garbage\r\n\r\n",
            b"GET /\r\n\r\n",
            HEALTH + b"X-Nul: a\x00b\r\n\r\n",
            HEALTH + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
            HEALTH + b"Content-Length: -1\r\n\r\n",
            HEALTH + b"Content-Length: 99999999999999999999\r\n\r\n",
        ],
        ids=["no HTTP", "HTTP/0.9", "NUL in a header", "two lengths", "negative length", "impossible length"],
    )
    def test_refuses_what_is_not_http(self, web: Web, head: bytes) -> None:
        assert web.say(head).startswith(b"HTTP/1.1 400")
        assert web.get().status == 200

    def test_does_not_tell_its_version(self, web: Web) -> None:
        assert web.get().getheader("Server") == "granian"

    def test_the_probe_sees_that_it_lives(self, web: Web) -> None:
        command = [sys.executable, "-m", "config.probe"]
        alive, dead = (
            subprocess.run(
                command, cwd=CHECKOUT, env=os.environ | {"WEB_PORT": port}, capture_output=True, check=False
            ).returncode
            for port in (str(web.port), str(free_port()))
        )
        assert (alive, dead) == (0, 1)


class TestWorkers:
    def test_one_killed_is_replaced_and_the_others_answer(self, own_web: Web) -> None:
        before = own_web.workers()
        before[0].kill()
        until(lambda: len(own_web.workers()) == 2 and before[0].pid not in {w.pid for w in own_web.workers()})
        until(own_web.answers)
        assert own_web.process.poll() is None

    def test_none_outlives_a_killed_server(self, own_web: Web) -> None:
        workers = own_web.workers()
        assert len(workers) == 2
        own_web.process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(workers, timeout=15)
        assert alive == []

    def test_sigterm_lets_requests_in_hand_end(self, books: str, tmp_path: Path) -> None:
        """A login's argon2 hash takes a while; the server is told to end in the middle of several."""
        serve = serving(tmp_path, **urls_of(books))
        own_web = next(serve)
        answers: list[int] = []

        def log_in() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", own_web.port, timeout=20)
            body = json.dumps({"username": "nobody.here", "password": "a wrong password, long enough"})
            connection.request("POST", "/api/auth/token", body, {"Content-Type": "application/json"})
            sent.release()
            answers.append(connection.getresponse().status)

        sent = threading.Semaphore(0)
        clients = [threading.Thread(target=log_in) for _ in range(4)]
        for client in clients:
            client.start()
        for _ in clients:
            sent.acquire()
        time.sleep(0.05)
        own_web.process.terminate()
        for client in clients:
            client.join(30)
        assert answers == [401] * 4
        assert own_web.process.wait(30) == 0


@pytest.fixture(scope="class")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost and its key, as PEM files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(made.public_bytes(encoding))
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, private, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="class")
def secure_web(certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    cert, key = certificate
    context = ssl.create_default_context(cafile=str(cert))
    files = {"WEB_TLS_CERTIFICATE": str(cert), "WEB_TLS_KEY": str(key)}
    for web in serving(tmp_path_factory.mktemp("web"), context, **files):
        yield web
        # Once it was spoken to in plain HTTP it waits out its ten seconds of grace when it is told to end.
        for each in (psutil.Process(web.process.pid), *web.workers()):
            each.kill()


class TestTls:
    def test_speaks_tls_1_3(self, secure_web: Web) -> None:
        assert secure_web.context is not None
        with (
            socket.create_connection(("localhost", secure_web.port), timeout=5) as plain,
            secure_web.context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.version() == "TLSv1.3"
        assert secure_web.get().status == 200

    def test_refuses_a_client_that_speaks_only_tls_1_2(self, secure_web: Web, certificate: tuple[Path, Path]) -> None:
        old = ssl.create_default_context(cafile=str(certificate[0]))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError, match="alert protocol version"):
            secure_web.get(context=old)

    def test_refuses_plain_http_on_its_tls_port(self, secure_web: Web) -> None:
        plain = http.client.HTTPConnection("127.0.0.1", secure_web.port, timeout=5)
        with pytest.raises((OSError, http.client.HTTPException)):
            plain.request("GET", "/api/health")
            plain.getresponse()


class TestItsEnvironment:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("WEB_PORT", "eighty"),
            ("WEB_PORT", "70000"),
            ("WEB_WORKERS", "0"),
            ("WEB_THREADS", "-4"),
            ("WEB_TLS_CERTIFICATE", "/nowhere/cert.pem"),
            ("WEB_TLS_KEY", "/nowhere/key.pem"),
        ],
    )
    def test_refuses_to_start_and_names_what_is_wrong(self, tmp_path: Path, name: str, value: str) -> None:
        process = start(tmp_path, **{name: value})
        assert process.wait(30) == 1
        assert name in (tmp_path / "web.log").read_text()
