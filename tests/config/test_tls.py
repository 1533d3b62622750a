"""TLS 1.3 to our own servers, 1.2 or newer to vendors: shown on sockets that speak one version only."""

import datetime
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kombu import Connection
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from apps.core import tls
from config.databases import database
from tests.architecture.test_production import start

V11, V12, V13 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
REFUSED = r"(?i)protocol version|handshake"
Talk = Callable[[socket.socket, Callable[[socket.socket], ssl.SSLSocket]], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, signed by itself, with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
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
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


@contextmanager
def server(certificate: Path, version: ssl.TLSVersion, talk: Talk) -> Iterator[int]:
    """A server on loopback that speaks this one version; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.settimeout(5)
                with suppress(OSError), client:
                    talk(client, lambda plain: context.wrap_socket(plain, server_side=True))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def redis(client: socket.socket, secure: Callable[[socket.socket], ssl.SSLSocket]) -> None:
    """Greets, says PONG to a PING and OK to whatever else."""
    answers = {b"HELLO": b"%1\r\n$5\r\nproto\r\n:3\r\n", b"PING": b"+PONG\r\n"}
    with secure(client) as talking:
        while asked := talking.recv(4096):
            for command in asked.split(b"*")[1:]:
                word = command.split(b"\r\n")[2]
                talking.sendall(answers.get(word, b"+OK\r\n"))


def postgres(client: socket.socket, secure: Callable[[socket.socket], ssl.SSLSocket]) -> None:
    """Agrees to TLS, then lets nobody in: whoever reads that was in TLS with it."""
    client.recv(8)
    client.sendall(b"S")
    with secure(client) as talking:
        talking.recv(4096)
        body = b"SFATAL\0VFATAL\0C28000\0Mno entry here\0\0"
        talking.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)


def http(client: socket.socket, secure: Callable[[socket.socket], ssl.SSLSocket]) -> None:
    with secure(client) as talking:
        talking.recv(4096)
        talking.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


class TestRedis:
    def url(self, port: int, certificate: Path) -> str:
        return tls.secured(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}")

    def test_that_speaks_1_3_is_spoken_to(self, certificate: Path) -> None:
        with server(certificate, V13, redis) as port, Redis.from_url(self.url(port, certificate), protocol=2) as client:
            assert client.ping()

    def test_that_speaks_1_2_is_refused(self, certificate: Path) -> None:
        with (
            server(certificate, V12, redis) as port,
            Redis.from_url(self.url(port, certificate)) as client,
            pytest.raises(RedisConnectionError, match=REFUSED),
        ):
            client.ping()

    @pytest.mark.parametrize(("version", "accepted"), [(V13, True), (V12, False)])
    def test_as_a_broker_likewise(self, certificate: Path, version: ssl.TLSVersion, accepted: bool) -> None:
        with server(certificate, version, redis) as port:
            url, options = tls.broker(self.url(port, certificate))
            with Connection(url, ssl=options) as broker:
                if accepted:
                    assert broker.default_channel.client.ping()
                else:
                    with pytest.raises(
                        (OperationalError, RedisConnectionError), match=r"(?i)protocol version|handshake"
                    ):
                        broker.default_channel.client.ping()

    def test_without_a_known_certificate_is_refused(self, certificate: Path) -> None:
        with (
            server(certificate, V13, redis) as port,
            Redis.from_url(tls.secured(f"rediss://localhost:{port}/0")) as client,
            pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.ping()


class TestDatabase:
    def refusal(self, certificate: Path, version: ssl.TLSVersion, root: Path | None = None) -> str:
        with server(certificate, version, postgres) as port:
            # The way of a database elsewhere: to libpq the certificate's name is the host, wherever that is.
            url = tls.secured(f"postgres://app:unused@localhost.:{port}/books?sslrootcert={root or certificate}")
            asked = database(url, {})["OPTIONS"]
            options = {name: value for name, value in asked.items() if name.startswith("ssl")}
            assert options["sslmode"] == "verify-full"
            with pytest.raises(psycopg2.OperationalError) as refused:
                psycopg2.connect(host="localhost", port=port, user="app", dbname="books", **options)
            return str(refused.value)

    def test_that_speaks_1_3_is_spoken_to(self, certificate: Path) -> None:
        assert "no entry here" in self.refusal(certificate, V13)

    def test_that_speaks_1_2_is_refused(self, certificate: Path) -> None:
        said = self.refusal(certificate, V12)
        assert "no entry here" not in said
        assert "protocol" in said

    def test_without_a_known_certificate_is_refused(self, certificate: Path) -> None:
        said = self.refusal(certificate, V13, root=Path("system"))
        assert "certificate verify failed" in said


class TestVendors:
    def get(self, certificate: Path, version: ssl.TLSVersion, context: ssl.SSLContext) -> int:
        with server(certificate, version, http) as port, httpx.Client(verify=context, trust_env=False) as client:
            return client.get(f"https://localhost:{port}/").status_code

    @pytest.mark.parametrize("version", [V12, V13])
    def test_that_speak_1_2_or_newer_are_spoken_to(self, certificate: Path, version: ssl.TLSVersion) -> None:
        assert self.get(certificate, version, tls.vendor_context(certificate)) == 200

    def test_that_speak_1_1_are_refused(self, certificate: Path) -> None:
        lax = ssl.create_default_context(cafile=str(certificate))
        lax.set_ciphers("ALL:@SECLEVEL=0")
        lax.minimum_version = V11
        # The socket does speak 1.1, to whoever lets it.
        assert self.get(certificate, V11, lax) == 200
        with pytest.raises(httpx.ConnectError, match=r"(?i)protocol|version"):
            self.get(certificate, V11, tls.vendor_context(certificate))

    def test_of_unknown_authorities_are_refused(self, certificate: Path) -> None:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            self.get(certificate, V13, tls.vendor_context())


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "postgres://a:b@db.example.com/x",
            "postgres://a:b@db.example.com/x?sslmode=verify-full&sslrootcert=/run/ca.pem",
            "postgres://a:b@127.0.0.1:5432/x",
            "postgres://a:b@/x?host=/run/postgresql",
            "rediss://:b@r.example.com:6379/0",
            "redis://localhost/0",
            "https://node.example.com/key",
            "http://127.0.0.1:8545",
        ],
    )
    def test_that_are_secure(self, url: str) -> None:
        assert tls.is_secure(url)

    @pytest.mark.parametrize(
        "url",
        [
            "postgres://a:b@db.example.com/x?sslmode=require",
            "postgres://a:b@db.example.com/x?sslmode=disable",
            "postgres://a:b@db.example.com/x?ssl_min_protocol_version=TLSv1.2",
            "postgres://a:b@127.0.0.1.example.com/x?sslmode=prefer",
            "postgres://a:b@localhost/x?host=db.example.com&sslmode=require",
            "redis://r.example.com/0",
            "rediss://r.example.com/0?ssl_cert_reqs=none",
            "rediss://r.example.com/0?ssl_check_hostname=false",
            "rediss://r.example.com/0?ssl_min_version=771",
            "http://node.example.com",
        ],
    )
    def test_that_are_not(self, url: str) -> None:
        assert not tls.is_secure(url)

    def test_stay_as_they_are_on_this_machine(self) -> None:
        assert tls.secured("postgres://a:b@127.0.0.1:5432/x") == "postgres://a:b@127.0.0.1:5432/x"

    def test_that_are_not_secure_are_refused_in_production_unless_named(self) -> None:
        asked = {"REDIS_URL": "redis://r.example.com/0", "CHAIN_RPC_URL": "http://node.example.com"}
        done = start("manage.py", "check", **asked, PLAINTEXT_SERVERS="CHAIN_RPC_URL")
        assert done.returncode != 0
        assert "REDIS_URL must be a URL with checked TLS" in done.stderr
        assert "CHAIN_RPC_URL" not in done.stderr
        assert start("manage.py", "check", **asked, PLAINTEXT_SERVERS="CHAIN_RPC_URL,REDIS_URL").returncode == 0
