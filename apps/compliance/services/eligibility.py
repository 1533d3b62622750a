"""Eligibility: one question, asked before an issuance, an order and a settlement; every answer is recorded."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from apps.compliance.errors import TransferRestricted
from apps.compliance.models import EligibilityDecision
from apps.compliance.rules import VERSION, refusals
from apps.compliance.selectors.facts import load_facts
from apps.compliance.types import Action, Decision, RuleCode, Subject
from apps.core.db import after_rollback, copy_rows, within_unit_of_work


@within_unit_of_work
def decide_many(*, subjects: Sequence[Subject], action: Action, now: datetime) -> dict[str, Decision]:
    """Answer and record many questions in one query and one COPY; decisions by the subjects' `ref`."""
    decisions = _evaluate(subjects, action, now)
    _record(list(decisions.values()), now)
    return decisions


@within_unit_of_work
def decide(*, party_id: UUID, isin: str, action: Action, now: datetime, wallet_address: str | None = None) -> Decision:
    """Answer and record one question. With no wallet named, the party's trading wallet for the security counts."""
    subject = Subject(ref=str(party_id), party_id=party_id, isin=isin, wallet_address=wallet_address)
    return decide_many(subjects=[subject], action=action, now=now)[subject.ref]


@within_unit_of_work
def require_eligible(
    *, party_id: UUID, isin: str, action: Action, now: datetime, wallet_address: str | None = None
) -> Decision:
    """The recorded decision, if it allows.

    Raises TransferRestricted, whose context lists each refusing rule. The refusal is recorded after the
    caller's rollback, so that it is known and nothing else has changed.
    """
    decision = decide(party_id=party_id, isin=isin, action=action, now=now, wallet_address=wallet_address)
    if decision.allowed:
        return decision
    after_rollback(lambda: _record([decision], now))
    reasons = [{"code": code, "message": RuleCode(code).label} for code in decision.codes]
    raise TransferRestricted(isin=isin, action=str(action), reasons=reasons)


def _evaluate(subjects: Sequence[Subject], action: Action, now: datetime) -> dict[str, Decision]:
    facts = load_facts(subjects)
    return {
        s.ref: Decision(s.ref, s.party_id, s.isin, action, facts[s.ref].wallet_address, refusals(facts[s.ref], now))
        for s in subjects
    }


def _record(decisions: Sequence[Decision], now: datetime) -> None:
    columns = ["party_id", "isin", "action", "wallet_address", "subject_ref", "allowed", "codes"]
    rows = [
        (d.party_id, d.isin, d.action, d.wallet_address, d.ref, d.allowed, f"{{{','.join(d.codes)}}}", VERSION, now)
        for d in decisions
    ]
    copy_rows(EligibilityDecision, [*columns, "rules_version", "decided_at"], rows)
