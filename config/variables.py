"""Typed readers of environment variables.

What is missing or wrong is gathered, so that one start names all of it; no message repeats a value.
"""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
# What stands in examples, and what people type when they are asked for a secret.
PLACEHOLDER = re.compile(
    r"development|insecure|change.?me|example|placeholder|dummy|password|your[-_ ]|x{6}|\.\.\.|^<.*>$", re.IGNORECASE
)
FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
MARKS = re.compile(r"[\x00-\x20\x7f]")
HOST = re.compile(r"\*|\.?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)


class Misconfigured(ImproperlyConfigured):
    """The environment does not say what this process needs: names variables, never their values."""


@dataclass
class Variables:
    """Reads the process environment. An empty variable is an unset one. `names` keeps what was asked for."""

    production: bool = True
    problems: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    _secrets: dict[str, str] = field(default_factory=dict, repr=False)
    _in_urls: set[str] = field(default_factory=set, repr=False)

    def refuse(self) -> None:
        """Raise Misconfigured if anything read so far was missing or wrong."""
        if self.problems:
            named = dict.fromkeys(self.problems)  # one variable may be read for two settings
            raise Misconfigured("\n  ".join(["the environment is not complete (see .env.example):", *named]))

    def wrong(self, name: str, expected: str) -> None:
        """Note that a variable holds what it may not."""
        self.problems.append(f"{name} must be {expected}")

    def text(self, name: str, default: str = "") -> str:
        """The variable as it stands."""
        self.names.add(name)
        return os.environ.get(name, "").strip() or default

    def required(self, name: str, development: str) -> str:
        """The variable, or in development its default; production has none."""
        found = self.text(name)
        if found or not self.production:
            return found or development
        self.problems.append(f"{name} is not set: production has no default for it")
        return development

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of a few words."""
        found = self.text(name, default)
        if found not in allowed:
            self.wrong(name, f"one of {', '.join(allowed)}")
            return default
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false, and nothing that could be either."""
        found = self.text(name).lower()
        if found and found not in TRUE | FALSE:
            self.wrong(name, "true or false")
        return found in TRUE if found else default

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 2**63 - 1) -> int:
        """A whole number in plain digits, within bounds."""
        found = self.text(name)
        if not found:
            return default
        if not re.fullmatch("-?[0-9]{1,19}", found, re.ASCII) or not least <= int(found) <= most:
            self.wrong(name, f"a whole number from {least} to {most}")
            return default
        return int(found)

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A list, separated by commas."""
        found = [word.strip() for word in self.text(name).split(",") if word.strip()]
        return found or list(default)

    def hosts(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Host names. In production each is explicit: no wildcard."""
        found = self.words(name, default)
        if any(not HOST.fullmatch(host) or (self.production and host[0] in "*.") for host in found):
            self.wrong(name, "host names such as books.example.com, without a scheme, a port or a wildcard")
        return found

    def origins(self, name: str) -> list[str]:
        """Web origins: scheme, host and nothing after it; https in production."""
        found = self.words(name)
        if not all(self._is_origin(origin) for origin in found):
            self.wrong(name, "origins such as https://desk.example.com, without a path or a wildcard")
        return found

    def networks(self, name: str) -> list[IPv4Network | IPv6Network]:
        """Networks in CIDR notation; none where it is unset."""
        try:
            return [ip_network(word) for word in self.words(name)]
        except ValueError:
            self.wrong(name, "networks such as 10.0.0.0/8,2001:db8::/32, with no bit set beyond the prefix")
            return []

    def files(self, *names: str) -> list[str]:
        """Files that belong together: all of them or none, each readable."""
        found = [self.text(name) for name in names]
        for name, path in zip(names, found, strict=True):
            if any(found) and not (Path(path).is_file() and os.access(path, os.R_OK)):
                self.wrong(name, f"a file that this process may read (it goes with {', '.join({*names} - {name})})")
        return found

    def url(self, name: str, *, schemes: Collection[str], development: str) -> str:
        """The URL of a server the system cannot do without."""
        found = self.required(name, development)
        parts = split(found)
        if parts is None or parts.scheme not in schemes or found == f"{parts.scheme}:{parts.path}":
            self.wrong(name, f"a URL: {' or '.join(f'{scheme}://' for scheme in schemes)}, marks in it percent-encoded")
            return development
        self._in_urls |= _secrets_of(parts)
        return found

    def secret_values(self) -> set[str]:
        """Every secret read so far, and those inside of URLs: what no log may tell."""
        return {*self._secrets.values(), *self._in_urls}

    def secret(self, name: str, development: str, *, shortest: int) -> str:
        """A key of our own: in production long, of many characters, not an example's and not another variable's."""
        found = self.required(name, development)
        if self.production and found != development:
            self._check_secret(name, found, shortest)
        self._secrets[name] = found
        return found

    def vendor_secret(self, name: str) -> str:
        """A key that somebody else made, or nothing: one printable word, in production not an example's."""
        self.names.add(name)
        found = os.environ.get(name, "")
        if MARKS.search(found):
            self.wrong(name, "one word, without blanks or line ends")
        elif self.production and PLACEHOLDER.search(found):
            self.wrong(name, "a key of yours: it holds an example's")
        if found:
            self._secrets[name] = found
        return found

    def passphrase(self, name: str) -> str:
        """Words that open a file, or nothing: as they stand, blanks among them."""
        self.names.add(name)
        found = os.environ.get(name, "")
        if found:
            self._secrets[name] = found
        return found

    def fernet_key(self, name: str, development: str) -> str:
        """A key of Fernet's form, of development: 32 bytes in URL-safe base64."""
        found = self.vendor_secret(name)
        if found and not FERNET_KEY.fullmatch(found):
            self.wrong(name, "32 random bytes in URL-safe base64: 44 characters, the last of which is =")
            return development
        return found or development

    def _is_origin(self, text: str) -> bool:
        parts = split(text)
        if parts is None or parts.scheme not in ({"https"} if self.production else {"https", "http"}):
            return False
        explicit = HOST.fullmatch(parts.hostname or "") and not set("*@") & set(text)
        return bool(explicit) and text == f"{parts.scheme}://{parts.netloc}"

    def _check_secret(self, name: str, found: str, shortest: int) -> None:
        if len(found) < shortest or len(set(found)) < 10:
            self.wrong(name, f"{shortest} or more random characters in production")
        elif PLACEHOLDER.search(found):
            self.wrong(name, "a secret of your own in production: it holds an example's")
        elif same := [other for other, value in self._secrets.items() if value == found and other != name]:
            self.wrong(name, f"another secret than {same[0]}")


def split(url: str) -> SplitResult | None:
    """The URL's parts; None for what is none (a port of letters, half a bracket, blanks)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if MARKS.search(url) else parts


def _secrets_of(parts: SplitResult) -> set[str]:
    """A URL's password, as written and as meant, and a long path or query: a node's access key stands there."""
    found = {parts.password or "", unquote(parts.password or "")}
    if parts.scheme in {"http", "https"}:
        found |= {text for text in (*parts.path.split("/"), *parts.query.split("&")) if len(text) >= 16}
    return found - {""}
