"""Which key a role signs with: the one source the environment names (config.chain_signers), or development's."""

import os
from functools import cache

from django.conf import settings

from apps.chain.errors import SignerUnavailable
from apps.chain.signers.development import ADDRESSES, CASH_MINTER_INDEX, CHAIN_ID, INDEX, development_key
from apps.chain.signers.keyfile import UnusableKeyfile, read_keyfile, read_passphrase
from apps.chain.signers.kms import kms_signer
from apps.chain.signers.local import LocalSigner
from apps.chain.signers.protocol import TransactionSigner
from apps.chain.types import SignerRole
from config.chain_signers import SignerSource, SourceKind


def signer_for(role: SignerRole) -> TransactionSigner:
    """The key of a role. Raises SignerUnavailable where none is configured and development's may not be used.

    The first time, a keyfile takes a second, and a key of KMS a call: not in a unit of work.
    """
    source: SignerSource | None = settings.CHAIN_SIGNERS.get(role.value)
    signer = _opened(role, source) if source else _of_development(role)
    if signer.address in ADDRESSES and not may_use_development_keys():
        raise SignerUnavailable("A development key is published: anyone signs with it.", signer=role.value)
    return signer


def may_use_development_keys() -> bool:
    """Whether this is development (DJANGO_DEBUG), and its chain one of development."""
    return bool(settings.CHAIN_DEVELOPMENT_KEYS) and settings.CHAIN_ID == CHAIN_ID


def cash_minter_address() -> str:
    """Who may mint development cash: CASH_MINTER_ADDRESS, in development account 8 by default."""
    if configured := os.environ.get("CASH_MINTER_ADDRESS"):
        return configured.lower()
    if not settings.CHAIN_DEVELOPMENT_KEYS:
        raise SignerUnavailable("CASH_MINTER_ADDRESS is not set.")
    return ADDRESSES[CASH_MINTER_INDEX]


@cache  # a failure is not remembered
def _opened(role: SignerRole, source: SignerSource) -> TransactionSigner:
    if source.kind is SourceKind.KMS_KEY:
        return kms_signer(role, source.name)
    try:
        return _local(source)
    except (UnusableKeyfile, ValueError) as error:
        reason = str(error) if isinstance(error, UnusableKeyfile) else "it is no private key"
    raise SignerUnavailable(f"{source.variable}: {reason}.", signer=role.value)


def _local(source: SignerSource) -> LocalSigner:
    if source.kind is SourceKind.KEY:
        return LocalSigner(bytes.fromhex(source.secret.removeprefix("0x")))
    passphrase = read_passphrase(source.passphrase_file) if source.passphrase_file else source.secret
    return read_keyfile(source.name, passphrase)


@cache
def _of_development_index(index: int) -> LocalSigner:
    return LocalSigner(development_key(index))


def _of_development(role: SignerRole) -> LocalSigner:
    if not may_use_development_keys():
        raise SignerUnavailable(
            f"Neither CHAIN_SIGNER_{role.value}_KMS_KEY nor CHAIN_SIGNER_{role.value}_KEYFILE is set: "
            "development keys serve a development chain only.",
            signer=role.value,
        )
    return _of_development_index(INDEX[role])
