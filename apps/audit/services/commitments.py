"""Keyed hashes that stand in the log for personal values, which stand beside it encrypted."""

import hmac
import secrets
from collections.abc import Mapping

from apps.audit.canonical import canonical_text

SALT_BYTES = 32


def commit(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """By name the commitment to each value, and the salt it takes to show or to guess the value (both in hex)."""
    salts = {name: secrets.token_bytes(SALT_BYTES) for name in values}
    committed = {name: commitment(salts[name], name, value) for name, value in values.items()}
    return committed, {name: salt.hex() for name, salt in salts.items()}


def commitment(salt: bytes, name: str, value: str) -> str:
    """HMAC-SHA256 of the named value under its salt, in hex."""
    return hmac.digest(salt, canonical_text({"name": name, "value": value}).encode(), "sha256").hex()
