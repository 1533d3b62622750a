"""Whether our signers can pay for what they will send: a node is asked once a minute, whatever is to be sent."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from apps.chain.gateway import Node
from apps.chain.models import Signer
from apps.chain.selectors.funds import SOURCE, funds_key
from apps.chain.services.limits import GWEI
from apps.core.alerts import settle_alerts
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work
from apps.core.types import Condition, Severity

log = logging.getLogger(__name__)

OFTEN = timedelta(minutes=1)


class FundsWatch:
    """The sender's look at its signers' ether."""

    def __init__(self) -> None:
        self._asked_at: datetime | None = None

    def forget(self) -> None:
        """Ask with the next step."""
        self._asked_at = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to ask; if so, not again for a minute, whether or not a node answers."""
        if self._asked_at is not None and abs(now - self._asked_at) < OFTEN:
            return False
        self._asked_at = now
        return True


def look_at_funds(*, node: Node, leadership: Leadership, now: datetime) -> None:
    """Settle the alerts of signers that have less than `low_gwei` at the node's newest block.

    Unless the node tells the ether of each, alerts stay as they are. Raises ChainUnavailable, WrongChain, Deposed.
    """
    addresses = dict(Signer.objects.order_by("role").values_list("role", "address"))
    answers = node.batch([("eth_getBalance", (address, "latest")) for address in addresses.values()])
    found = {role: _wei(answer) for role, answer in zip(addresses, answers, strict=True)}
    balances = {role: wei for role, wei in found.items() if wei is not None}
    if len(balances) < len(found):
        log.warning("ether of signers not told", extra={"signers": sorted(set(found) - set(balances))})
        return
    with unit_of_work():
        leadership.fence()
        settle_alerts(source=SOURCE, conditions=conditions(balances), now=now)


def conditions(balances: Mapping[str, int]) -> dict[str, Condition]:
    """By key, the signers that have too little; `balances` are wei by role."""
    least = settings.SECURITY.chain.sending.low_gwei
    return {
        funds_key(role): Condition(
            Severity.WARNING, f"Signer {role} has {wei // GWEI} gwei of ether left, less than {least}: fund it."
        )
        for role, wei in balances.items()
        if wei < least * GWEI
    }


def _wei(answer: object) -> int | None:
    """None for what is no quantity."""
    try:
        return int(answer, 16) if isinstance(answer, str) else None
    except ValueError:
        return None
