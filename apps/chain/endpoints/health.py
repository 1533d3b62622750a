"""What a failure says of a node, and what operators are told of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings

from apps.chain.errors import ChainMismatch, ChainUnavailable, IncompleteAnswer, NodeBehind, RpcError, WrongChain
from apps.chain.models import Block, RpcEndpoint
from apps.chain.types.endpoints import EndpointReason, EndpointState
from apps.core.alerts import settle_alerts
from apps.core.db import unit_of_work
from apps.core.types import Condition, Severity

SOURCE = "chain.endpoints"
FAULTS = (ChainUnavailable, WrongChain, ChainMismatch, NodeBehind, IncompleteAnswer, RpcError)
# Only a person lets these back.
FOR_GOOD = frozenset({EndpointReason.WRONG_CHAIN, EndpointReason.WRONG_HISTORY, EndpointReason.UNAUTHORIZED})
# They may be asked all the same where nobody better is there: what they say is checked as ever.
LAST_RESORT = frozenset({EndpointReason.BEHIND, EndpointReason.FAILING})
# Near the head a reorganisation, or a balancer between nodes of several heights, does this; deeper down it is a lie.
PASSING = frozenset(
    {
        "header",
        "another block",
        "logs",
        "receipts",
        "unlinked headers",
        "log of another block",
        "receipts of another block",
    }
)
NEAR_HEAD = 2
NOT_LET_IN = frozenset({401, 403})


def verdict(error: Exception, head: int | None) -> EndpointReason:
    """Why a node that failed with `error` is not asked for a while, or for good; `head` is its own newest block."""
    if isinstance(error, WrongChain):
        return EndpointReason.WRONG_CHAIN
    if isinstance(error, ChainMismatch):
        return EndpointReason.WRONG_HISTORY
    if isinstance(error, NodeBehind):
        return EndpointReason.BEHIND
    if isinstance(error, IncompleteAnswer):
        number = error.context.get("number")
        near = number is None or head is None or number >= head - NEAR_HEAD
        return EndpointReason.BEHIND if error.context.get("what") in PASSING and near else EndpointReason.LIED
    if isinstance(error, ChainUnavailable) and error.context.get("status") in NOT_LET_IN:
        return EndpointReason.UNAUTHORIZED
    return EndpointReason.FAILING


def settle(names: Iterable[str], now: datetime) -> None:
    """Make the open alerts about nodes be those of their rows as they are now: two engines tell of them."""
    with unit_of_work():
        rows = RpcEndpoint.objects.filter(name__in=list(names))
        settle_alerts(source=SOURCE, conditions=conditions(rows, now), now=now)


def conditions(rows: Iterable[RpcEndpoint], now: datetime) -> dict[str, Condition]:
    """By key `chain.endpoints:<name>`, what is wrong with each node."""
    known = list(rows)
    finals = {row.final_number: row.final_hash for row in known if row.final_number is not None}
    ours = dict(Block.objects.filter(canonical=True, number__in=finals).values_list("number", "hash"))
    found = {f"{SOURCE}:{row.name}": _condition(row, ours, now) for row in known}
    return {key: condition for key, condition in found.items() if condition}


def _condition(row: RpcEndpoint, ours: Mapping[int, str], now: datetime) -> Condition | None:
    about = f"The node {row.name} {EndpointReason(row.reason).label}" if row.reason else f"The node {row.name}"
    if row.state == EndpointState.DISABLED:
        return Condition(Severity.CRITICAL, f"{about}: it is not asked until a person lets it back.")
    if row.reason == EndpointReason.LIED:
        return Condition(Severity.ERROR, f"{about}: it is not asked for a while; nothing of its answer was kept.")
    if row.final_number is not None and ours.get(row.final_number, row.final_hash) != row.final_hash:
        return Condition(
            Severity.CRITICAL, f"{about} calls another block final at {row.final_number} than the books have."
        )
    limit = timedelta(seconds=settings.SECURITY.chain.endpoints.alert_seconds)
    if row.state == EndpointState.QUARANTINED and row.troubled_at is not None and now - row.troubled_at >= limit:
        return Condition(Severity.WARNING, f"{about}, and has for {int(limit.total_seconds())} seconds or longer.")
    if row.oldest_block > 0 and _nobody_has_less(row):
        return Condition(
            Severity.WARNING, f"{about} has no logs before block {row.oldest_block}, and no other node has them."
        )
    return None


def _nobody_has_less(row: RpcEndpoint) -> bool:
    """Whether every node that may be asked lacks the logs that this one lacks."""
    return not RpcEndpoint.objects.filter(state=EndpointState.HEALTHY, oldest_block__lt=row.oldest_block).exists()
