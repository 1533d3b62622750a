"""Write down what to send. The intent and its nonce are one commit with the business fact that wants them."""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.chain.eip1559 import require_sendable
from apps.chain.errors import IntentConflict, SignerUnavailable
from apps.chain.models import TxIntent
from apps.chain.selectors.intents import view
from apps.chain.services.limits import Uses, needs_two_people, require_within_reach
from apps.chain.services.permitting import require_permitted
from apps.chain.types import ExpectedEvent, IntentState, IntentView, NewIntent, SignerRole
from apps.core.db import as_columns, constraint_error, fetch_all, notify, within_unit_of_work
from apps.core.errors import SamePerson
from apps.core.ids import new_id

log = logging.getLogger(__name__)

CHANNEL = "chain_intents"

constraint_error("chain_intent_business_key_once", IntentConflict)
constraint_error("chain_intent_two_people", SamePerson)

KNOWN = "SELECT 1 FROM chain_txintent WHERE business_key = ANY(%s) LIMIT 1"
LOCK = "SELECT signer_id FROM chain_signernonce WHERE signer_id = ANY(%s) ORDER BY signer_id FOR NO KEY UPDATE"
# Column by column what an intent begins with; `ord` is its place among those of the statement.
WRITTEN = {
    "id": "uuid",
    "business_key": "text",
    "kind": "text",
    "signer_id": "text",
    '"to"': "text",
    "data": "bytea",
    "value": "numeric",
    "gas_limit": "int",
    "expect_topic": "text",
    "expect_address": "text",
    "expect_data": "bytea",
    "units": "numeric",
    "party_id": "uuid",
    "drafted_by": "uuid",
    "approved_by": "uuid",
    "approved_at": "timestamptz",
    "state": "text",
    "created_at": "timestamptz",
    "topics": "text",
}
_COPIED = ", ".join(f"f.{name}" for name in WRITTEN if name != "topics")
# Whoever held the nonces before us may have written one of these keys: this statement sees it, being a later one.
WRITE = f"""
    WITH asked AS (
        SELECT * FROM unnest({", ".join(f"%s::{kind}[]" for kind in WRITTEN.values())})
            WITH ORDINALITY AS a ({", ".join(WRITTEN)}, ord)
    ), fresh AS (
        SELECT a.*, a.state = 'NONCED' AS sendable FROM asked a
        WHERE NOT EXISTS (SELECT 1 FROM chain_txintent i WHERE i.business_key = a.business_key)
    ), taken AS (
        UPDATE chain_signernonce n SET next = n.next + c.number
        FROM (SELECT signer_id, count(*) AS number FROM fresh WHERE sendable GROUP BY signer_id) c
        WHERE n.signer_id = c.signer_id
        RETURNING n.signer_id, n.next - c.number AS first
    )
    INSERT INTO chain_txintent ({", ".join(name for name in WRITTEN if name != "topics")}, nonce, expect_topics,
                                reason, reason_detail)
    SELECT {_COPIED},
        CASE WHEN f.sendable
             THEN t.first + row_number() OVER (PARTITION BY f.signer_id, f.sendable ORDER BY f.ord) - 1 END,
        string_to_array(f.topics, ',', '*'), '', ''
    FROM fresh f LEFT JOIN taken t ON t.signer_id = f.signer_id
    ORDER BY f.ord
    RETURNING id, nonce
"""  # noqa: S608 (our own words)


@within_unit_of_work
def submit(
    *,
    signer: SignerRole,
    to: str | None,
    data: bytes,
    kind: str,
    business_key: str,
    expect: ExpectedEvent | None = None,
    value: int = 0,
    units: int | None = None,
    gas_limit: int | None = None,
    party_id: UUID | None = None,
    drafted_by: UUID | None = None,
    approved_by: UUID | None = None,
    now: datetime,
) -> IntentView:
    """Write an intent with the signer's next nonce, or return the one this business key already names.

    `value` is in wei, `units` what it moves of a token: above the signer's limit of either it is written as a DRAFT
    without a nonce, which a second person approves, unless `approved_by` says that one has. So is what its signer's
    period has no room for any more; approved, it waits as APPROVED for room. Without `gas_limit` gas
    is estimated when the transaction is signed, so what it depends on must be on chain by then. Holds the signer's
    nonce until the caller commits: call it late, and with several signers in the order of their names. `party_id`
    may see the intent besides staff. The end is published as "chain.intent_final" or "chain.intent_failed".
    Raises CallNotPermitted for what its role may not say there, SignerLimit for more than a period allows at all,
    IntentConflict where the key names another transaction, SamePerson where maker and checker are one,
    SignerUnavailable where the signer was never set up, InvalidTransaction (a ValueError) for what could never be
    sent.
    """
    asked = NewIntent(
        signer, to, data, kind, business_key, expect, value, units, gas_limit, party_id, drafted_by, approved_by
    )
    return submit_many(intents=[asked], now=now)[0]


