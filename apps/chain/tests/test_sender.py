"""The sender against a real node: success, refusal, revert, lies and strangers."""

from typing import Any

from apps.chain.selectors import intents as read
from apps.chain.services.intents import submit
from apps.chain.testing import ChainPlatform
from apps.chain.types import IntentState, IntentView, SignerRole
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.models import OutboxEvent

NOBODY = "0x" + "ab" * 20


def send(
    to: str | None = NOBODY, data: bytes = b"", *, key: str, signer: SignerRole = SignerRole.AGENT, **more: Any
) -> IntentView:
    with unit_of_work():
        return submit(signer=signer, to=to, data=data, kind="test", business_key=key, now=clock.now(), **more)


def ends(intent: IntentView) -> list[tuple[str, dict]]:
    return list(OutboxEvent.objects.filter(key=str(intent.id)).values_list("topic", "payload"))


class TestSuccess:
    def test_ends_final_and_says_so_once(self, chain_platform: ChainPlatform) -> None:
        intent = send(value=7, key="a")
        chain_platform.run_sender_until_final()
        done = read.intent(intent.id)
        assert done.state == IntentState.FINAL
        assert int(chain_platform.node.call("eth_getBalance", NOBODY, "latest"), 16) == 7
        payload = {
            "intent_id": str(intent.id),
            "kind": "test",
            "business_key": "a",
            "tx_hash": done.tx_hash,
            "block_number": done.block_number,
        }
        assert ends(intent) == [("chain.intent_final", payload)]
