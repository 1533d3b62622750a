"""Environment variables mean one thing or stop the start, and no message repeats what they hold."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from config.variables import Misconfigured, Variables

LONG = "pA4-x9_Qw7Zk2mVbN8sJ0dLr5TfHy3Uc6Ge1Ri"


@pytest.fixture
def env() -> Variables:
    return Variables(production=True)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda value: monkeypatch.setenv("A_NAME", value)


def url(env: Variables) -> str:
    return env.url("A_NAME", schemes=("redis", "rediss"), development="redis://127.0.0.1:1/0")


READERS: dict[str, Callable[[Variables], Any]] = {
    "flag": lambda env: env.flag("A_NAME", default=False),
    "whole": lambda env: env.whole("A_NAME", 5, least=1, most=10),
    "choice": lambda env: env.choice("A_NAME", ("INFO", "DEBUG"), "INFO"),
    "hosts": lambda env: env.hosts("A_NAME"),
    "origins": lambda env: env.origins("A_NAME"),
    "networks": lambda env: env.networks("A_NAME"),
    "url": url,
    "secret": lambda env: env.secret("A_NAME", "development", shortest=32),
    "vendor_secret": lambda env: env.vendor_secret("A_NAME"),
}


class TestWhatIsRead:
    @pytest.mark.parametrize(
        ("reader", "value", "expected"),
        [
            ("flag", "true", True),
            ("flag", "TRUE", True),
            ("flag", "1", True),
            ("flag", "off", False),
            ("flag", "", False),
            ("whole", "10", 10),
            ("whole", " 7 ", 7),
            ("whole", "", 5),
            ("choice", "DEBUG", "DEBUG"),
            ("hosts", "a.example.com, [::1],127.0.0.1", ["a.example.com", "[::1]", "127.0.0.1"]),
            (
                "origins",
                "https://a.example.com,https://b.example.com:8443",
                ["https://a.example.com", "https://b.example.com:8443"],
            ),
            ("networks", "10.0.0.0/8, ::1", [ip_network("10.0.0.0/8"), ip_network("::1/128")]),
            ("url", "rediss://:p@h:6379/0", "rediss://:p@h:6379/0"),
            ("secret", LONG, LONG),
            ("secret", "$" + LONG, "$" + LONG),
            ("vendor_secret", "k", "k"),
            ("vendor_secret", "", ""),
        ],
    )
    def test_is_typed(self, env: Variables, given: Callable, reader: str, value: str, expected: object) -> None:
        given(value)
        assert READERS[reader](env) == expected
        env.refuse()

    @pytest.mark.parametrize(
        ("reader", "value"),
        [
            ("flag", "maybe"),
            ("flag", "2"),
            ("whole", "0"),
            ("whole", "11"),
            ("whole", "1e1"),
            ("whole", "1_0"),
            ("whole", "٣"),
            ("whole", "five"),
            ("whole", "9" * 10_000),
            ("choice", "LOUD"),
            ("hosts", "*"),
            ("hosts", ".example.com"),
            ("hosts", "https://a.example.com"),
            ("hosts", "a.example.com:443"),
            ("hosts", "a b"),
            ("origins", "*"),
            ("origins", "https://*.example.com"),
            ("origins", "http://a.example.com"),
            ("origins", "https://a.example.com/"),
            ("origins", "https://user@a.example.com"),
            ("origins", "a.example.com"),
            ("origins", "https://a.example.com:port"),
            ("origins", "null"),
            ("networks", "10.0.0.1/8"),
            ("networks", "10.0.0.0/33"),
            ("networks", "proxy"),
            ("url", "http://h"),
            ("url", "redis:/"),
            ("url", "redis://:a#b@h:6379/0"),
            ("url", "redis://h:port"),
            ("url", "redis://[::1/0"),
            ("url", "redis://h/0\nx"),
            ("secret", "short"),
            ("secret", "ab" * 40),
            ("secret", "development-only-" + LONG),
            ("secret", "django-insecure-" + LONG),
            ("secret", "change_me_" + LONG),
            ("vendor_secret", "your_jumio_token"),
            ("vendor_secret", "two words"),
            ("vendor_secret", "key\n"),
            ("vendor_secret", "changeme"),
        ],
    )
    def test_is_refused_by_name_alone(self, env: Variables, given: Callable, reader: str, value: str) -> None:
        given(value)
        READERS[reader](env)
        with pytest.raises(Misconfigured, match="A_NAME must be "):
            env.refuse()

    def test_is_not_repeated(self, env: Variables, given: Callable) -> None:
        given("hunter2 hunter2")
        for read in READERS.values():
            read(env)
        assert len(env.problems) == len(READERS)
        assert "hunter2" not in " ".join(env.problems)


class TestSecrets:
    def test_have_no_default_in_production(self, env: Variables) -> None:
        env.secret("A_NAME", "development", shortest=32)
        with pytest.raises(Misconfigured, match="A_NAME is not set"):
            env.refuse()

    def test_have_one_in_development(self) -> None:
        env = Variables(production=False)
        assert env.secret("A_NAME", "development", shortest=32) == "development"
        env.refuse()

    def test_may_not_serve_two_ends(self, env: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("A_NAME", "B_NAME"):
            monkeypatch.setenv(name, LONG)
            env.secret(name, "development", shortest=32)
        with pytest.raises(Misconfigured, match="B_NAME must be another secret than A_NAME"):
            env.refuse()
