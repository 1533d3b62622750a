"""What an instance holds for a protected column: a ciphertext, or what was assigned. Neither shows it."""

from typing import Any, NoReturn

# What tells a row from others of its table, as the model has it: its key, and its version where that counts.
Row = tuple[Any, ...]
HIDDEN = "[sealed]"


class Hidden:
    """Reads the same however it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN


class Sealed(Hidden):
    """A ciphertext as the database holds it, and the row it was read from or made for.

    `peers` are the ids of the keys of all that was read with it, so that the first to be opened loads them all.
    """

    __slots__ = ("ciphertext", "peers", "row")

    def __init__(self, ciphertext: bytes, row: Row | None = None) -> None:
        self.ciphertext, self.row = ciphertext, row
        self.peers: set[bytes] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and self.ciphertext == other.ciphertext

    def __hash__(self) -> int:
        return hash(self.ciphertext)

    def __reduce__(self) -> tuple[Any, ...]:
        return Sealed, (self.ciphertext, self.row)


class Given(Hidden):
    """An assigned value, encoded, until it is saved. It is for memory alone, so it cannot be pickled."""

    __slots__ = ("plain",)

    def __init__(self, plain: bytes) -> None:
        self.plain = plain

    def __deepcopy__(self, memo: Any) -> "Given":
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a protected value that is not saved yet cannot be pickled")


class Bound(bytes):
    """A ciphertext on its way to the very row it was made for: all that such a column takes."""

    __slots__ = ()
