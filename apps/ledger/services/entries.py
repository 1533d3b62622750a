"""Transfers as the rows that are written."""

from apps.ledger.types import Entry, Transfer, TransferState


def as_entry(transfer: Transfer, state: TransferState) -> Entry:
    """The row of a transfer that ends no other."""
    return Entry(
        transfer.idem_key,
        transfer.debit_account_id,
        transfer.credit_account_id,
        transfer.amount,
        transfer.kind,
        transfer.source_ref,
        transfer.effective_at,
        state,
    )
