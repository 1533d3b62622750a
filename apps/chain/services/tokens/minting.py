"""MINTER's place in tokens that were deployed before there was one."""

from datetime import datetime

from apps.chain import calls
from apps.chain.errors import IncompleteAnswer
from apps.chain.gateway import Node
from apps.chain.models import Signer, TokenBinding, TxIntent
from apps.chain.services.intents import submit
from apps.chain.services.tokens.opening import AGENT, business_key
from apps.chain.types import ENDED, BindingState, ExpectedEvent, IntentState, SignerRole
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.types import Severity

LATER = "minter"
TRIES = 3  # what a token refuses so often is for a person: most likely DEPLOYER owns it no more


def alert_key(isin: str) -> str:
    """The alert of a token that MINTER could not be made an agent of."""
    return f"chain.minter:{isin}"


def admit_minter(*, node: Node, now: datetime) -> int:
    """Have MINTER made an agent of each live token of ours where it is none yet; how many transactions are open for it.

    Asked again before they are final it writes none twice. One that failed is written again, TRIES in all. Raises
    ChainUnavailable, IncompleteAnswer.
    """
    minter = Signer.objects.values_list("address", flat=True).get(pk=SignerRole.MINTER)
    ours = TokenBinding.objects.filter(state=BindingState.LIVE, valid_to_block=None, intent__isnull=False)
    tokens = dict(ours.order_by("isin").values_list("isin", "address"))
    question = "0x" + calls.is_agent(minter).hex()
    answers = node.batch([("eth_call", ({"to": token, "data": question}, "latest")) for token in tokens.values()])
    knows = {isin: _is_agent(isin, answer) for isin, answer in zip(tokens, answers, strict=True)}
    open_ = 0
    with unit_of_work():
        for isin, token in tokens.items():
            if knows[isin]:
                admitted(isin=isin, now=now)
            else:
                open_ += _admit(isin, token, minter, now)
    return open_


@within_unit_of_work
def _admit(isin: str, token: str, minter: str, now: datetime) -> bool:
    """Submit the first attempt that has not failed, or find it on its way; whether there is one."""
    keys = [business_key(AGENT, isin, attempt, LATER) for attempt in range(TRIES)]
    ended = TxIntent.objects.filter(business_key__in=keys, state__in=ENDED - {IntentState.FINAL})
    failed = set(ended.values_list("business_key", flat=True))
    left = [key for key in keys if key not in failed]
    if not left:
        not_admitted(isin=isin, reason=f"{TRIES} times in all", now=now)
        return False
    intent = submit(
        signer=SignerRole.DEPLOYER,
        to=token,
        data=calls.add_agent(minter),
        kind=AGENT,
        business_key=left[0],
        expect=ExpectedEvent(calls.AGENT_ADDED, token),
        now=now,
    )
    return intent.state not in ENDED


def is_admission(key: str) -> bool:
    """Whether a transaction of the kind AGENT was MINTER's admission to a live token, by its business key."""
    return key.endswith(f":{LATER}")


@within_unit_of_work
def admitted(*, isin: str, now: datetime) -> None:
    """MINTER is an agent of the token."""
    resolve_alert(dedup_key=alert_key(isin), now=now)


@within_unit_of_work
def not_admitted(*, isin: str, reason: str, now: datetime) -> None:
    """The transaction came to nothing: mints are refused until a person has had it sent again."""
    summary = f"MINTER could not be made an agent of the token of {isin}, whose mints are refused ({reason})."
    raise_alert(dedup_key=alert_key(isin), severity=Severity.ERROR, summary=summary, now=now)


def _is_agent(isin: str, answer: object) -> bool:
    if not isinstance(answer, str) or len(answer) != 66:
        raise IncompleteAnswer(isin=isin)
    return int(answer, 16) == 1
