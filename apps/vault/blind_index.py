"""Finding an encrypted text by its exact words: a keyed hash of it stands beside it. Knows no Django.

Two texts that a person takes for the same (case, width, composed letters) have one index. Without the key nobody can
try guesses against it; who has the table still sees which rows are alike, so nothing with few values gets an index.
"""

import unicodedata
from collections.abc import Callable

SHORTEST, LONGEST = 64, 128


def normalised(text: str) -> bytes:
    """The one spelling of a text (NFKC, case folded). Raises ValueError for half a character, without showing it."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    try:
        return folded.encode()
    except UnicodeEncodeError:
        raise ValueError("a text with half a character has no index") from None


def blind(mac: Callable[[bytes], bytes], text: str, *, bits: int = LONGEST) -> bytes:
    """The keyed hash of the text's one spelling, cut to `bits` (64 to 128, whole bytes). `mac` is HMAC-SHA256."""
    if bits % 8 or not SHORTEST <= bits <= LONGEST:
        raise ValueError(f"an index has {SHORTEST} to {LONGEST} bits, in whole bytes")
    return mac(normalised(text))[: bits // 8]
