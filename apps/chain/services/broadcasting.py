"""From SIGNED to BROADCAST: the stored bytes, as often as it takes."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from apps.chain.endpoints.others import NOBODY, Others
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import Signer, TxAttempt, TxIntent
from apps.chain.selectors.under_way import Ready, ready
from apps.chain.services.fees import Head
from apps.chain.services.freezing import FOREIGN_TRANSACTION, Suspicions
from apps.chain.services.signers import freeze_signer
from apps.core.daemon import Leadership
from apps.core.db import run_sql, unit_of_work

log = logging.getLogger(__name__)

# The node has these very bytes already (geth, erigon, anvil, besu).
KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")
# Something of this nonce is mined or waits in the pool: ours, or a stranger's.
DISPUTED = ("nonce too low", "replacement transaction underpriced", "oldnonce", "nonce is too low")

MARK_SENT = """
    UPDATE chain_txintent SET state = 'BROADCAST', broadcast_at = %s WHERE id = ANY(%s::uuid[]) AND state = 'SIGNED'
"""


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

    A node that knows them already counts as sent. Where the nonce is spent and no node knows a hash of ours, a
    stranger uses the key: its signer is frozen. See Suspicions.judge.
    """
    signed = ready(block_gas=head.gas_limit)
    if not signed:
        return 0
    answers = node.batch([("eth_sendRawTransaction", ("0x" + each.raw.hex(),)) for each in signed])
    sent, disputed = _sorted(signed, answers)
    known = known_hashes(node, [hash_ for each in disputed for hash_ in each.hashes])
    sent += [each.id for each in disputed if not known.isdisjoint(each.hashes)]
    unknown = {each.id: each.hashes for each in disputed if known.isdisjoint(each.hashes)}
    suspects = TxIntent.objects.filter(pk__in=unknown).select_related("signer").defer("data")
    verdict = (suspicions or Suspicions()).judge(node, others, list(suspects), unknown)
    sent += [intent.id for intent in verdict.known]
    _record(sent, verdict.strangers, leadership, now)
    return len(sent)


def fair_share(intents: "QuerySet[TxIntent]") -> list[TxIntent]:
    """The next of each signer, as many as one may have on their way: none hides another's."""
    window = settings.SECURITY.chain.sending.in_flight
    roles = sorted(Signer.objects.values_list("pk", flat=True))
    return [intent for role in roles for intent in intents.filter(signer_id=role).order_by("nonce")[:window]]


def attempts_of(intents: Iterable[TxIntent]) -> Mapping[UUID, list[TxAttempt]]:
    """All attempts of each intent, oldest first."""
    found: dict[UUID, list[TxAttempt]] = {}
    for attempt in TxAttempt.objects.filter(intent__in=list(intents)).order_by("intent_id", "number"):
        found.setdefault(attempt.intent_id, []).append(attempt)
    return found


def _sorted(signed: Sequence[Ready], answers: Sequence[Any]) -> tuple[list[UUID], list[Ready]]:
    """(sent, disputed); what the node refused otherwise stays SIGNED and is sent again."""
    sent, disputed = [], []
    for each, answer in zip(signed, answers, strict=True):
        words = answer.message.lower() if isinstance(answer, RpcError) else ""
        if not words or any(phrase in words for phrase in KNOWN):
            sent.append(each.id)
        elif any(phrase in words for phrase in DISPUTED):
            disputed.append(each)
        else:
            fields = {"intent_id": str(each.id), "rpc_code": answer.code, "rpc_message": answer.message[:200]}
            log.warning("transaction not accepted", extra=fields)
    return sent, disputed


def known_hashes(node: Node, hashes: Sequence[str]) -> set[str]:
    """Which of these transactions the node has, mined or waiting. Raises ChainUnavailable if it will not say."""
    answers = node.batch([("eth_getTransactionByHash", (hash_,)) for hash_ in hashes])
    if any(isinstance(answer, RpcError) for answer in answers):
        raise ChainUnavailable(cause="eth_getTransactionByHash")
    return {hash_ for hash_, answer in zip(hashes, answers, strict=True) if answer is not None}


def _record(sent: Sequence[UUID], strangers: Sequence[TxIntent], leadership: Leadership, now: datetime) -> None:
    if not sent and not strangers:
        return
    with unit_of_work():
        leadership.fence()
        run_sql(MARK_SENT, [now, list(sent)])
        for intent in strangers:
            freeze_signer(role=intent.signer_id, reason=FOREIGN_TRANSACTION, nonce=intent.nonce, now=now)
