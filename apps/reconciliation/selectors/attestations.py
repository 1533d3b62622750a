"""Attestations, and from what is kept with them the proof of each position: no node is asked, however old they are."""

import json
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.types import STAFF_ROLES
from apps.chain.selectors.proven import balance_proof
from apps.compliance.selectors.wallets import wallets_of
from apps.core.actor import Actor
from apps.core.db import fetch_one
from apps.core.errors import InvalidValue, NotFound
from apps.ledger.selectors.balances import positions
from apps.reconciliation.errors import UnknownAttestation, UnknownPosition
from apps.reconciliation.leaves import Leaf, Tree, find, tree_of
from apps.reconciliation.models import Attestation
from apps.reconciliation.types import AttestationView
from apps.reconciliation.verifier import FORMAT, canonical

TREES = 2  # kept in a process, some 220 bytes a position


def attestations_for(actor: Actor) -> QuerySet[Attestation]:
    """Attestations the caller may see: the staff all, an investor those of securities it has an account for.

    Raises NotFound for one without a party.
    """
    rows = Attestation.objects.defer("leaves")
    if not actor.roles.isdisjoint(STAFF_ROLES):
        return rows
    if actor.party_id is None:
        raise NotFound
    return rows.filter(isin__in=positions(actor.party_id).values("asset"))


def attestation_of(actor: Actor, run_id: UUID) -> AttestationView:
    """The signed statement of a run. Raises UnknownAttestation, also where it is not the caller's to see."""
    row = attestations_for(actor).filter(run_id=run_id).first()
    if row is None:
        raise UnknownAttestation
    return attestation_view(row)


def position_proof(actor: Actor, *, isin: str, wallet_address: str | None = None) -> bytes:
    """The proof of a wallet's position in the newest attested run of a security: a text that verifier.py reads.

    An investor gets that of its own wallet, and need name it only where several of them have a position; the staff
    name any. Raises UnknownPosition, also for another's wallet, and InvalidValue where none is named.
    """
    row = attestations_for(actor).filter(isin=isin).order_by("-pk").first()
    if row is None:
        raise UnknownPosition
    packed, tree = _positions_of(row.pk)
    found = [place for wallet in _wallets(actor, wallet_address) if (place := find(packed, wallet))]
    if not found:
        raise UnknownPosition
    if len(found) > 1:
        raise InvalidValue("Several of your wallets have a position: name one by wallet_address.")
    ((index, leaf),) = found
    return canonical(_proof(row, tree, index, leaf)) + b"\n"


def attestation_view(row: Attestation) -> AttestationView:
    """A row as other rooms see it."""
    return AttestationView(
        id=row.pk,
        run_id=row.run_id,
        isin=row.isin,
        block_number=row.block_number,
        block_hash=row.block_hash,
        state_root=row.state_root,
        positions=row.positions,
        positions_root=bytes(row.positions_root).hex(),
        decimals=json.loads(bytes(row.statement))["decimals"],
        booked=row.booked,
        units=row.units,
        supply=row.supply,
        statement=bytes(row.statement).decode(),
        signature=bytes(row.signature).hex(),
        public_key=bytes(row.public_key).hex(),
        key_id=row.key_id,
        recorded_at=row.recorded_at,
    )


def _wallets(actor: Actor, named: str | None) -> list[str]:
    """Whose positions may be proven to the caller."""
    if not actor.roles.isdisjoint(STAFF_ROLES):
        if named is None:
            raise InvalidValue("Name the wallet by wallet_address.")
        return [named]
    if actor.party_id is None:
        raise NotFound
    own = wallets_of(actor.party_id)
    return list((own.filter(address=named) if named else own).values_list("address", flat=True))


@lru_cache(maxsize=TREES)
def _positions_of(attestation_id: UUID) -> tuple[bytes, Tree]:
    """The leaves and their tree: what is append-only does not change."""
    packed = bytes(Attestation.objects.values_list("leaves", flat=True).get(pk=attestation_id))
    return packed, tree_of(packed)


def _proof(row: Attestation, tree: Tree, index: int, leaf: Leaf) -> dict[str, Any]:
    statement = json.loads(bytes(row.statement))
    storage = balance_proof(
        storage_root=bytes(row.storage_root),
        balances_slot=statement["balances_slot"],
        wallet=leaf.wallet,
        fetch=_storage_node,
    )
    return {
        "account": [_hex(node) for node in row.account],
        "format": FORMAT,
        "header": _hex(row.header),
        "path": [each.hex() for each in tree.path(index)],
        "position": {
            "booked": str(leaf.booked),
            "holder": leaf.wallet,
            "index": index,
            "units": str(leaf.units),
        },
        "signature": {"key": bytes(row.public_key).hex(), "value": bytes(row.signature).hex()},
        "statement": statement,
        "storage": [_hex(node) for node in storage],
    }


def _storage_node(wanted: bytes) -> bytes:
    """Raises LookupError where it was not kept: then this is no attested storage."""
    row = fetch_one("SELECT encoded FROM reconciliation_storagenode WHERE hash = %s", [wanted])
    if row is None:
        raise LookupError("a node of an attested storage is missing")
    return bytes(row[0])


def _hex(raw: bytes | memoryview) -> str:
    return "0x" + bytes(raw).hex()
