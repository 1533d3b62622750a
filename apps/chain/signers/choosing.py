"""Keys we sign with. A secret leaves this file only as a signature.

Production names one source a role: CHAIN_SIGNER_<ROLE>_KEYFILE (an encrypted JSON keyfile, its passphrase in
CHAIN_SIGNER_<ROLE>_PASSPHRASE or the file CHAIN_SIGNER_<ROLE>_PASSPHRASE_FILE), or CHAIN_SIGNER_<ROLE>_KEY (hex).
A development chain needs none: the keys are those every anvil prints in its manual.
"""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from eth_utils.address import to_canonical_address

from apps.chain.errors import SignerUnavailable
from apps.chain.types import SignerRole

# eth_account takes half a second to import (for another curve): whoever never signs shall not wait for it.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

DEVELOPMENT_MNEMONIC = "test test test test test test test test test test test junk"
DEVELOPMENT_CHAIN_ID = 31337
DEVELOPMENT_INDEX = {
    SignerRole.DEPLOYER: 0,
    SignerRole.AGENT: 1,
    SignerRole.OPERATOR: 2,
    SignerRole.MANAGEMENT: 3,
}
CASH_MINTER_INDEX = 8


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """A transaction ready to send, and the hash it will have."""

    raw: bytes
    hash: str


class TransactionSigner(Protocol):
    """What the sender needs of a key, wherever it lives."""

    @property
    def address(self) -> str:
        """The signer's address in lower case."""

    def sign_transaction(self, fields: dict[str, Any]) -> SignedBytes:
        """Sign an EIP-1559 transaction given by its fields (`to` absent creates a contract)."""

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign 32 bytes as a message (EIP-191); 65 bytes."""


class LocalSigner:
    """A key held in this process."""

    __slots__ = ("_account", "address")

    def __init__(self, account: "LocalAccount") -> None:
        self._account = account
        self.address = str(account.address).lower()

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def sign_transaction(self, fields: dict[str, Any]) -> SignedBytes:
        """Sign; equal fields give equal bytes (RFC 6979)."""
        to = {"to": to_canonical_address(fields["to"])} if "to" in fields else {}
        signed = self._account.sign_transaction({"type": 2, **fields, **to})
        return SignedBytes(bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex())

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign as EIP-191 asks, the way ClaimIssuer recovers it."""
        from eth_account.messages import encode_defunct

        return bytes(self._account.sign_message(encode_defunct(primitive=digest)).signature)


def signer_for(role: SignerRole) -> TransactionSigner:
    """The key of a role. Raises SignerUnavailable where none is configured and development's may not be used."""
    return LocalSigner(_configured(role) or _development(role))


@cache
def _configured(role: SignerRole) -> "LocalAccount | None":
    from eth_account import Account

    prefix = f"CHAIN_SIGNER_{role.value}"
    keyfile, key = os.environ.get(f"{prefix}_KEYFILE"), os.environ.get(f"{prefix}_KEY")
    try:
        if keyfile:
            return Account.from_key(Account.decrypt(json.loads(Path(keyfile).read_text()), _passphrase(prefix)))
        return Account.from_key(key) if key else None
    except (OSError, ValueError, KeyError, TypeError):
        # `from None`: the cause may quote the key.
        raise SignerUnavailable(f"{prefix}: the key cannot be read.", signer=role.value) from None


def _passphrase(prefix: str) -> str:
    if file := os.environ.get(f"{prefix}_PASSPHRASE_FILE"):
        return Path(file).read_text().rstrip("\n")
    return os.environ.get(f"{prefix}_PASSPHRASE", "")


def _development(role: SignerRole) -> "LocalAccount":
    if not settings.CHAIN_DEVELOPMENT_KEYS or settings.CHAIN_ID != DEVELOPMENT_CHAIN_ID:
        raise SignerUnavailable(
            f"CHAIN_SIGNER_{role.value}_KEYFILE is not set: development keys serve a development chain only.",
            signer=role.value,
        )
    return development_account(DEVELOPMENT_INDEX[role])


@cache
def development_account(index: int) -> "LocalAccount":
    """One of the accounts every development chain funds. Their keys are public."""
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(DEVELOPMENT_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")


def cash_minter_address() -> str:
    """Who may mint development cash: CASH_MINTER_ADDRESS, in development account 8 by default."""
    if configured := os.environ.get("CASH_MINTER_ADDRESS"):
        return configured.lower()
    if not settings.CHAIN_DEVELOPMENT_KEYS:
        raise SignerUnavailable("CASH_MINTER_ADDRESS is not set.")
    return str(development_account(CASH_MINTER_INDEX).address).lower()
