"""What a person has to know of the stream: its open alerts are made to be those of its state, once a second."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q

from apps.chain.models import HolderBalance
from apps.chain.selectors.stream import open_letters, stream_status
from apps.core.alerts import settle_alerts
from apps.core.db import unit_of_work
from apps.core.metrics import counted
from apps.core.types import Condition, Severity

SOURCE = "chain.stream"
OFTEN = timedelta(seconds=1)
# All balances are read for this.
BALANCES_OFTEN = timedelta(minutes=5)
NEGATIVE = Q(head__lt=0) | Q(final__lt=0) | Q(frozen_head__lt=0) | Q(frozen_final__lt=0)


class StreamWatch:
    """The ingester's own look at what it does; it looks also where no node answers."""

    def __init__(self) -> None:
        self._settled_at: datetime | None = None
        self._balances_at: datetime | None = None
        self._negative: dict[str, int] = {}

    def forget(self) -> None:
        """Look at everything with the next look."""
        self._settled_at = self._balances_at = None

    def look(self, now: datetime) -> None:
        """Settle the alerts of the stream, if the last time is a while ago."""
        if not _is_due(self._settled_at, now, OFTEN):
            return
        if _is_due(self._balances_at, now, BALANCES_OFTEN):
            self._negative, self._balances_at = negative_balances(), now
        with unit_of_work():
            settle_alerts(source=SOURCE, conditions=conditions(self._negative, now), now=now)
        self._settled_at = now


def conditions(negative: dict[str, int], now: datetime) -> dict[str, Condition]:
    """By key, what is wrong with the stream; `negative` are wallets below zero, by token."""
    status = stream_status(now)
    limit = settings.SECURITY.chain.stream.lag_seconds
    found: dict[str, Condition] = {}
    if status.halted:
        found["halted"] = Condition(
            Severity.CRITICAL, f"The stream of blocks halted ({status.halted}): a person decides how it goes on."
        )
    is_old = status.age_seconds is not None and status.age_seconds > limit
    if is_old and status.lag_blocks:
        found["lag"] = Condition(
            Severity.WARNING, f"The newest stored block is older than {limit} seconds, nodes go on."
        )
    elif is_old and not status.nodes_well:
        found["lag"] = Condition(
            Severity.WARNING, f"The newest stored block is older than {limit} seconds, and no node is well."
        )
    if letters := counted(open_letters()):
        found["dead_letters"] = Condition(Severity.WARNING, f"{letters} logs of watched contracts could not be read.")
    for token, wallets in negative.items():
        found[f"negative:{token}"] = Condition(
            Severity.CRITICAL, f"{wallets} wallets of token {token} have a balance below zero by its events."
        )
    return {f"{SOURCE}:{key}": condition for key, condition in found.items()}


def negative_balances() -> dict[str, int]:
    """By token, the wallets whose folded units are below zero: the token's logs do not tell its balances."""
    rows = HolderBalance.objects.filter(NEGATIVE).values_list("token").annotate(wallets=Count("id"))
    return dict(rows.order_by("token"))


def _is_due(last: datetime | None, now: datetime, often: timedelta) -> bool:
    return last is None or abs(now - last) >= often
