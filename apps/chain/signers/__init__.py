"""Keys we sign with: in AWS KMS, in an encrypted keyfile, development's. Out of this room come signatures alone."""

from apps.chain.signers.choosing import cash_minter_address, signer_for
from apps.chain.signers.protocol import TransactionSigner
from apps.chain.signers.using import sign_message, sign_messages, sign_transaction, sign_transactions

__all__ = [
    "TransactionSigner",
    "cash_minter_address",
    "sign_message",
    "sign_messages",
    "sign_transaction",
    "sign_transactions",
    "signer_for",
]
