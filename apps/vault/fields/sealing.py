"""Sealing a column's value for its row, and opening it there and nowhere else."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.vault import envelope
from apps.vault.errors import UnknownKey
from apps.vault.fields.holding import Row, Sealed
from apps.vault.fields.refusals import refuse
from apps.vault.keys import DataKey, keyring
from apps.vault.types import Purpose

# The subject of what belongs to nobody known. It is never erased.
NOBODY = UUID(int=0)
_DEK = slice(7, 23)


class Place:
    """A column: what its values are bound to beside their row."""

    __slots__ = ("_parts", "name", "purpose")

    def __init__(self, table: str, column: str, purpose: Purpose) -> None:
        self.name, self.purpose = f"{table}.{column}", purpose
        self._parts = (table.encode(), column.encode())

    def seal(self, plain: bytes, row: Row, subject: UUID, keys: Mapping[UUID, DataKey] | None = None) -> Sealed:
        """The value, sealed for the row under the subject's key: one of `keys`, or the keyring's.

        Raises KeyUnavailable, SubjectErased.
        """
        key = keys[subject] if keys is not None else keyring().current(self.purpose, subject)
        return Sealed(envelope.seal(key, plain, self._parts + tuple(map(_encoded, row))), row)

    def open(self, sealed: Sealed, row: Row) -> bytes:
        """The value. Raises KeyUnavailable, SubjectErased; Unreadable after an alert."""
        try:
            key = _key_of(sealed)
            return envelope.open_sealed(key, sealed.ciphertext, self._parts + tuple(map(_encoded, row)))
        except envelope.NotOpened:
            refuse(place=self.name, row=row[0])
        except UnknownKey:
            refuse(place=self.name, row=row[0], error=UnknownKey)


def link(values: list[Sealed]) -> None:
    """Have the first of these that is opened load the keys of all."""
    peers = {value.ciphertext[_DEK] for value in values}
    for value in values:
        value.peers = peers


def _key_of(sealed: Sealed) -> DataKey:
    ring = keyring()
    if sealed.peers:
        ring.load({UUID(bytes=each) for each in sealed.peers})
        # The others hold the same set: once is enough.
        sealed.peers.clear()
    return ring.by_id(envelope.read_header(sealed.ciphertext).dek_id)


def _encoded(value: Any) -> bytes:
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, int | str):
        return str(value).encode()
    raise TypeError("a protected value is bound to its row's key and version: UUID, integers or text")
