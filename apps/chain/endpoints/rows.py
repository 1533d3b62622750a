"""The nodes' rows: what is remembered of each across restarts, moved under the row's lock in commits of their own."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from apps.chain.errors import EndpointDisabled
from apps.chain.fetching import Limits, Tip
from apps.chain.gateway import FIRST
from apps.chain.limits import WIDEST_RANGE, Cap
from apps.chain.models import RpcEndpoint
from apps.chain.types.endpoints import EndpointReason, EndpointState
from apps.core.db import unit_of_work

NAMES = (FIRST, *(f"{FIRST}_{number}" for number in range(2, 6)))
DAY = timedelta(hours=24)
# By method, where in Limits it is said whether the node has it.
METHODS = {"eth_getBlockReceipts": "block_receipts", "eth_getRawTransactionByHash": "raw_transactions"}


def rows_of(names: Iterable[str], now: datetime) -> Mapping[str, RpcEndpoint]:
    """The row of each node in the order of names, written where there is none yet."""
    wanted = list(names)
    found = RpcEndpoint.objects.in_bulk(wanted)
    if len(found) < len(wanted):
        missing = [_new(name, NAMES.index(name) + 1, now) for name in wanted if name not in found]
        with unit_of_work():
            RpcEndpoint.objects.bulk_create(missing, ignore_conflicts=True)
        found = RpcEndpoint.objects.in_bulk(wanted)
    return {name: found[name] for name in wanted}


def _new(name: str, place: int, now: datetime) -> RpcEndpoint:
    return RpcEndpoint(name=name, priority=place, since=now, **columns_of(Limits()))


def limits_of(row: RpcEndpoint) -> Limits:
    """What the node was seen to take."""
    found = Limits(
        ranges=Cap(row.range_blocks, row.range_hint or WIDEST_RANGE),
        hinted_at=row.hinted_at,
        batch_calls=row.batch_calls,
        oldest_block=row.oldest_block,
    )
    found.headers.value, found.receipts.value = row.header_calls, row.receipt_calls
    for method, field in METHODS.items():
        setattr(found, field, row.capabilities.get(method, True))
    return found


def columns_of(limits: Limits) -> dict[str, Any]:
    """What the row says of a node that takes so much."""
    hint = None if limits.hinted_at is None else limits.ranges.most
    return {
        "range_blocks": limits.ranges.value,
        "range_hint": hint,
        "hinted_at": limits.hinted_at,
        "header_calls": limits.headers.value,
        "receipt_calls": limits.receipts.value,
        "batch_calls": limits.batch_calls,
        "oldest_block": limits.oldest_block,
        "capabilities": {method: False for method, field in METHODS.items() if not getattr(limits, field)},
    }


def store_limits(name: str, columns: Mapping[str, Any]) -> None:
    """Write down what was learned of a node."""
    RpcEndpoint.objects.filter(pk=name).update(**columns)


def store_sight(row: RpcEndpoint, tip: Tip, now: datetime, *, level: bool) -> None:
    """Write down how far the node is; `level`: no other is much higher."""
    moved = row.head_number != tip.head.number
    seen = {
        "head_number": tip.head.number,
        "head_at": now if moved or level else row.head_at,
        "final_number": tip.final.number if tip.final else None,
        "final_hash": tip.final.hash if tip.final else None,
        "checked_at": now,
    }
    for field, value in seen.items():
        setattr(row, field, value)
    RpcEndpoint.objects.filter(pk=row.pk).update(**seen)


def heal(row: RpcEndpoint, now: datetime) -> None:
    """Ask it again like any other: its quarantine is over, or it does what it failed in."""
    row.state, row.reason, row.since, row.until = EndpointState.HEALTHY, "", now, None
    # A person, or the other engine, may have disabled it meanwhile.
    quarantined = RpcEndpoint.objects.filter(pk=row.pk, state=EndpointState.QUARANTINED)
    quarantined.update(state=row.state, reason="", since=now, until=None)


def quarantine(name: str, reason: EndpointReason, now: datetime) -> RpcEndpoint:
    """Ask it no more for a while, twice as long as the last time in a row; its row."""
    policy = settings.SECURITY.chain.endpoints
    with unit_of_work():
        row = RpcEndpoint.objects.select_for_update(no_key=True).get(pk=name)
        if row.state == EndpointState.DISABLED:
            return row
        longest = timedelta(seconds=policy.longest_quarantine_seconds)
        well_for_long = row.state == EndpointState.HEALTHY and now - row.since > longest
        row.failures = 1 if well_for_long else row.failures + 1
        row.troubled_at = now if row.failures == 1 or row.troubled_at is None else row.troubled_at
        seconds = _doubled(policy.quarantine_seconds, row.failures, policy.longest_quarantine_seconds)
        if reason is EndpointReason.LIED:
            row.lies, row.lied_at = row.lies + 1, [*(at for at in row.lied_at if now - at < DAY), now]
            seconds = _doubled(policy.lie_seconds, row.lies, policy.longest_lie_seconds)
        if len(row.lied_at) >= policy.lies_a_day and reason is EndpointReason.LIED:
            _set(row, EndpointState.DISABLED, EndpointReason.LIED_OFTEN, None, now)
        else:
            _set(row, EndpointState.QUARANTINED, reason, now + timedelta(seconds=seconds), now)
    return row


def disable(name: str, reason: EndpointReason, now: datetime) -> RpcEndpoint:
    """Ask it no more until a person lets it back; its row."""
    with unit_of_work():
        row = RpcEndpoint.objects.select_for_update(no_key=True).get(pk=name)
        _set(row, EndpointState.DISABLED, reason, None, now)
    return row


def put_aside(name: str, until: datetime, now: datetime) -> None:
    """Ask it no more before `until`, because a person said so. Raises EndpointDisabled."""
    with unit_of_work():
        row = RpcEndpoint.objects.select_for_update(no_key=True).get(pk=name)
        if row.state == EndpointState.DISABLED:
            raise EndpointDisabled(endpoint=name)
        _set(row, EndpointState.QUARANTINED, EndpointReason.BY_HAND, until, now)


def release(name: str, now: datetime) -> None:
    """Ask it again, as if it had never failed; what it takes in one question is learned anew."""
    with unit_of_work():
        row = RpcEndpoint.objects.select_for_update(no_key=True).get(pk=name)
        row.failures, row.troubled_at, row.lied_at, row.checked_at = 0, None, [], None
        for field, value in columns_of(Limits()).items():
            setattr(row, field, value)
        _set(row, EndpointState.HEALTHY, None, None, now)


def _doubled(first: int, times: int, longest: int) -> int:
    return int(min(longest, first * 2 ** min(times - 1, 30)))


def _set(
    row: RpcEndpoint, state: EndpointState, reason: EndpointReason | None, until: datetime | None, now: datetime
) -> None:
    if row.state != state or row.reason != (reason or ""):
        row.since = now
    row.state, row.reason, row.until = state, reason or "", until
    row.save()
