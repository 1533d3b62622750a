"""Send due instructions: one settle() call for many, re-checked first, written in one unit of work."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from apps.chain.selectors.blocks import final_head
from apps.chain.selectors.contracts import address
from apps.chain.selectors.tokens import live_bindings
from apps.chain.services.calldata import Trade, settle
from apps.chain.services.intents import submit
from apps.chain.types import SignerRole
from apps.compliance.services.eligibility import decide_many
from apps.compliance.types import Action, Subject
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work, within_unit_of_work
from apps.settlement.models import SettlementAttempt, SettlementInstruction
from apps.settlement.reasons import Failure
from apps.settlement.selectors.contracts import cash_addresses
from apps.settlement.services.following import SETTLEMENT_CONTRACT
from apps.settlement.services.status import LATE, cancel, mark_sent
from apps.settlement.types import CALL_FAILED, POLICY, Reason, SettlementPolicy

SETTLE = "settle"
Instructions = list[SettlementInstruction]


def send_due(*, leadership: Leadership, now: datetime, policy: SettlementPolicy = POLICY) -> bool:
    """Settle what is due, at most `policy.batch` instructions in one call; true if more may be waiting.

    Late ones (by chain time) and those whose parties are no longer eligible are cancelled, both legs given back.
    The rest get one intent, one attempt row each and their status in this commit, so a crash sends nothing twice.
    """
    if (head := final_head()) is None:
        return False
    with unit_of_work():
        leadership.fence()
        due = _take_due(now, policy)
        in_time = [row for row in due if row.deadline >= head.timestamp]
        late = [row for row in due if row.deadline < head.timestamp]
        if late:
            cancel(rows=late, failure=LATE, now=now)
        if eligible := _recheck(in_time, now):
            _send(eligible, now)
    return bool(due)


def _take_due(now: datetime, policy: SettlementPolicy) -> Instructions:
    """Lock the oldest due instructions.

    After a whole call failed, its instructions go again in ever smaller calls, so that one that poisons a call
    ends up alone.
    """
    due = SettlementInstruction.objects.open().filter(open_intent_id=None, next_attempt_at__lte=now)
    locked = due.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("next_attempt_at", "id")
    if (first := locked.first()) is None:
        return []
    if first.reason_detail.startswith(CALL_FAILED):
        together = locked.filter(attempts=first.attempts, reason_detail__startswith=CALL_FAILED)
        return list(together[: max(1, policy.batch // 7**first.attempts)])
    return list(locked.exclude(reason_detail__startswith=CALL_FAILED)[: policy.batch])


def _recheck(rows: Instructions, now: datetime) -> Instructions:
    """Those whose seller and buyer are both still eligible; the others are cancelled."""
    subjects = [
        Subject(f"{row.pk}:{side}", party_id, row.isin, wallet)
        for row in rows
        for side, party_id, wallet in (
            ("seller", row.seller_party_id, row.seller_wallet),
            ("buyer", row.buyer_party_id, row.buyer_wallet),
        )
    ]
    decisions = decide_many(subjects=subjects, action=Action.SETTLEMENT, now=now) if subjects else {}
    eligible = []
    for row in rows:
        sides = [decisions[f"{row.pk}:{side}"] for side in ("seller", "buyer")]
        if all(decision.allowed for decision in sides):
            eligible.append(row)
            continue
        codes = sorted({code for decision in sides for code in decision.codes})
        cancel(rows=[row], failure=Failure(Reason.CANS, "INELIGIBLE: " + ", ".join(codes)[:180]), now=now)
    return eligible


@within_unit_of_work
def _send(rows: Instructions, now: datetime) -> None:
    intent = submit(
        signer=SignerRole.OPERATOR,
        to=address(SETTLEMENT_CONTRACT),
        data=settle(_trades(rows)),
        kind=SETTLE,
        business_key=_business_key(rows),
        now=now,
    )
    SettlementAttempt.objects.bulk_create(
        SettlementAttempt(instruction=row, number=row.attempts + 1, intent_id=intent.id) for row in rows
    )
    mark_sent(instructions=rows, intent_id=intent.id)


def _business_key(rows: Instructions) -> str:
    """The same attempts always make the same intent."""
    attempts = ",".join(sorted(f"{row.pk}:{row.attempts + 1}" for row in rows))
    return f"settle:{hashlib.sha256(attempts.encode()).hexdigest()}"


def _trades(rows: Sequence[SettlementInstruction]) -> list[Trade]:
    tokens = {binding.isin: binding.address for binding in live_bindings()}
    cash = cash_addresses()
    return [
        Trade(
            id=bytes.fromhex(row.dvp_id[2:]),
            seller=row.seller_wallet,
            buyer=row.buyer_wallet,
            security=tokens[row.isin],
            payment=cash[row.cash_asset],
            quantity=row.quantity,
            amount=row.cash_amount,
            deadline=int(row.deadline.timestamp()),
        )
        for row in rows
    ]
