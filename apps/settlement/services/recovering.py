"""A holder who lost the key of a wallet: the token moved everything to a new one, and the books follow the person.

recoveryAddress() of ERC-3643 (T-REX 4.1.6) tells it by RecoverySuccess(lost, new, identity), behind the Transfer, in
one transaction. Who may call it is not judged here: reconciliation holds identities against what we approved.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.core.db import within_unit_of_work
from apps.ledger.errors import WalletOwned
from apps.ledger.selectors.balances import lock_balances
from apps.ledger.services.accounts import assign_owner, ensure_accounts, owners_of
from apps.ledger.services.transfers import transfer_many
from apps.ledger.types import AccountKey, AccountKind, Transfer, TransferKind
from apps.settlement.explain import Moved, Recovered
from apps.settlement.services.booking import Booking, key_of

log = logging.getLogger(__name__)


@within_unit_of_work
def book_recoveries(*, moved: Sequence[Moved], recovered: Sequence[Recovered], booking: Booking) -> list[Moved]:
    """Post what a recovery moved, and give the new wallet to the lost one's owner; the movements that are left.

    What cannot be followed is left too: a wallet that is another person's, units that are reserved here.
    """
    told = {(each.log.tx_hash, each.log.address, each.lost, each.new) for each in recovered}
    left = []
    for one in moved:
        ends = (one.transfer.sender, one.transfer.recipient)
        if (one.log.tx_hash, one.log.address, *ends) not in told or not _book(one, booking):
            left.append(one)
    return left


def _book(one: Moved, booking: Booking) -> bool:
    asset, (lost, new) = booking.tokens[one.log.address].asset, (one.transfer.sender, one.transfer.recipient)
    owners = owners_of([lost, new])
    if not _remap(owners, lost, new):
        return False
    keys = {wallet: AccountKey(asset, AccountKind.POSITION, wallet) for wallet in (lost, new)}
    accounts = ensure_accounts(keys=set(keys.values()))
    debit, credit = accounts[keys[lost]], accounts[keys[new]]
    if lock_balances([debit, credit])[debit].available < one.transfer.amount:
        log.warning("recovery of reserved units", extra={"asset": asset, "tx_hash": one.log.tx_hash})
        return False
    transfer = Transfer(
        idem_key=key_of(one.log),
        debit_account_id=debit,
        credit_account_id=credit,
        amount=one.transfer.amount,
        kind=TransferKind.WALLET_RECOVERY,
        source_ref=one.log.tx_hash,
        effective_at=booking.times[one.log.block_hash],
    )
    transfer_many([transfer])
    return True


def _remap(owners: Mapping[str, UUID | None], lost: str, new: str) -> bool:
    """Whether the new wallet is the lost one's owner's, now or from before."""
    owner = owners.get(lost)
    if owner is None or owners.get(new) not in {None, owner}:
        return False
    try:
        assign_owner(wallet_address=new, party_id=owner)
    except WalletOwned:
        return False
    return True
