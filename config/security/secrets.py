"""Secrets: the file names the variable, the environment holds the value, and nothing prints it."""

import re
from dataclasses import dataclass, field

VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
# Tokens of vendors, keys in PEM, addresses with a password, and hooks whose address is the secret.
_KNOWN = re.compile(
    r"(?i)\b(sk|pk|rk|api|whsec|xox[abp]|ghp|glpat|SG)[-_.][a-z0-9_./+-]{8,}|\bAKIA[A-Z0-9]{12}|-----BEGIN|://[^/\s]*@"
    r"|hooks\.slack\.com|\beyJ[A-Za-z0-9_-]{8,}"
)
_DENSE = re.compile(r"[A-Za-z0-9+/_=-]{20,}")


class SecretUnset(RuntimeError):
    """The variable that holds a secret is not set: its service cannot be used."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value of the environment. Its text form is the variable's name."""

    variable: str
    _value: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.variable

    @property
    def is_set(self) -> bool:
        """Whether the environment holds a value."""
        return bool(self._value)

    def reveal(self) -> str:
        """The value, for the one call that needs it. Raises SecretUnset."""
        if not self._value:
            raise SecretUnset(f"{self.variable} is not set")
        return self._value


def looks_secret(text: str) -> bool:
    """Whether a text is probably a credential: a known shape, or long, dense and mixed."""
    if VARIABLE.fullmatch(text):
        return False
    return bool(_KNOWN.search(text)) or any(_is_mixed(run) for run in _DENSE.findall(text))


def _is_mixed(run: str) -> bool:
    kinds = (str.isdigit, str.islower, str.isupper)
    return sum(any(kind(letter) for letter in run) for kind in kinds) >= 2 and any(map(str.isdigit, run))
