"""From SIGNED to BROADCAST: the stored bytes, as often as it takes."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Sum

from apps.chain.endpoints.others import NOBODY, Others
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import Signer, TxAttempt, TxIntent
from apps.chain.services.fees import Head
from apps.chain.services.freezing import FOREIGN_TRANSACTION, Suspicions
from apps.chain.services.signers import freeze_signer
from apps.chain.types import IntentState
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work

log = logging.getLogger(__name__)

# The node has these very bytes already (geth, erigon, anvil, besu).
KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")
# Something of this nonce is mined or waits in the pool: ours, or a stranger's.
DISPUTED = ("nonce too low", "replacement transaction underpriced", "oldnonce", "nonce is too low")


def broadcast_signed(
    *,
    node: Node,
    head: Head,
    leadership: Leadership,
    now: datetime,
    others: Others = NOBODY,
    suspicions: Suspicions | None = None,
) -> int:
    """Send the newest bytes of what is SIGNED, oldest intent first, as much as a block holds; the number sent.

    What stands behind a nonce that is not signed yet waits: a node would keep it, and no block could take it.
    A node that knows them already counts as sent. Where the nonce is spent and no node knows a hash of ours, a
    stranger uses the key: its signer is frozen. See Suspicions.judge.
    """
    unsigned_before = TxIntent.objects.filter(
        signer=OuterRef("signer"), nonce__lt=OuterRef("nonce"), state=IntentState.NONCED
    )
    sendable = TxIntent.objects.sendable().filter(~Exists(unsigned_before), state=IntentState.SIGNED)
    signed = sorted(fair_share(sendable.defer("data").select_related("signer")), key=lambda intent: intent.id)
    attempts = attempts_of(signed)
    intents = _fitting(signed, attempts, head)
    if not intents:
        return 0
    newest = [attempts[intent.id][-1] for intent in intents]
    answers = node.batch([("eth_sendRawTransaction", ("0x" + bytes(each.raw).hex(),)) for each in newest])
    sent, disputed = _sorted(intents, answers)
    hashes = {intent.id: [attempt.hash for attempt in attempts[intent.id]] for intent in disputed}
    known = known_hashes(node, [hash_ for own in hashes.values() for hash_ in own])
    sent += [intent for intent in disputed if not known.isdisjoint(hashes[intent.id])]
    unknown = [intent for intent in disputed if known.isdisjoint(hashes[intent.id])]
    verdict = (suspicions or Suspicions()).judge(node, others, unknown, hashes)
    sent += verdict.known
    _record(sent, verdict.strangers, leadership, now)
    return len(sent)


def fair_share(intents: "QuerySet[TxIntent]") -> list[TxIntent]:
    """The next of each signer, as many as one may have on their way: none hides another's."""
    window = settings.SECURITY.chain.sending.in_flight
    roles = sorted(Signer.objects.values_list("pk", flat=True))
    return [intent for role in roles for intent in intents.filter(signer_id=role).order_by("nonce")[:window]]


def _fitting(intents: Iterable[TxIntent], attempts: Mapping[UUID, list[TxAttempt]], head: Head) -> list[TxIntent]:
    """Those that the next block has room for, beside what waits for it already.

    More would only queue; and anvil drops what queues behind a sender's transaction that found its block full.
    """
    waiting = TxAttempt.objects.filter(intent__state=IntentState.BROADCAST, intent__signer__frozen_at=None)
    taken = int(waiting.aggregate(gas=Sum("gas_limit"))["gas"] or 0)
    fitting: list[TxIntent] = []
    for intent in intents:
        taken += attempts[intent.id][-1].gas_limit
        if taken > head.gas_limit and taken > attempts[intent.id][-1].gas_limit:
            break
        fitting.append(intent)
    return fitting


def attempts_of(intents: Iterable[TxIntent]) -> Mapping[UUID, list[TxAttempt]]:
    """All attempts of each intent, oldest first."""
    found: dict[UUID, list[TxAttempt]] = {}
    for attempt in TxAttempt.objects.filter(intent__in=list(intents)).order_by("intent_id", "number"):
        found.setdefault(attempt.intent_id, []).append(attempt)
    return found


def _sorted(intents: Sequence[TxIntent], answers: Sequence[Any]) -> tuple[list[TxIntent], list[TxIntent]]:
    """(sent, disputed); what the node refused otherwise stays SIGNED and is sent again."""
    sent, disputed = [], []
    for intent, answer in zip(intents, answers, strict=True):
        words = answer.message.lower() if isinstance(answer, RpcError) else ""
        if not words or any(phrase in words for phrase in KNOWN):
            sent.append(intent)
        elif any(phrase in words for phrase in DISPUTED):
            disputed.append(intent)
        else:
            fields = {"intent_id": str(intent.id), "rpc_code": answer.code, "rpc_message": answer.message[:200]}
            log.warning("transaction not accepted", extra=fields)
    return sent, disputed


def known_hashes(node: Node, hashes: Sequence[str]) -> set[str]:
    """Which of these transactions the node has, mined or waiting. Raises ChainUnavailable if it will not say."""
    answers = node.batch([("eth_getTransactionByHash", (hash_,)) for hash_ in hashes])
    if any(isinstance(answer, RpcError) for answer in answers):
        raise ChainUnavailable(cause="eth_getTransactionByHash")
    return {hash_ for hash_, answer in zip(hashes, answers, strict=True) if answer is not None}


def _record(sent: Sequence[TxIntent], strangers: Sequence[TxIntent], leadership: Leadership, now: datetime) -> None:
    if not sent and not strangers:
        return
    with unit_of_work():
        leadership.fence()
        signed = TxIntent.objects.filter(pk__in=[intent.id for intent in sent], state=IntentState.SIGNED)
        signed.update(state=IntentState.BROADCAST, broadcast_at=now)
        for intent in strangers:
            freeze_signer(role=intent.signer_id, reason=FOREIGN_TRANSACTION, nonce=intent.nonce, now=now)
