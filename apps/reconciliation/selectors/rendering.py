"""A run as plain data, the same for the API and the command line: amounts as decimal strings of their asset."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.money import format_base_units
from apps.reconciliation.types import (
    AttestationView,
    BreakDetail,
    BreakEventView,
    BreakView,
    CutOffView,
    EntryEvidence,
    Finding,
    LookBack,
    ResolutionView,
    RunView,
)


def run_as_dict(run: RunView, *, breaks: bool = True) -> dict[str, Any]:
    """The run; with `breaks`, those it saw."""
    plain: dict[str, Any] = {
        "id": str(run.id),
        "isin": run.isin,
        "depth": run.depth,
        "whole": run.whole,
        "status": run.status,
        "cut_off": _cut_off(run.cut_off) if run.cut_off else None,
        "problems": list(run.problems),
        "wallets": run.wallets,
        "unknown_reads": run.unknown_reads,
        "in_flight": run.in_flight,
        "breaks_found": run.breaks_found,
        "started_at": _instant(run.started_at),
        "finished_at": _instant(run.finished_at),
    }
    return plain | ({"breaks": [break_as_dict(found) for found in run.breaks]} if breaks else {})


def look_back_as_dict(seen: LookBack) -> dict[str, Any]:
    """What a run at an earlier block would find."""
    return {
        "isin": seen.isin,
        "status": seen.status,
        "cut_off": _cut_off(seen.cut_off) if seen.cut_off else None,
        "problems": list(seen.problems),
        "wallets": seen.wallets,
        "breaks": [_finding(found) for found in seen.findings],
    }


def _finding(found: Finding) -> dict[str, Any]:
    amounts = {"expected": found.books, "actual": found.chain, "events": found.events}
    said = {
        name: None if units is None else format_base_units(units, found.decimals) for name, units in amounts.items()
    }
    return {
        "kind": str(found.kind),
        "asset": found.asset,
        "wallet_address": found.wallet_address,
        **said,
        "message": found.message,
        "tx_hash": found.tx_hash,
        "details": found.details,
    }


def break_as_dict(found: BreakView) -> dict[str, Any]:
    """One break. `expected` is what the books say, `actual` the chain, `events` the stored final events."""
    return {
        "id": str(found.id),
        "isin": found.isin,
        "kind": found.kind,
        "state": found.state,
        "asset": found.asset,
        "wallet_address": found.wallet_address,
        "expected": _amount(found, found.expected),
        "actual": _amount(found, found.actual),
        "events": _amount(found, found.events),
        "message": found.message,
        "tx_hash": found.tx_hash,
        "details": found.details,
        "first_seen_at": _instant(found.first_seen_at),
        "last_seen_at": _instant(found.last_seen_at),
        "run_id": str(found.run_id),
        "severity": found.severity,
        "owner_id": _key(found.owner_id),
        "remedy": _remedy(found.remedy, found.decimals),
    }


def attestation_as_dict(found: AttestationView) -> dict[str, Any]:
    """A signed statement."""
    totals = {name: format_base_units(getattr(found, name), found.decimals) for name in ("booked", "units", "supply")}
    return totals | {
        "run_id": str(found.run_id),
        "isin": found.isin,
        "block_number": found.block_number,
        "block_hash": found.block_hash,
        "state_root": found.state_root,
        "positions": found.positions,
        "positions_root": found.positions_root,
        "statement": found.statement,
        "signature": found.signature,
        "public_key": found.public_key,
        "key_id": found.key_id,
        "recorded_at": _instant(found.recorded_at),
    }


def detail_as_dict(detail: BreakDetail) -> dict[str, Any]:
    """A break with its events, resolutions and evidence."""
    decimals = detail.found.decimals
    return break_as_dict(detail.found) | {
        "history": [_event(event, decimals) for event in detail.happened],
        "resolutions": [resolution_as_dict(made) for made in detail.resolutions],
        "evidence": {
            "logs": [asdict(log) | {"amount": _scaled(log.amount, log.decimals)} for log in detail.evidence.logs],
            "entries": [_entry(entry) for entry in detail.evidence.entries],
            "transactions": [
                asdict(sent) | {"intent_id": _key(sent.intent_id)} for sent in detail.evidence.transactions
            ],
        },
    }


def resolution_as_dict(made: ResolutionView) -> dict[str, Any]:
    """A proposal and its decision."""
    return {
        "id": str(made.id),
        "break_id": str(made.break_id),
        "kind": made.kind,
        "state": made.state,
        "reason": made.reason,
        "asset": made.asset,
        "remedy": _remedy(made.remedy, made.decimals),
        "proposed_by": str(made.proposed_by),
        "proposed_at": _instant(made.proposed_at),
        "decided_by": _key(made.decided_by),
        "decided_at": made.decided_at and _instant(made.decided_at),
        "transfer_id": made.transfer_id,
    }


def _event(event: BreakEventView, decimals: int) -> dict[str, Any]:
    return {
        "id": event.id,
        "change": event.change,
        "run_id": _key(event.run_id),
        "user_id": _key(event.user_id),
        "kind": event.kind,
        "expected": _scaled(event.expected, decimals),
        "actual": _scaled(event.actual, decimals),
        "events": _scaled(event.events, decimals),
        "tx_hash": event.tx_hash,
        "message": event.message,
        "details": event.details,
        "recorded_at": _instant(event.recorded_at),
    }


def _entry(entry: EntryEvidence) -> dict[str, Any]:
    amount = format_base_units(entry.amount, entry.decimals)
    return asdict(entry) | {"amount": amount, "effective_at": _instant(entry.effective_at)}


def _remedy(remedy: dict[str, Any] | None, decimals: int) -> dict[str, Any] | None:
    """The entry as it is stored, its amount in units."""
    return remedy and remedy | {"amount": format_base_units(int(remedy["amount"]), decimals)}


def _key(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def _scaled(units: int | None, decimals: int | None) -> str | None:
    """A decimal string; base units where the scale is not known."""
    return None if units is None else format_base_units(units, decimals or 0)


def _cut_off(cut_off: CutOffView) -> dict[str, Any]:
    return {
        "chain_id": cut_off.chain_id,
        "block_number": cut_off.block_number,
        "block_hash": cut_off.block_hash,
        "block_time": _instant(cut_off.block_time),
        "state_root": cut_off.state_root,
        "ledger_sequence": cut_off.ledger_sequence,
        "endpoints": list(cut_off.endpoints),
    }


def _amount(found: BreakView, units: int | None) -> str | None:
    return _units(units, found.decimals)


def _units(units: int | None, decimals: int) -> str | None:
    return None if units is None else format_base_units(units, decimals)


def _instant(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
