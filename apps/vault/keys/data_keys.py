"""Keys as callers hold them. None can be printed, and none can be pickled."""

import hmac
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault.types import Purpose


class Unpicklable:
    """What must not leave the process."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key does not leave its process")


@dataclass(frozen=True, slots=True)
class DataKey(Unpicklable):
    """The key of one subject's data, for one purpose. Ask the keyring each time: do not keep it."""

    id: UUID
    kek_id: int
    purpose: Purpose
    subject: UUID
    cipher: AESGCM = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class IndexKey(Unpicklable):
    """The key of one blind index."""

    id: UUID
    _mac: hmac.HMAC = field(repr=False, compare=False)

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA256 (32 bytes)."""
        begun = self._mac.copy()
        begun.update(message)
        return begun.digest()
