"""Storage layouts: verified by what the storage holds, withdrawn in the commit that stores a change of code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.audit.services.trail import log_audit_event
from apps.chain.codec.upgrades import OF_AUTHORITIES, OF_TOKENS
from apps.chain.errors import LayoutUnverified, NotCovered
from apps.chain.gateway import Node
from apps.chain.models import StorageLayout, TokenBinding
from apps.chain.selectors import blocks, holdings, storage
from apps.chain.selectors.layouts import LayoutView, layout
from apps.chain.selectors.probing import token_facts
from apps.chain.selectors.slots import find_slots
from apps.chain.selectors.tokens import binding as find_binding
from apps.chain.services.watching import watch
from apps.chain.types import LAYOUT_CHANGED, BindingView, ContractKind, LayoutState
from apps.chain.wire import WireLog
from apps.core import outbox
from apps.core.actor import Actor, system_actor
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.types import Severity

HOLDERS = 200  # compared, the largest first


@dataclass(frozen=True, slots=True)
class CodeChange:
    """In this block a contract may have come to run other code."""

    address: str
    block_number: int
    event: str


def alert_key(isin: str) -> str:
    """The alert of a token whose storage nobody may rely on."""
    return f"chain.layout:{isin}"


def code_changes(logs: Iterable[WireLog], kinds: Mapping[str, ContractKind]) -> list[CodeChange]:
    """Changes of code that watched tokens and authorities tell of."""
    found = []
    for log in logs:
        topic = log.topics[0] if log.topics else ""
        told = OF_AUTHORITIES if kinds.get(log.address) == ContractKind.AUTHORITY else OF_TOKENS
        if event := told.get(topic):
            found.append(CodeChange(log.address, log.block_number, event))
    return found


@within_unit_of_work
def withdraw_layouts(*, changes: Iterable[CodeChange], now: datetime) -> None:
    """No proof rests on a layout from the block on in which its token's code may have changed.

    Also where that block is orphaned later: to look again costs less than to be wrong.
    """
    for change in changes:
        of_token = Q(binding__address=change.address) | Q(binding__authority=change.address)
        rows = StorageLayout.objects.filter(of_token, state=LayoutState.VERIFIED, from_block__lt=change.block_number)
        for row in rows.select_for_update(of=("self",), no_key=True).select_related("binding").order_by("id"):
            _withdraw(row, change, now)


@within_unit_of_work
def _withdraw(row: StorageLayout, change: CodeChange, now: datetime) -> None:
    row.state, row.withdrawn_block, row.reason = LayoutState.WITHDRAWN, change.block_number, change.event
    row.save()
    isin = row.binding.isin
    told = {"isin": isin, "address": row.binding.address, "block_number": change.block_number, "event": change.event}
    outbox.publish(topic=LAYOUT_CHANGED, key=isin, payload=told)
    log_audit_event(
        actor=system_actor(),
        action="chain.layout_withdrawn",
        resource_type="security",
        resource_id=isin,
        after={"block_number": change.block_number, "event": change.event},
    )
    summary = (
        f"{isin}: {change.event} in block {change.block_number}: other code may run at {row.binding.address};"
        " proofs are refused from that block on until its storage layout is verified again"
    )
    raise_alert(dedup_key=alert_key(isin), severity=Severity.CRITICAL, summary=summary, now=now)


def verify_layout(*, actor: Actor, node: Node, isin: str, now: datetime) -> LayoutView:
    """Find where the token keeps its balances, and hold that against what its code answers and its logs tell.

    Compared are the supply and the 200 largest holders at the last final block; one that is verified and still holds
    stays as it is. Raises LayoutUnverified with the reason (NO_HOLDERS, UNREAD, FOLD_DIFFERS, NOT_FOUND, AMBIGUOUS,
    CHANGE_NOT_FINAL), NotCovered, UndecodedLogs, UnknownToken, ChainUnavailable.
    """
    bound, final = find_binding(isin), blocks.final_head()
    if final is None or not bound.address:
        raise NotCovered(address=bound.address, block_number=final.number if final else 0)
    fold = holdings.fold(bound.address, final.number)
    largest = sorted(fold.by_wallet.items(), key=lambda each: (-each[1], each[0]))[:HOLDERS]
    held = {wallet: units for wallet, units in largest if units > 0}
    _require_equal(node, bound, held, fold.supply, final.hash)
    pairs = find_slots(node, bound.address, held, fold.supply, final.hash)
    if len(pairs) != 1:
        raise LayoutUnverified(isin=isin, reason="AMBIGUOUS" if pairs else "NOT_FOUND")
    facts = token_facts(node, bound.address, final.hash)
    authority = facts.authority if facts else None
    with unit_of_work():
        _keep(bound, pairs[0], len(held), (final.number, final.hash), authority, now)
        log_audit_event(
            actor=actor,
            action="chain.layout_verified",
            resource_type="security",
            resource_id=isin,
            after={"block_number": final.number, "balances_slot": pairs[0][0], "supply_slot": pairs[0][1]},
        )
    return layout(isin, final.number)


def _require_equal(node: Node, bound: BindingView, held: dict[str, int], supply: int, block_hash: str) -> None:
    if not held:
        raise LayoutUnverified(isin=bound.isin, reason="NO_HOLDERS")
    stored = storage.balances_at(node, bound.address, held, block_hash)
    total = storage.total_supply_at(node, bound.address, block_hash)
    if total is None or None in stored.values():
        raise LayoutUnverified(isin=bound.isin, reason="UNREAD")
    if stored != held or total != supply:
        raise LayoutUnverified(isin=bound.isin, reason="FOLD_DIFFERS")


@within_unit_of_work
def _keep(
    bound: BindingView,
    slots: tuple[str, str],
    holders: int,
    at: tuple[int, str],
    authority: str | None,
    now: datetime,
) -> None:
    """Write the layout down, unless the same is in force, and watch who decides about the code from here on."""
    binding = TokenBinding.objects.select_for_update(no_key=True).get(address=bound.address)
    number, block_hash = at
    known = list(StorageLayout.objects.filter(binding=binding).select_for_update(no_key=True).order_by("-id"))
    if any(row.withdrawn_block is not None and row.withdrawn_block > number for row in known):
        raise LayoutUnverified(isin=bound.isin, reason="CHANGE_NOT_FINAL")
    current = next((row for row in known if row.state == LayoutState.VERIFIED), None)
    if current and (current.balances_slot, current.supply_slot) != slots:
        # Its code changed and nothing told us: what was proved since then is worth nothing.
        change = CodeChange(bound.address, current.from_block + 1, "SILENT_CHANGE")
        _withdraw(current, change, now)
        current = None
    if current is None:
        StorageLayout.objects.create(
            binding=binding,
            from_block=number,
            state=LayoutState.VERIFIED,
            balances_slot=slots[0],
            supply_slot=slots[1],
            block_hash=block_hash,
            holders=holders,
            verified_at=now,
        )
    if authority and binding.authority != authority:
        binding.authority = authority
        binding.save(update_fields=["authority"])
    if authority:
        watch_authority(address=authority, from_block=number, now=now)
    resolve_alert(dedup_key=alert_key(bound.isin), now=now)


@within_unit_of_work
def watch_authority(*, address: str, from_block: int, now: datetime) -> None:
    """Keep the logs of a contract that decides which code tokens run. Raises WatchConflict."""
    watch(address=address, kind=ContractKind.AUTHORITY, from_block=from_block, now=now)
