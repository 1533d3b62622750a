"""Sealing a column's value for its row, and opening it there and nowhere else."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from apps.vault import envelope
from apps.vault.errors import UnknownKey
from apps.vault.fields.holding import Row, Sealed
from apps.vault.fields.refusals import refuse
from apps.vault.keys import DataKey, keyring

# The subject of what belongs to nobody known. It is never erased.
NOBODY = UUID(int=0)


class Place:
    """A column: what its values are bound to beside their row."""

    __slots__ = ("_bound", "name")

    def __init__(self, table: str, column: str) -> None:
        self.name = f"{table}.{column}"
        self._bound = envelope.bind((table.encode(), column.encode()))

    def seal(self, plain: bytes, row: Row, key: DataKey) -> Sealed:
        """The value, sealed for the row."""
        return Sealed(envelope.seal_bound(key, plain, self._bound + _bound(row)), row)

    def open(self, sealed: Sealed, row: Row) -> bytes:
        """The value. Raises KeyUnavailable, SubjectErased; Unreadable after an alert."""
        try:
            return envelope.open_bound(_key_of(sealed), sealed.ciphertext, self._bound + _bound(row))
        except envelope.NotOpened:
            refuse(place=self.name, row=row[0])
        except UnknownKey:
            refuse(place=self.name, row=row[0], error=UnknownKey)


def link(values: list[Sealed]) -> None:
    """Have the first of these that is opened load the keys of all."""
    # The ids, not the values: values that hold each other are freed late.
    dek = envelope.DEK
    peers = {value.ciphertext[dek] for value in values}
    for value in values:
        value.peers = peers


def _key_of(sealed: Sealed) -> DataKey:
    ring = keyring()
    if sealed.peers:
        ring.load({_id(each) for each in sealed.peers})
        # The others hold the same set: once is enough.
        sealed.peers.clear()
    return ring.by_id(_id(envelope.dek_of(sealed.ciphertext)))


@lru_cache(maxsize=10_000)
def _id(dek: bytes) -> UUID:
    """To make a UUID of its bytes takes longer than to decrypt a name."""
    return UUID(bytes=dek)


def _bound(row: Row) -> bytes:
    return envelope.bind([_encoded(value) for value in row])


def _encoded(value: Any) -> bytes:
    if isinstance(value, UUID):
        return value.int.to_bytes(16, "big")
    if isinstance(value, int | str):
        return str(value).encode()
    raise TypeError("a protected value is bound to its row's key and version: UUID, integers or text")
