"""MINTER's place in tokens that were deployed before there was one."""

from datetime import datetime

from apps.chain import calls
from apps.chain.errors import IncompleteAnswer
from apps.chain.gateway import Node
from apps.chain.models import Signer, TokenBinding
from apps.chain.services.intents import submit
from apps.chain.services.tokens.opening import AGENT, business_key
from apps.chain.types import BindingState, ExpectedEvent, SignerRole
from apps.core.db import unit_of_work

LATER = "minter"


def admit_minter(*, node: Node, now: datetime) -> int:
    """Have MINTER made an agent of each live token of ours where it is none yet; how many there are.

    Asked again before the transactions are final it writes none twice. Raises ChainUnavailable, IncompleteAnswer.
    """
    minter = Signer.objects.values_list("address", flat=True).get(pk=SignerRole.MINTER)
    ours = TokenBinding.objects.filter(state=BindingState.LIVE, valid_to_block=None, intent__isnull=False)
    tokens = dict(ours.order_by("isin").values_list("isin", "address"))
    question = "0x" + calls.is_agent(minter).hex()
    answers = node.batch([("eth_call", ({"to": token, "data": question}, "latest")) for token in tokens.values()])
    strange = [isin for isin, answer in zip(tokens, answers, strict=True) if not _is_agent(isin, answer)]
    with unit_of_work():
        for isin in strange:
            submit(
                signer=SignerRole.DEPLOYER,
                to=tokens[isin],
                data=calls.add_agent(minter),
                kind=AGENT,
                business_key=business_key(AGENT, isin, 0, LATER),
                expect=ExpectedEvent(calls.AGENT_ADDED, tokens[isin]),
                now=now,
            )
    return len(strange)


def _is_agent(isin: str, answer: object) -> bool:
    if not isinstance(answer, str) or len(answer) != 66:
        raise IncompleteAnswer(isin=isin)
    return int(answer, 16) == 1
