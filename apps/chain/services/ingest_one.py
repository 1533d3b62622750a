"""One transaction now: wait until its block is stored, and look whether all of it is.

Coverage never moves here and no block is stored: that is the stream's alone. What should have been stored and was not
is an incident: the missing logs are stored, balances follow them as those of a log that was read late, and an alert
tells that a projection may have gone past them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import ChainUnavailable, ContractNotWatched, IncompleteAnswer, RpcError
from apps.chain.fetching import Endpoint
from apps.chain.fetching.placing import Mined, fetch_mined
from apps.chain.models import Block, RawLog, StreamCursor, WatchedContract
from apps.chain.selectors.blocks import STREAM
from apps.chain.selectors.watched import watched_kinds
from apps.chain.services import watching
from apps.chain.services.finality import final_number
from apps.chain.services.holders import fold_late
from apps.chain.services.preparing import prepare
from apps.chain.services.storing import StoredBlock, store_logs
from apps.chain.services.tokens.layouts import code_changes, withdraw_layouts
from apps.chain.types import ContractKind
from apps.core.actor import Actor
from apps.core.alerts import raise_alert
from apps.core.daemon import hold_off
from apps.core.db import notify, unit_of_work
from apps.core.types import Severity

ENGINE = "ingester"
SOURCE = "chain.coverage"
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of it. `stored` counts logs that were missing; without `is_here` the stream is not so far yet."""

    block_number: int
    is_here: bool
    stored: int = 0


def ingest_transaction(*, actor: Actor, tx_hash: str, node: Endpoint, now: datetime, patience: float) -> Ingested:
    """Have a mined transaction's events in the books, waiting for so many seconds. Not within a unit of work.

    Raises UnknownTransaction, TransactionPending, ContractNotWatched; ChainUnavailable, WrongChain, NodePruned or
    IncompleteAnswer where the node's answers do not suffice, and then nothing was stored.
    """
    try:
        mined = fetch_mined(node, tx_hash, watched_kinds().keys())
    except RpcError as error:
        raise ChainUnavailable(cause="RpcError", rpc_code=error.code) from None
    _require_watched(mined)
    deadline = time.monotonic() + patience
    while True:
        if _is_here(mined) and (done := _complete(actor, mined, now)) is not None:
            return done
        _require_not_final(mined)
        if time.monotonic() >= deadline:
            return Ingested(mined.header.number, is_here=False)
        _wait(deadline)


def _is_here(mined: Mined) -> bool:
    return Block.objects.filter(hash=mined.header.hash, canonical=True).exists()


def _require_watched(mined: Mined) -> None:
    """Raise ContractNotWatched unless a log of the transaction is of a contract that was watched at its block."""
    addresses = {log.address for log in mined.its_logs}
    if not WatchedContract.objects.filter(address__in=addresses, from_block__lte=mined.header.number).exists():
        raise ContractNotWatched(tx_hash=mined.tx_hash, block_number=mined.header.number)


def _require_not_final(mined: Mined) -> None:
    """Raise IncompleteAnswer where the node puts the transaction into another block than the final one we have."""
    final, number = final_number(), mined.header.number
    if final is None or number > final:
        return
    stored = Block.objects.filter(number=number, canonical=True).values_list("hash", flat=True).first()
    if stored is not None and stored != mined.header.hash:
        raise IncompleteAnswer(what="final block is not ours", number=number)


def _wait(deadline: float) -> None:
    """Wake the stream, and give it a moment."""
    with unit_of_work():
        notify(watching.CHANNEL)
    time.sleep(max(0, min(POLL_SECONDS, deadline - time.monotonic())))


def _complete(actor: Actor, mined: Mined, now: datetime) -> Ingested | None:
    """Store what is missing of the block, in one commit; None if the block was orphaned in the meantime."""
    number = mined.header.number
    with unit_of_work():
        # No rewind, no finality and no fold of the stream's commits meanwhile.
        hold_off(ENGINE)
        cursor = StreamCursor.objects.select_for_update(no_key=True).filter(name=STREAM, number__gte=number).first()
        block = Block.objects.filter(hash=mined.header.hash, canonical=True).first()
        if cursor is None or block is None or _is_being_backfilled(mined):
            return None
        missing = _store_missing(mined, block, now)
        after = {"block_number": number, "block_hash": block.hash, "stored": len(missing)}
        log_audit_event(
            actor=actor,
            action="chain.transaction_ingested",
            resource_type="chain_transaction",
            resource_id=mined.tx_hash,
            after=after,
        )
        if missing:
            _alarm(number, len(missing), now)
    return Ingested(number, is_here=True, stored=len(missing))


def _store_missing(mined: Mined, block: Block, now: datetime) -> Sequence[int]:
    """Store the logs that coverage promised and are not there; their ids."""
    kinds = _covered_at(block.number)
    known = set(RawLog.objects.filter(block=block).values_list("log_index", flat=True))
    lacking = [log for log in mined.logs if log.address in kinds and log.log_index not in known]
    if not lacking:
        return ()
    store_logs(prepare(lacking, kinds), {block.hash: StoredBlock(block.pk, is_bare=False)}, now=now)
    withdraw_layouts(changes=code_changes(lacking, kinds), now=now)
    stored = RawLog.objects.filter(block=block, log_index__in=[log.log_index for log in lacking])
    ids = list(stored.values_list("pk", flat=True))
    fold_late(logs=ids)
    return ids


def _covered_at(number: int) -> dict[str, ContractKind]:
    """The contracts whose logs of this block should be there: of others the backfill brings them."""
    reached = Q(covered=True) | Q(covered=False, covered_to__gte=number)
    found = WatchedContract.objects.filter(reached, from_block__lte=number)
    return {address: ContractKind(kind) for address, kind in found.values_list("address", "kind")}


def _is_being_backfilled(mined: Mined) -> bool:
    """Whether a contract of the transaction's logs is watched of late, and its past has not come so far."""
    number, addresses = mined.header.number, {log.address for log in mined.its_logs}
    behind = WatchedContract.objects.filter(covered=False, from_block__lte=number, covered_to__lt=number)
    return behind.filter(address__in=addresses).exists()


def _alarm(number: int, missing: int, now: datetime) -> None:
    raise_alert(
        dedup_key=f"{SOURCE}:{number}",
        severity=Severity.CRITICAL,
        summary=f"{missing} logs of block {number} were missing although it was covered: compare the books with it.",
        source=SOURCE,
        now=now,
    )
