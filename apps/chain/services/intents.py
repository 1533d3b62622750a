"""Write down what to send. The intent and its nonce are one commit with the business fact that wants them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.chain.eip1559 import require_sendable
from apps.chain.errors import IntentConflict, SignerUnavailable
from apps.chain.models import SignerNonce, TxIntent
from apps.chain.selectors.intents import view
from apps.chain.types import ExpectedEvent, IntentView, SignerRole
from apps.core.db import constraint_error, fetch_one, notify, within_unit_of_work

CHANNEL = "chain_intents"

constraint_error("chain_intent_business_key_once", IntentConflict)


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
    gas_limit: int | None = None,
    party_id: UUID | None = None,
    now: datetime,
) -> IntentView:
    """Write an intent with the signer's next nonce, or return the one this business key already names.

    `value` is in wei; without `gas_limit` gas is estimated when the transaction is signed, so what it depends on
    must be on chain by then. Holds the signer's nonce until the caller commits: call it late, and with several
    signers in the order of their names. `party_id` may see the intent besides staff.
    The end is published as "chain.intent_final" or "chain.intent_failed". Raises IntentConflict where the key names
    another transaction, SignerUnavailable where the signer was never set up, InvalidTransaction (a ValueError) for
    what could never be sent.
    """
    require_sendable(to=to.lower() if to else None, value=value, data=data)
    content = {
        "signer_id": signer.value,
        "to": to.lower() if to else None,
        "data": data,
        "value": value,
        "kind": kind,
        "expect_topic": expect.topic0 if expect else None,
        "expect_address": expect.address.lower() if expect and expect.address else None,
    }
    if known := _known(business_key, content):
        return known
    nonce = _lock_nonce(signer)
    if known := _known(business_key, content):  # written by whoever held the nonce before us
        return known
    intent = TxIntent(
        business_key=business_key, nonce=nonce, gas_limit=gas_limit, party_id=party_id, created_at=now, **content
    )
    intent.save(force_insert=True)
    SignerNonce.objects.filter(pk=signer).update(next=nonce + 1)
    notify(CHANNEL)
    return view(intent)


def _known(business_key: str, content: dict[str, Any]) -> IntentView | None:
    row = TxIntent.objects.filter(business_key=business_key).first()
    if row is None:
        return None
    if any(_plain(getattr(row, name)) != value for name, value in content.items()):
        raise IntentConflict(business_key=business_key)
    return view(row)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _lock_nonce(signer: SignerRole) -> int:
    row = fetch_one("SELECT next FROM chain_signernonce WHERE signer_id = %s FOR NO KEY UPDATE", [signer.value])
    if row is None:
        raise SignerUnavailable("This signer was never set up: run deploy_contracts.", signer=signer.value)
    return int(row[0])
