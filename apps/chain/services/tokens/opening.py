"""From a token that is there to one that is open: watched, unpaused if it is ours, allowed for settlement, live."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from apps.chain import calls, codec
from apps.chain.models import TokenBinding, TxIntent
from apps.chain.selectors.contracts import address
from apps.chain.selectors.logs import is_covered
from apps.chain.services.intents import submit
from apps.chain.services.watching import watch
from apps.chain.types import (
    TOKEN_FAILED,
    TOKEN_LIVE,
    BindingState,
    ContractKind,
    ExpectedEvent,
    IntentState,
    SignerRole,
    TrexSuiteDeployed,
)
from apps.core import outbox
from apps.core.db import within_unit_of_work

DEPLOY, UNPAUSE, ALLOW, AGENT = "token.deploy", "token.unpause", "token.allow", "token.agent"
ALREADY_OPEN = "Pausable: not paused"  # the words of the implementation we deploy, so to be believed


def business_key(kind: str, isin: str, attempt: int, of: str = "") -> str:
    """The key of one step towards a token, `of` whom where there are several."""
    return ":".join(filter(None, (kind, isin, str(attempt), of)))


def locked(isin: str) -> TokenBinding | None:
    """The binding now in force for an ISIN, locked until the commit."""
    return TokenBinding.objects.select_for_update(no_key=True).filter(isin=isin, valid_to_block=None).first()


@within_unit_of_work
def open_deployed(*, isin: str, intent_id: UUID, now: datetime) -> None:
    """Bind the token its transaction made, watch it, and have it unpaused and allowed."""
    intent = TxIntent.objects.get(pk=intent_id)
    binding = locked(isin)
    if binding is None or binding.state != BindingState.PENDING or intent.event is None or intent.block_number is None:
        return
    suite = codec.decode(intent.event["topics"], intent.event["data"])
    if not isinstance(suite, TrexSuiteDeployed):
        raise TypeError("the expected event of a token's deployment is TREXSuiteDeployed")
    binding.deploy_block = intent.block_number
    binding.address, binding.identity_registry = suite.token, suite.identity_registry
    binding.authority = address("trex_authority")
    watch(address=suite.token, kind=ContractKind.SECURITY, from_block=intent.block_number, now=now)
    open_token(binding, intent.party_id, now)


@within_unit_of_work
def open_token(binding: TokenBinding, party_id: UUID | None, now: datetime) -> None:
    """Submit what is not final yet, in the order of the signers' names: see submit()."""
    binding.state = BindingState.DEPLOYED
    binding.save()
    for step in _steps(binding):
        if not step.is_done():
            submit(
                signer=step.signer,
                to=step.to,
                data=step.data,
                kind=step.kind,
                business_key=business_key(step.kind, binding.isin, binding.attempts, step.of),
                expect=ExpectedEvent(step.topic, step.to),
                party_id=party_id,
                now=now,
            )


@dataclass(frozen=True, slots=True)
class _Step:
    """One transaction towards an open token, known by what it says."""

    kind: str
    signer: SignerRole
    to: str
    data: bytes
    topic: str
    of: str = ""

    def is_done(self) -> bool:
        """Whether it is final, or an agent of the issuer was faster with it."""
        done = Q(state=IntentState.FINAL)
        if self.kind == UNPAUSE:
            done |= Q(state=IntentState.REVERTED, reason_detail=ALREADY_OPEN)
        return TxIntent.objects.filter(done, kind=self.kind, to=self.to, data=self.data).exists()


def _steps(binding: TokenBinding) -> list[_Step]:
    """How a token is opened. One that we did not deploy is its issuer's to unpause, and names its own agents."""
    token, dvp = str(binding.address), address("dvp")
    allow = calls.allow_token(token, calls.SECURITY_TOKEN)
    steps = [_Step(ALLOW, SignerRole.DEPLOYER, dvp, allow, calls.TOKEN_ALLOWED)]
    if binding.intent_id:
        steps.insert(0, _Step(UNPAUSE, SignerRole.AGENT, token, calls.unpause(), calls.UNPAUSED))
        steps += [
            _Step(AGENT, SignerRole.DEPLOYER, token, calls.add_agent(agent), calls.AGENT_ADDED, agent)
            for agent in binding.agents
        ]
    return steps


@within_unit_of_work
def go_live(*, isin: str, now: datetime) -> bool:
    """Call the token LIVE once its opening is final and all its logs are stored; whether it has become so."""
    binding = locked(isin)
    if binding is None or binding.state != BindingState.DEPLOYED or not is_covered(str(binding.address)):
        return False
    if not all(step.is_done() for step in _steps(binding)):
        return False
    binding.state, binding.live_at = BindingState.LIVE, now
    binding.save()
    outbox.publish(topic=TOKEN_LIVE, key=isin, payload={"isin": isin, "address": binding.address})
    return True


@within_unit_of_work
def give_up(*, isin: str, kind: str, reason: str, now: datetime) -> None:
    """Call the token FAILED, unless what failed was done already."""
    binding = locked(isin)
    if binding is None:
        return
    if kind != DEPLOY and all(step.is_done() for step in _steps(binding) if step.kind == kind):
        go_live(isin=isin, now=now)
        return
    binding.state, binding.reason = BindingState.FAILED, reason
    binding.save(update_fields=["state", "reason"])
    outbox.publish(topic=TOKEN_FAILED, key=isin, payload={"isin": isin, "reason": reason})
