"""What the sender's tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.test.utils import override_settings

from apps.chain.models import TxIntent, TxIntentEvent
from apps.chain.services.intents import submit
from apps.chain.signers.development import INDEX
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import anything
from apps.chain.types import IntentState, IntentView, SignerRole
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.models import OutboxEvent

NOBODY = "0x" + "ab" * 20


def send(
    to: str | None = NOBODY, data: bytes = b"", *, key: str, signer: SignerRole = SignerRole.AGENT, **more: Any
) -> IntentView:
    """An intent, committed."""
    with anything(), unit_of_work():
        return submit(signer=signer, to=to, data=data, kind="test", business_key=key, now=clock.now(), **more)


def step_until_mined(platform: ChainPlatform, intent: IntentView) -> None:
    """Step the sender until the intent is in a block: the node mines soon after it answered, not before."""
    for _ in range(50):
        platform.step("sender")
        if TxIntent.objects.get(pk=intent.id).state == IntentState.MINED:
            return
    raise AssertionError(f"not mined: {platform.open_intents()}")


def ends(intent: IntentView) -> list[tuple[str, dict[str, Any]]]:
    """(topic, payload) of what was published about it."""
    return list(OutboxEvent.objects.filter(key=str(intent.id)).order_by("id").values_list("topic", "payload"))


def balance(platform: ChainPlatform, address: str) -> int:
    """In wei."""
    return int(platform.node.call("eth_getBalance", address, "latest"), 16)


def next_block(platform: ChainPlatform, gwei: int) -> None:
    """Mine a block that takes nothing below this base fee."""
    platform.node.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * 10**9))
    platform.mine()


@contextmanager
def by_hand(platform: ChainPlatform) -> Iterator[None]:
    """The node mines when it is told to."""
    platform.node.call("evm_setAutomine", False)
    try:
        yield
    finally:
        platform.node.call("evm_setAutomine", True)


def chain_nonce(platform: ChainPlatform, role: SignerRole) -> int:
    """How many transactions of the signer are mined."""
    address = platform.account(INDEX[role]).address
    return int(platform.node.call("eth_getTransactionCount", address, "latest"), 16)


def passages(intent: IntentView) -> list[str]:
    """The states it came into, in order."""
    return list(TxIntentEvent.objects.filter(intent_id=intent.id).order_by("id").values_list("state", flat=True))


@contextmanager
def policy(**sections: dict[str, Any]) -> Iterator[None]:
    """Keys of sections of `chain` in the security policy are others: `policy(sending={"in_flight": 2})`."""
    chain = settings.SECURITY.chain
    changed = {name: replace(getattr(chain, name), **keys) for name, keys in sections.items()}
    with override_settings(SECURITY=replace(settings.SECURITY, chain=replace(chain, **changed))):
        yield
