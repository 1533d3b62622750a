"""What other rooms hear of an intent: its end, in the commit that writes it."""

from collections.abc import Sequence
from typing import Any

from apps.chain.models import TxIntent
from apps.chain.types import INTENT_FAILED, INTENT_FINAL, IntentState
from apps.core import outbox
from apps.core.db import within_unit_of_work


@within_unit_of_work
def publish_ends(intents: Sequence[TxIntent]) -> None:
    """Publish "chain.intent_final" of those that did what they were for, "chain.intent_failed" of the others."""
    final = [intent for intent in intents if intent.state == IntentState.FINAL]
    failed = [intent for intent in intents if intent.state != IntentState.FINAL]
    for topic, ended in ((INTENT_FINAL, final), (INTENT_FAILED, failed)):
        outbox.publish_many(topic=topic, events=[(str(intent.id), _payload(intent)) for intent in ended])


def _payload(intent: TxIntent) -> dict[str, Any]:
    payload = {
        "intent_id": str(intent.id),
        "kind": intent.kind,
        "business_key": intent.business_key,
        "tx_hash": intent.tx_hash,
        "block_number": intent.block_number,
    }
    return payload if intent.state == IntentState.FINAL else {**payload, "reason": intent.reason}
