"""Attest a run: in a signed statement the root of the tree of its positions, each proven by the token's storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.audit.services.signing import Signed, sign_statement
from apps.audit.services.trail import log_audit_event
from apps.chain.selectors.holdings import fold
from apps.chain.selectors.proven import ProvenPositions, prove_positions
from apps.chain.selectors.tokens import binding_at
from apps.chain.services.nodes import Node
from apps.core.actor import system_actor
from apps.core.db import run_sql, unit_of_work, within_unit_of_work
from apps.ledger.selectors.as_of import by_wallet_at
from apps.reconciliation.errors import NotAttestable, ProofContradicts, UnknownRun
from apps.reconciliation.leaves import Leaf, Tree, pack, tree_of
from apps.reconciliation.models import Attestation, CutOff, Run
from apps.reconciliation.selectors.attestations import attestation_view
from apps.reconciliation.types import AttestationView, RunStatus
from apps.reconciliation.verifier import SIGNED, canonical

CONCLUSIVE = frozenset({RunStatus.CLEAN, RunStatus.BREAKS})
NODES_AT_ONCE = 5_000
# In the order of hashes, so that two who keep the same nodes do not wait for each other in a circle.
KEEP_NODES = """
    INSERT INTO reconciliation_storagenode (hash, encoded)
    SELECT * FROM unnest(%s::bytea[], %s::bytea[]) ON CONFLICT (hash) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Positions:
    """What is attested, before it is signed."""

    proven: ProvenPositions
    decimals: int
    leaves: tuple[Leaf, ...]
    packed: bytes
    tree: Tree


def attest(*, run_id: UUID, node: Node, now: datetime) -> AttestationView:
    """Prove, sign and keep the positions of a conclusive run; what is attested already is given as it is.

    Every wallet that the books or the final logs know is proven against the state root of the run's block, by a node
    that still has that block's state. Raises UnknownRun, NotAttestable, ProofContradicts, LayoutUnverified, NotCovered,
    UndecodedLogs, IncompleteAnswer, ChainUnavailable, SigningKeyUnavailable, and RuntimeError in a unit of work.
    """
    run = Run.objects.select_related("cut_off").filter(pk=run_id).first()
    if run is None:
        raise UnknownRun
    if kept := Attestation.objects.filter(run=run).defer("leaves").first():
        return attestation_view(kept)
    if run.status not in CONCLUSIVE or run.cut_off is None:
        raise NotAttestable(status=run.status)
    found = _positions(run, run.cut_off, node)
    statement = canonical(_statement(run, run.cut_off, found, now))
    signed = sign_statement(domain=SIGNED, statement=statement)
    with unit_of_work():
        kept = _keep(run, found, statement, signed)
    return attestation_view(kept)


def _positions(run: Run, cut_off: CutOff, node: Node) -> _Positions:
    """Of every wallet with something in the books or on the chain. Raises ProofContradicts."""
    bound = binding_at(run.isin, cut_off.block_number)
    folded = fold(bound.address, cut_off.block_number)
    booked = by_wallet_at(run.isin, cut_off.ledger_sequence)
    wallets = folded.by_wallet.keys() | booked.keys()
    proven = prove_positions(node=node, isin=run.isin, block_hash=cut_off.block_hash, wallets=wallets)
    held = {wallet: units for wallet, units in proven.units.items() if units}
    if run.status == RunStatus.CLEAN and (held != folded.by_wallet or sum(held.values()) != proven.supply):
        raise ProofContradicts(isin=run.isin, block_number=cut_off.block_number)
    leaves = tuple(Leaf(wallet, booked.get(wallet, 0), held.get(wallet, 0)) for wallet in sorted({*booked, *held}))
    packed = pack(leaves)
    return _Positions(proven, bound.decimals, leaves, packed, tree_of(packed))


def _statement(run: Run, cut_off: CutOff, found: _Positions, now: datetime) -> Mapping[str, Any]:
    """What is signed: the fields are apps.reconciliation.verifier's."""
    return {
        "balances_slot": found.proven.layout.balances_slot,
        "block_hash": cut_off.block_hash,
        "block_number": cut_off.block_number,
        "breaks": run.breaks_found,
        "chain_id": cut_off.chain_id,
        "decimals": found.decimals,
        "isin": run.isin,
        "issued_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ledger_sequence": cut_off.ledger_sequence,
        "positions": len(found.leaves),
        "positions_root": found.tree.root.hex(),
        "run_id": str(run.pk),
        "state_root": found.proven.block.state_root,
        "status": str(run.status),
        "supply": str(found.proven.supply),
        "token": found.proven.layout.token,
    }


@within_unit_of_work
def _keep(run: Run, found: _Positions, statement: bytes, signed: Signed) -> Attestation:
    """Keep it, unless somebody else has meanwhile: then what they kept."""
    _keep_nodes(found.proven.storage)
    row = _row(run, found, statement, signed)
    Attestation.objects.bulk_create([row], ignore_conflicts=True)
    kept = Attestation.objects.defer("leaves").get(run=run)
    if kept.pk == row.pk:
        log_audit_event(
            actor=system_actor(),
            action="reconciliation.positions_attested",
            resource_type="reconciliation_run",
            resource_id=run.pk,
            after={"positions": row.positions, "positions_root": found.tree.root.hex(), "key_id": signed.key_id},
        )
    return kept


def _row(run: Run, found: _Positions, statement: bytes, signed: Signed) -> Attestation:
    proven = found.proven
    return Attestation(
        run=run,
        isin=run.isin,
        block_number=proven.block.number,
        block_hash=proven.block.hash,
        state_root=proven.block.state_root,
        positions=len(found.leaves),
        positions_root=found.tree.root,
        booked=sum(leaf.booked for leaf in found.leaves),
        units=sum(leaf.units for leaf in found.leaves),
        supply=proven.supply,
        statement=statement,
        signature=signed.signature,
        public_key=signed.public_key,
        key_id=signed.key_id,
        header=proven.header,
        account=list(proven.account),
        storage_root=proven.storage_root,
        leaves=found.packed,
    )


def _keep_nodes(nodes: Mapping[bytes, bytes]) -> None:
    hashes = sorted(nodes)
    for start in range(0, len(hashes), NODES_AT_ONCE):
        part = hashes[start : start + NODES_AT_ONCE]
        run_sql(KEEP_NODES, [part, [nodes[each] for each in part]])
