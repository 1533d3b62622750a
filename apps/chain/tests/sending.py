"""What the sender's tests share."""

from typing import Any

from apps.chain.services.intents import submit
from apps.chain.testing import ChainPlatform
from apps.chain.types import IntentView, SignerRole
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.models import OutboxEvent

NOBODY = "0x" + "ab" * 20


def send(
    to: str | None = NOBODY, data: bytes = b"", *, key: str, signer: SignerRole = SignerRole.AGENT, **more: Any
) -> IntentView:
    """An intent, committed."""
    with unit_of_work():
        return submit(signer=signer, to=to, data=data, kind="test", business_key=key, now=clock.now(), **more)


def ends(intent: IntentView) -> list[tuple[str, dict[str, Any]]]:
    """(topic, payload) of what was published about it."""
    return list(OutboxEvent.objects.filter(key=str(intent.id)).order_by("id").values_list("topic", "payload"))


def balance(platform: ChainPlatform, address: str) -> int:
    """In wei."""
    return int(platform.node.call("eth_getBalance", address, "latest"), 16)


def chain_nonce(platform: ChainPlatform, role: SignerRole) -> int:
    """How many transactions of the signer are mined."""
    address = platform.account(list(SignerRole).index(role)).address
    return int(platform.node.call("eth_getTransactionCount", address, "latest"), 16)
