"""Sealing a column's value for its row, and opening it there and nowhere else."""

from typing import Any
from uuid import UUID

from apps.vault import envelope
from apps.vault.errors import UnknownKey
from apps.vault.fields.holding import Row, Sealed
from apps.vault.fields.refusals import refuse
from apps.vault.keys import DataKey, Keyring, keyring

# The subject of what belongs to nobody known. It is never erased.
NOBODY = UUID(int=0)


class Place:
    """A column: what its values are bound to beside their row."""

    __slots__ = ("_before_uuid", "_bound", "name")

    def __init__(self, table: str, column: str) -> None:
        self.name = f"{table}.{column}"
        self._bound = envelope.bind((table.encode(), column.encode()))
        self._before_uuid = self._bound + envelope.LENGTH_OF_UUID

    def seal(self, plain: bytes, row: Row, key: DataKey) -> Sealed:
        """The value, sealed for the row."""
        return Sealed(envelope.seal_bound(key, plain, self._bound_to(row)), row)

    def open(self, sealed: Sealed, row: Row) -> bytes:
        """The value. Raises KeyUnavailable, SubjectErased; Unreadable after an alert."""
        text, ring = sealed.ciphertext, keyring()
        try:
            key = ring.at_hand(text[envelope.DEK]) or _looked_up(sealed, ring)
            return envelope.open_under(key.cipher, text, self._bound_to(row))
        except envelope.NotOpened:
            refuse(place=self.name, row=row[0])
        except UnknownKey:
            refuse(place=self.name, row=row[0], error=UnknownKey)

    def _bound_to(self, row: Row) -> bytes:
        key = row[0]
        if len(row) == 1 and type(key) is UUID:  # nearly every row
            return self._before_uuid + key.int.to_bytes(16, "big")
        return self._bound + envelope.bind([_encoded(value) for value in row])


def link(values: list[Sealed]) -> None:
    """Have the first of these that is opened load the keys of all."""
    # The ids, not the values: values that hold each other are freed late.
    dek = envelope.DEK
    peers = {value.ciphertext[dek] for value in values}
    for value in values:
        value.peers = peers


def _looked_up(sealed: Sealed, ring: Keyring) -> DataKey:
    dek = envelope.dek_of(sealed.ciphertext)
    if sealed.peers:
        ring.load({UUID(bytes=each) for each in sealed.peers})
        # The others hold the same set: once is enough.
        sealed.peers.clear()
    return ring.by_id(UUID(bytes=dek))


def _encoded(value: Any) -> bytes:
    if isinstance(value, UUID):
        return value.int.to_bytes(16, "big")
    if isinstance(value, int | str):
        return str(value).encode()
    raise TypeError("a protected value is bound to its row's key and version: UUID, integers or text")
