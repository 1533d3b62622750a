"""Runs and what they attest, for tests without a chain: the statement is signed, the proofs lead to no block."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.audit.services.signing import sign_statement
from apps.core import clock
from apps.reconciliation.leaves import Leaf, pack, tree_of
from apps.reconciliation.models import Attestation, CutOff, Run, StorageNode
from apps.reconciliation.types import RunStatus
from apps.reconciliation.verifier import SIGNED, canonical

BLOCK_HASH, STATE_ROOT, TOKEN = "0x" + "b1" * 32, "0x" + "57" * 32, "0x" + "70" * 20


def make_run(isin: str, *, at: datetime | None = None) -> Run:
    """A clean run of a security."""
    now = at or clock.now()
    cut_off = CutOff.objects.create(
        chain_id=31337,
        block_number=2,
        block_hash=BLOCK_HASH,
        block_time=now,
        state_root=STATE_ROOT,
        ledger_sequence=6,
        endpoints=["CHAIN_RPC_URL"],
    )
    return Run.objects.create(
        isin=isin,
        cut_off=cut_off,
        status=RunStatus.CLEAN,
        wallets=2,
        unknown_reads=0,
        in_flight=0,
        breaks_found=0,
        started_at=now,
        finished_at=now,
    )


def make_attestation(run: Run, units: Mapping[str, int]) -> Attestation:
    """What a run attests of wallets that have the same in the books and on the chain; with a node of a trie."""
    packed, total = pack(Leaf(wallet, units[wallet], units[wallet]) for wallet in sorted(units)), sum(units.values())
    root = tree_of(packed).root
    statement = canonical(_statement(run, len(units), root.hex(), total))
    signed = sign_statement(domain=SIGNED, statement=statement)
    StorageNode.objects.get_or_create(hash=bytes(32), defaults={"encoded": b"\xc2\x80\x80"})
    return Attestation.objects.create(
        run=run,
        isin=run.isin,
        block_number=2,
        block_hash=BLOCK_HASH,
        state_root=STATE_ROOT,
        positions=len(units),
        positions_root=root,
        booked=total,
        units=total,
        supply=total,
        statement=statement,
        signature=signed.signature,
        public_key=signed.public_key,
        key_id=signed.key_id,
        header=b"\xc0",
        account=[b"\xc0"],
        storage_root=bytes(32),
        leaves=packed,
    )


def _statement(run: Run, positions: int, root: str, supply: int) -> dict[str, Any]:
    return {
        "balances_slot": f"0x{0:064x}",
        "block_hash": BLOCK_HASH,
        "block_number": 2,
        "breaks": 0,
        "chain_id": 31337,
        "decimals": 0,
        "isin": run.isin,
        "issued_at": "2026-01-02T03:04:05.000006Z",
        "ledger_sequence": 6,
        "positions": positions,
        "positions_root": root,
        "run_id": str(run.pk),
        "state_root": STATE_ROOT,
        "status": "CLEAN",
        "supply": str(supply),
        "token": TOKEN,
    }