@within_unit_of_work
def submit_many(*, intents: Sequence[NewIntent], now: datetime) -> list[IntentView]:
    """As submit(), of many at once: one lock, and nonces in the order given. Raises as submit() does."""
    rows = [_row(asked, now) for asked in intents]
    for asked in intents:
        require_within_reach(asked)
    if len({row.business_key for row in rows}) < len(rows):
        raise IntentConflict("Two intents of one call have the same business key.")
    known = _known(rows)
    if fresh := [row for row in rows if row.business_key not in known]:
        wanted = {asked.business_key: asked for asked in intents}
        for row in fresh:
            require_permitted(wanted[row.business_key])
        notify(CHANNEL)
        known |= _write(fresh)
    return [view(known[row.business_key]) for row in rows]


def lock_nonces(signers: Collection[str]) -> None:
    """Hold the signers' nonces until commit. Raises SignerUnavailable for one that was never set up."""
    held = {role for (role,) in fetch_all(LOCK, [sorted(signers)])}
    if missing := set(signers) - held:
        raise SignerUnavailable("This signer was never set up: run deploy_contracts.", signer=min(missing))


def _row(asked: NewIntent, now: datetime) -> TxIntent:
    """The row it would be, not stored."""
    to, expect = asked.to.lower() if asked.to else None, asked.expect
    require_sendable(to=to, value=asked.value, data=asked.data)
    draft = asked.approved_by is None and needs_two_people(asked)
    return TxIntent(
        id=new_id(),
        business_key=asked.business_key,
        kind=asked.kind,
        signer_id=asked.signer.value,
        to=to,  # type: ignore[misc]
        data=asked.data,
        value=asked.value,
        units=asked.units,
        gas_limit=asked.gas_limit,
        expect_topic=expect.topic0 if expect else None,
        expect_address=expect.address.lower() if expect and expect.address else None,
        expect_topics=[topic and topic.lower() for topic in expect.topics] if expect and expect.topics else None,
        expect_data=expect.data if expect else None,
        party_id=asked.party_id,
        drafted_by=asked.drafted_by,
        approved_by=asked.approved_by,
        approved_at=now if asked.approved_by else None,
        state=IntentState.DRAFT if draft else IntentState.NONCED,
        created_at=now,
    )


CONTENT = ("signer_id", "to", "data", "value", "kind", "expect_topic", "expect_address", "expect_topics", "expect_data")


def _known(rows: Iterable[TxIntent]) -> dict[str, TxIntent]:
    """Those of these keys that are stored, by key. Raises IntentConflict where one says something else."""
    asked = {row.business_key: row for row in rows}
    if not fetch_all(KNOWN, [list(asked)]):  # the usual case, and a tenth of what the rows' query costs
        return {}
    found = {row.business_key: row for row in TxIntent.objects.filter(business_key__in=list(asked))}
    for key, row in found.items():
        if any(_plain(getattr(row, name)) != _plain(getattr(asked[key], name)) for name in CONTENT):
            raise IntentConflict(business_key=key)
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _write(rows: Sequence[TxIntent]) -> dict[str, TxIntent]:
    signers = {row.signer_id for row in rows}
    lock_nonces(signers)
    uses = Uses(signers)
    _hold_back(rows, uses)
    nonces = dict(fetch_all(WRITE, as_columns([_values(row) for row in rows], len(WRITTEN))))
    for row in rows:
        row.nonce = nonces.get(row.id)
    uses.keep(row for row in rows if row.nonce is not None)
    written = {row.business_key: row for row in rows if row.id in nonces}
    overtaken = [row for row in rows if row.id not in nonces]
    return written | _known(overtaken) if overtaken else written


def _hold_back(rows: Sequence[TxIntent], uses: Uses) -> None:
    """What its signer's limits have no room for gets no nonce: it waits for a person, or approved, for room."""
    going: list[TxIntent] = []
    for row in rows:
        if row.state != IntentState.NONCED:
            continue
        if uses.has_room(row, going):
            going.append(row)
        else:
            row.state = IntentState.APPROVED if row.approved_by else IntentState.DRAFT
            log.warning("signer limit reached", extra={"signer": row.signer_id, "intent_id": str(row.id)})


def _values(row: TxIntent) -> list[Any]:
    topics = row.expect_topics
    names = [name.strip('"') for name in WRITTEN if name != "topics"]
    return [*(getattr(row, name) for name in names), topics and ",".join(topic or "*" for topic in topics)]
