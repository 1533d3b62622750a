"""Anchoring the audit log on the chain: a signed head's line as the data of a transaction to ourselves.

It counts when its block is final; that its transaction has this data its hash says.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.audit.errors import LogDiffers, NothingThere, PlaceDisagrees, PlaceDown
from apps.audit.services.anchoring import due_head, record_anchor
from apps.audit.types import Anchor, AnchorKind, SignedHead
from apps.chain.errors import ChainUnavailable, RpcError, SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import Signer, TxIntent
from apps.chain.services.intents import submit
from apps.chain.services.nodes import default_node
from apps.chain.types import ENDED, SignerRole
from apps.core.alerts import settle_alerts
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.types import Condition, Severity

KIND = "AUDIT_ANCHOR"
# Of all our keys the one that can do least: it holds no role of any token.
ROLE = SignerRole.OPERATOR
SOURCE = "audit.anchors.evm"
NEWEST = f"{SOURCE}:newest"


def anchor_on_chain(*, now: datetime) -> None:
    """Send the newest head if one is due and none is on its way. What keeps it from that is told by an alert."""
    policy = settings.SECURITY.audit.anchoring.chain
    if not policy.enabled:
        return
    found: dict[str, Condition] = {}
    try:
        head = due_head(AnchorKind.EVM, every_seconds=policy.every_seconds, now=now)
        if head is None or TxIntent.objects.filter(kind=KIND).exclude(state__in=ENDED).exists():
            return
        _send(head, now)
    except LogDiffers as error:
        found[NEWEST] = Condition(Severity.CRITICAL, f"Nothing is anchored on the chain, for {error}.")
    except SignerUnavailable as error:
        found[NEWEST] = Condition(Severity.ERROR, f"No head is anchored on the chain: {error.message}")
    with unit_of_work():
        settle_alerts(source=SOURCE, conditions=found, now=now)


@within_unit_of_work
def record_sent(*, intent_id: UUID, now: datetime) -> None:
    """An anchor's transaction is final: it is one now."""
    intent = TxIntent.objects.get(pk=intent_id)
    record_anchor(kind=AnchorKind.EVM, line=bytes(intent.data), place=place(), reference=str(intent.tx_hash), now=now)


@within_unit_of_work
def give_up(*, reason: str, now: datetime) -> None:
    """An anchor's transaction has failed: the next head has one of its own."""
    summary = f"The transaction that anchors the audit log has failed ({reason or 'reverted'})."
    settle_alerts(source=SOURCE, conditions={NEWEST: Condition(Severity.ERROR, summary)}, now=now)


def fetch_from_chain(anchor: Anchor, node: Node | None = None) -> bytes:
    """The data of an anchor's transaction, if it stands in a final block of the chain. Raises PlaceError."""
    if anchor.place != place():
        raise PlaceDown("not_configured")
    with node or default_node() as asked:
        try:
            return _data(asked, anchor)
        except (ChainUnavailable, RpcError) as error:
            raise PlaceDown(type(error).__name__) from None


def place() -> str:
    """How an anchor names the chain (CAIP-2)."""
    return f"eip155:{settings.CHAIN_ID}"


def _send(head: SignedHead, now: datetime) -> None:
    key = f"audit_anchor:{head.size}:{sha256(head.line).hexdigest()[:16]}"
    with unit_of_work():
        address = Signer.objects.filter(pk=ROLE).values_list("address", flat=True).first()
        if address is None:
            raise SignerUnavailable("This signer was never set up: run deploy_contracts.", signer=ROLE.value)
        submit(signer=ROLE, to=address, data=head.line, kind=KIND, business_key=key, now=now)


def _data(node: Node, anchor: Anchor) -> bytes:
    """Asked of one node, which is believed: whom to believe is for an auditor to choose."""
    sent, receipt, final = node.batch(
        [
            ("eth_getTransactionByHash", (anchor.reference,)),
            ("eth_getTransactionReceipt", (anchor.reference,)),
            ("eth_getBlockByNumber", ("finalized", False)),
        ]
    )
    for answer in (sent, receipt, final):
        if isinstance(answer, RpcError):
            raise answer
    if sent is None or receipt is None:
        raise NothingThere("gone")
    if final is None or int(receipt["blockNumber"], 16) > int(final["number"], 16):
        raise PlaceDisagrees("not_final")
    if int(receipt["status"], 16) != 1:
        raise PlaceDisagrees("reverted")
    return _bytes(sent)


def _bytes(sent: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(sent["input"].removeprefix("0x"))
    except (KeyError, ValueError, AttributeError):
        raise PlaceDisagrees("unreadable_answer") from None
