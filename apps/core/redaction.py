"""What may not be told: secrets and personal data are taken out of text and of named values.

Three nets, for each has holes: by the name that a value stands under, by the shape of the text, and by the very
values of this process's own secrets.
"""

import itertools
import re
from collections.abc import Collection, Mapping
from typing import Any

WITHHELD = "[redacted]"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORD = re.compile(
    "password|passwd|pwd|passphrase|secret|token|authorization|cookie|credentials?|apikey|jwt|bearer|otp|totp|pin|cvv"
    "|csrftoken|csrfmiddlewaretoken|sessionid|mnemonic|signature|email|mail|phone|ssn|passport|iban|birth|birthday|dob"
)
_SECRET_PAIR = re.compile(
    "(?:api|access|private|signing|encryption|master|auth|integration|session|routing|data) key"
    "|(?:document|passport|identity|license|licence|tax|national|card|phone|account) number"
    "|(?:legal|first|last|given|family|full) name"
)
# A token is also what this system trades: an address, an asset's code or a count is no credential.
_TRADED = re.compile(r"0x[0-9a-fA-F]{40}|[0-9]{1,9}|[A-Z]{2,12}", re.ASCII)
_NAMES = (
    r"passw(?:or)?d|passwd|pwd|passphrase|secret|authorization|cookie|credentials?|jwt|otp|mnemonic|ssn|e?mail"
    r"|csrf\w*|sessionid|(?:api|access|private|signing|encryption|session|routing|integration)[_-]?key"
    r"|(?:document|passport|identity|licen[cs]e|tax|national|card)[_-]?number|secret[_-]?key|passport"
)
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?:Bearer|Basic|Token|Digest)\s+)?[^\s,;&'"(){}\[\]]+)"""
_NOT_TRADED = rf"""(?!["']?(?:{_TRADED.pattern})["']?(?![\w.-]))"""


def _named(names: str, value: str) -> re.Pattern[str]:
    """`name=value`, `"longerName": "value"`, `Name: Scheme value`."""
    return re.compile(rf"(?i)((?:{names})[\"']?\s{{0,3}}[:=]\s{{0,3}}){value}")


# What a rule looks for, what it puts there, and what any of which the text (in lower case) has, or it is not asked.
_RULES: tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL), WITHHELD, ("-----begin",)),
    (re.compile(r"(?<=://)[^/\s\"'<>]*@"), f"{WITHHELD}@", ("://",)),
    (re.compile(r"hooks\.slack\.com/services/[\w/-]+"), f"hooks.slack.com/services/{WITHHELD}", ("hooks.slack",)),
    (_named(_NAMES, _VALUE), rf"\1{WITHHELD}", (":", "=")),
    (_named("token", _NOT_TRADED + _VALUE), rf"\1{WITHHELD}", ("token",)),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), WITHHELD, ("eyj",)),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,}"), rf"\1 {WITHHELD}", ("bearer", "basic")),
    (re.compile(r"\b[spr]k_(?:live|test)_\w+"), WITHHELD, ("k_live", "k_test")),
    (re.compile(r"\bSG\.[\w-]{16,}\.[\w-]{16,}"), WITHHELD, ("sg.",)),
    (re.compile(r"\b(?:xox[abprs]-[\w-]+|AKIA[0-9A-Z]{16})"), WITHHELD, ("xox", "akia")),
    (re.compile(r"\b(?:whsec_[\w+/=]+|gh[pousr]_\w{20,})"), WITHHELD, ("whsec_", "gh")),
    (re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}"), WITHHELD, ("@",)),
    (re.compile(r"(?<![\w-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w-])"), WITHHELD, ("-",)),
    (
        re.compile(
            r"(?i)\b((?:passport|document|identity card|national id|licen[cs]e)(?: (?:no|nr|number)\.?)?[ :#]{1,3})"
            r"(?=[A-Z0-9-]{0,19}[0-9])[A-Z0-9-]{6,20}\b"
        ),
        rf"\1{WITHHELD}",
        ("passport", "document", "identity", "national", "licen"),
    ),
)
# PostgreSQL quotes the refused row or key: names, hashes, whatever stood in it.
_QUOTED = re.compile(
    r"^(?:DETAIL|CONTEXT|QUERY):.*?(?=\n\n(?:The above exception|During handling)|\Z)", re.MULTILINE | re.DOTALL
)
_SHORTEST_KNOWN = 8


class Redactor:
    """Takes out what may not be told. `known` are this process's own secrets, wherever they turn up."""

    def __init__(self, known: Collection[str] = ()) -> None:
        # Short ones would take ordinary words with them.
        worth = sorted({value for value in known if len(value) >= _SHORTEST_KNOWN}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, worth))) if worth else None

    def text(self, text: str) -> str:
        """The text without secrets and personal data."""
        if self._known:
            text = self._known.sub(WITHHELD, text)
        lower = text.lower()
        for pattern, instead, needs in _RULES:
            if any(part in lower for part in needs):
                text = pattern.sub(instead, text)
        return text

    def traceback(self, text: str) -> str:
        """A traceback without them, and without what the database quotes of the data."""
        return self.text(_QUOTED.sub("DETAIL:  withheld", text))


def is_secret_name(name: str) -> bool:
    """Whether a value under this name (api_key, clientSecret, X-Auth-Token) may not be told."""
    words = [word.lower() for word in _WORDS.findall(name)]
    pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
    return any(map(_SECRET_WORD.fullmatch, words)) or any(map(_SECRET_PAIR.fullmatch, pairs))


def withheld(name: str, value: Any) -> bool:
    """Whether this named value is to be withheld as a whole; what a mapping holds is looked at name by name."""
    if value is None or isinstance(value, bool | Mapping) or not is_secret_name(name):
        return False
    return not ("token" in name.lower() and _TRADED.fullmatch(str(value)))
