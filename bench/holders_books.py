"""What the product would have kept of the token of `bench.holders_world`, and a run at its block."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from bench.chain_world import parts
from bench.holders_world import BALANCES, SUPPLY, Holders

if TYPE_CHECKING:  # Django is not set up yet
    from apps.chain.wire import Header
    from apps.reconciliation.models import Run

ISIN = "US0378331005"
HELD_AT_ONCE = 1_000  # wallets, in one commit


def write_books(world: Holders) -> UUID:
    """The holders in the ledger, block, token and layout, and a run; the run's id.

    No log told of the balances, so the run has a break; the ledger names the wallets.
    """
    from apps.core import clock
    from apps.core.db import unit_of_work

    now = clock.now()
    for wallets in parts(list(world.units), HELD_AT_ONCE):
        with unit_of_work():
            _ledger({wallet: world.units[wallet] for wallet in wallets}, now)
    header = _header(world)
    with unit_of_work():
        _chain(world, header, now)
        return _run(world, header.state_root, now).pk


def _ledger(holders: Mapping[str, int], now: datetime) -> None:
    from apps.ledger.services.accounts import ensure_accounts
    from apps.ledger.services.assets import register_asset
    from apps.ledger.services.transfers import transfer_many
    from apps.ledger.types import AccountKey, AccountKind, Transfer, TransferKind

    register_asset(ISIN, 0)
    source = AccountKey(ISIN, AccountKind.ISSUANCE, None)
    keys = {wallet: AccountKey(ISIN, AccountKind.POSITION, wallet) for wallet in holders}
    accounts = ensure_accounts(keys={source, *keys.values()})
    transfer_many(
        [
            Transfer(wallet, accounts[source], accounts[keys[wallet]], units, TransferKind.CORRECTION, "bench", now)
            for wallet, units in holders.items()
        ]
    )


def _header(world: Holders) -> "Header":
    from apps.chain.services.nodes import default_node
    from apps.chain.wire import read_header

    with default_node() as node:
        return read_header(node.call("eth_getBlockByHash", world.block_hash, False))


def _chain(world: Holders, header: "Header", now: datetime) -> None:
    from apps.chain.models import Block, StorageLayout, TokenBinding, WatchedContract
    from apps.chain.selectors.slots import slot
    from apps.chain.types import BindingState, ContractKind, Finality, LayoutState, TokenStandard

    Block.objects.create(
        number=header.number,
        hash=header.hash,
        parent_hash=header.parent_hash,
        timestamp=now,
        state_root=header.state_root,
        receipts_root=header.receipts_root,
        logs_bloom=b"",
        finality=Finality.FINAL,
        final_by="INSTANT",
    )
    WatchedContract.objects.create(
        address=world.token,
        kind=ContractKind.SECURITY,
        from_block=1,
        covered_to=header.number,
        covered=True,
        created_at=now,
    )
    binding = TokenBinding.objects.create(
        isin=ISIN,
        name="Bench",
        symbol="BENCH",
        decimals=0,
        standard=TokenStandard.ERC20,
        state=BindingState.LIVE,
        address=world.token,
        deploy_block=1,
        created_at=now,
        live_at=now,
    )
    StorageLayout.objects.create(
        binding=binding,
        from_block=header.number - 1,
        state=LayoutState.VERIFIED,
        balances_slot=slot(BALANCES),
        supply_slot=slot(SUPPLY),
        block_hash=header.hash,
        holders=1,
        verified_at=now,
    )


def _run(world: Holders, state_root: str, now: datetime) -> "Run":
    from apps.ledger.selectors.balances import sequence
    from apps.reconciliation.models import CutOff, Run
    from apps.reconciliation.types import RunStatus

    cut_off = CutOff.objects.create(
        chain_id=31337,
        block_number=world.block_number,
        block_hash=world.block_hash,
        block_time=now,
        state_root=state_root,
        ledger_sequence=sequence(),
        endpoints=["CHAIN_RPC_URL"],
    )
    return Run.objects.create(
        isin=ISIN,
        cut_off=cut_off,
        status=RunStatus.BREAKS,
        wallets=len(world.units),
        unknown_reads=0,
        in_flight=0,
        breaks_found=1,
        started_at=now,
        finished_at=now,
    )
