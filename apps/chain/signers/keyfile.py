"""Encrypted keyfiles: version 3 of Ethereum's keystore (the Web3 Secret Storage Definition)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.chain.signers.local import LocalSigner
from apps.chain.signers.recursion import recursion_limit_kept

VERSION = 3
MOST_BYTES = 16_384  # thirty times a keyfile; what is longer, or nested deeper, is none


class UnusableKeyfile(Exception):
    """The file gives no key. The reason is for operators, and quotes nothing of it."""


def read_keyfile(path: str, passphrase: str) -> LocalSigner:
    """The key of this file. Takes a second or so: that is what guards the passphrase. Raises UnusableKeyfile."""
    content = _content(path)
    signer = _opened(content, passphrase)
    if signer is None:
        raise UnusableKeyfile("the keyfile does not open: it is damaged, or this is not its passphrase")
    named = str(content.get("address", "")).lower().removeprefix("0x")
    if named and named != signer.address[2:]:
        raise UnusableKeyfile("the keyfile names another address than that of its key")
    return signer


def read_passphrase(path: str) -> str:
    """All of this file but line ends at its end. Raises UnusableKeyfile."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError):
        reason = "the file of its passphrase cannot be read"
    raise UnusableKeyfile(reason)


def _content(path: str) -> Mapping[str, Any]:
    try:
        with Path(path).open("rb") as file:
            found = json.loads(file.read(MOST_BYTES))
    except OSError:
        reason = "the keyfile cannot be read"
    except (ValueError, RecursionError):
        reason = "the keyfile is no JSON"
    else:
        content = {str(name).lower(): value for name, value in found.items()} if isinstance(found, dict) else {}
        if content.get("version") == VERSION and isinstance(content.get("crypto"), dict):
            return content
        reason = "the keyfile is no keystore of version 3"
    raise UnusableKeyfile(reason)


def _opened(content: Mapping[str, Any], passphrase: str) -> LocalSigner | None:
    # Half a second to import, for another curve: only who reads a keyfile waits for it.
    with recursion_limit_kept():
        from eth_keyfile.keyfile import decode_keyfile_json  # noqa: PLC0415

    # Whatever is wrong in there is said in one way, outside of this block: causes may quote the key.
    try:
        return LocalSigner(decode_keyfile_json(dict(content), passphrase.encode()))
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, NotImplementedError):
        return None
