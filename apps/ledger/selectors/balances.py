"""Where accounts stand. Amounts are whole base units of the account's asset."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.core.db import fetch_all, within_unit_of_work
from apps.ledger.errors import UnknownAccount, UnknownAsset
from apps.ledger.models import LedgerAccount, LedgerBalance, LedgerTransfer
from apps.ledger.types import HOLDER_KINDS, AccountKind, Balance, Position

_BALANCES = "SELECT account_id, posted, held FROM ledger_balance WHERE account_id = ANY(%s)"
_LOCK = f"{_BALANCES} ORDER BY account_id FOR NO KEY UPDATE"


def balances(account_ids: Collection[UUID]) -> dict[UUID, Balance]:
    """The balance of each account. Raises UnknownAccount."""
    return _read(_BALANCES, account_ids)


@within_unit_of_work
def lock_balances(account_ids: Collection[UUID]) -> dict[UUID, Balance]:
    """The balances, locked until the unit of work ends: in the order of ids, so that no two lockers wait for each
    other in a circle. Raises UnknownAccount.
    """
    return _read(_LOCK, account_ids)


def _read(statement: str, account_ids: Collection[UUID]) -> dict[UUID, Balance]:
    wanted = set(account_ids)
    found = {pk: Balance(int(posted), int(held)) for pk, posted, held in fetch_all(statement, [list(wanted)])}
    if len(found) != len(wanted):
        raise UnknownAccount(account_ids=sorted(map(str, wanted - found.keys())))
    return found


def position(asset: str, wallet_address: str) -> Balance:
    """What a wallet has of an asset, security or cash; zero where there is no account."""
    found = LedgerBalance.objects.filter(
        account__asset=asset, account__wallet_address=wallet_address, account__kind__in=HOLDER_KINDS
    )
    row = found.values_list("posted", "held").first()
    return Balance(*row) if row else Balance(0, 0)


def positions(party_id: UUID | None = None, asset: str | None = None) -> QuerySet[LedgerAccount]:
    """Accounts of wallets with their balances, as rows for a page: all, or of one party, one asset, or both."""
    rows = LedgerAccount.objects.filter(kind__in=HOLDER_KINDS).select_related("balance", "asset")
    if party_id is not None:
        rows = rows.filter(party_id=party_id)
    if asset is not None:
        rows = rows.filter(asset=asset)
    return rows


def as_position(row: LedgerAccount) -> Position:
    """One row of positions()."""
    return Position(
        account_id=row.pk,
        asset=row.asset_id,
        kind=row.kind,
        wallet_address=row.wallet_address,
        party_id=row.party_id,
        settled=row.balance.posted,
        held=row.balance.held,
        decimals=row.asset.decimals,
    )


def accounts_of(party_id: UUID | None = None, asset: str | None = None) -> list[Position]:
    """Accounts of wallets with their balances: all, or of one party, one asset, or both."""
    return [as_position(row) for row in positions(party_id, asset).order_by("asset", "wallet_address")]


def by_wallet(asset: str) -> dict[str, int]:
    """What the books say each wallet has of an asset (zero balances included)."""
    return _posted_by_wallet(asset, HOLDER_KINDS)


def shortfalls(asset: str) -> dict[str, int]:
    """What each wallet paid on the chain beyond its free balance here (above 0): kept in SUSPENSE until recovered.

    On the chain a wallet has by_wallet() less its shortfall.
    """
    found = _posted_by_wallet(asset, [AccountKind.SUSPENSE])
    return {wallet: -posted for wallet, posted in found.items() if posted}


def _posted_by_wallet(asset: str, kinds: Iterable[str]) -> dict[str, int]:
    rows = LedgerBalance.objects.filter(account__asset=asset, account__kind__in=kinds)
    found = rows.values_list("account__wallet_address", "posted")
    return {wallet: posted for wallet, posted in found if wallet is not None}


def control_totals(asset: str) -> dict[str, int]:
    """What is booked per account kind of an asset, wallets and control accounts alike: the values sum to zero."""
    rows = LedgerBalance.objects.filter(account__asset=asset)
    return dict(rows.values_list("account__kind").annotate(Sum("posted")))


def decimals_of(asset: str) -> int:
    """How many decimals one unit of the asset has. Raises UnknownAsset."""
    row = fetch_all("SELECT decimals FROM ledger_asset WHERE code = %s", [asset])
    if not row:
        raise UnknownAsset(assets=[asset])
    return int(row[0][0])


def sequence(until: datetime | None = None) -> int:
    """The newest transfer's id, of those effective by then: what an as-of statement cites.

    Read it in the snapshot of the balances it dates.
    """
    rows = LedgerTransfer.objects.filter(effective_at__lte=until) if until else LedgerTransfer.objects
    newest = rows.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0
