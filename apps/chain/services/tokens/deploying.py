"""From a request for a token to a token open for trading: deploy, then unpause and allow for settlement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.chain import calls, codec
from apps.chain.models import Signer, TokenBinding, TxIntent
from apps.chain.selectors.contracts import address
from apps.chain.selectors.intents import view
from apps.chain.services.intents import submit
from apps.chain.services.watching import watch
from apps.chain.types import (
    KYC_TOPIC,
    TOKEN_FAILED,
    TOKEN_LIVE,
    BindingState,
    ContractKind,
    ExpectedEvent,
    IntentState,
    IntentView,
    SignerRole,
    TrexSuiteDeployed,
)
from apps.core import outbox
from apps.core.db import within_unit_of_work

DEPLOY, UNPAUSE, ALLOW = "token.deploy", "token.unpause", "token.allow"
OPENING = (UNPAUSE, ALLOW)
ALREADY_OPEN = "Pausable: not paused"  # the words of the implementation we deploy, so to be believed


def business_key(kind: str, isin: str, attempt: int) -> str:
    """The key of one step towards a token."""
    return f"{kind}:{isin}:{attempt}"


@within_unit_of_work
def deploy_token(
    *,
    isin: str,
    name: str,
    symbol: str,
    decimals: int,
    agents: Sequence[str] = (),
    party_id: UUID | None = None,
    now: datetime,
) -> IntentView:
    """Have an ERC-3643 token made for this ISIN; the transaction that makes it, also when asked again.

    The platform's DEPLOYER owns it; `agents` may mint besides the platform's own agent, but not register wallets.
    When the token is unpaused and allowed for settlement, "chain.token_live" (key: ISIN) is published; its logs
    are watched from its first block. "chain.token_failed" if it comes to nothing: asking again then tries again.
    Raises UnknownContract before the platform is deployed.
    """
    wanted = TokenBinding(isin=isin, name=name, symbol=symbol, decimals=decimals, created_at=now)
    TokenBinding.objects.bulk_create([wanted], ignore_conflicts=True)
    binding = TokenBinding.objects.select_for_update(no_key=True).get(pk=isin)
    known = binding.intent
    if known and binding.state != BindingState.FAILED:
        return view(known)
    if known:
        binding.reason, binding.attempts = "", binding.attempts + 1
        if binding.address:
            _open(binding, known.party_id, now)
            return view(known)
        binding.state = BindingState.PENDING
    factory = address("trex_factory")
    intent = submit(
        signer=SignerRole.DEPLOYER,
        to=factory,
        data=_suite(binding, agents),
        kind=DEPLOY,
        business_key=business_key(DEPLOY, isin, binding.attempts),
        expect=ExpectedEvent(calls.SUITE_DEPLOYED, factory),
        party_id=party_id,
        now=now,
    )
    binding.intent_id = intent.id
    binding.save()
    return intent


def _suite(binding: TokenBinding, agents: Sequence[str]) -> bytes:
    """One claim topic, our claim issuer trusted for it, and the registry storage all tokens share."""
    addresses = dict(Signer.objects.values_list("role", "address"))
    own = addresses[SignerRole.AGENT]
    token_agents = list(dict.fromkeys([own, *(agent.lower() for agent in agents)]))
    storage = address("identity_registry_storage")
    details: tuple[Any, ...] = (
        addresses[SignerRole.DEPLOYER],
        binding.name,
        binding.symbol,
        binding.decimals,
        storage,
        calls.ZERO,
        [own],  # registry agents: they write into storage that all tokens share, so only we are one
        token_agents,
        [],
        [],
    )
    claims = ([KYC_TOPIC], [address("claim_issuer")], [[KYC_TOPIC]])
    return calls.deploy_trex_suite(binding.isin, details, claims)


@within_unit_of_work
def open_deployed(*, isin: str, intent_id: UUID, now: datetime) -> None:
    """Bind the token its transaction made, watch it, and have it unpaused and allowed."""
    intent = TxIntent.objects.get(pk=intent_id)
    binding = TokenBinding.objects.select_for_update(no_key=True).get(pk=isin)
    if binding.state != BindingState.PENDING or intent.event is None or intent.block_number is None:
        return
    suite = codec.decode(intent.event["topics"], intent.event["data"])
    if not isinstance(suite, TrexSuiteDeployed):
        raise TypeError("the expected event of a token's deployment is TREXSuiteDeployed")
    binding.deploy_block = intent.block_number
    binding.address, binding.identity_registry = suite.token, suite.identity_registry
    watch(address=suite.token, kind=ContractKind.SECURITY, from_block=intent.block_number, now=now)
    _open(binding, intent.party_id, now)


def _open(binding: TokenBinding, party_id: UUID | None, now: datetime) -> None:
    """Submit what is not final yet, in the order of the signers' names: see submit()."""
    binding.state = BindingState.DEPLOYED
    binding.save()
    token, dvp = str(binding.address), address("dvp")
    steps = {
        UNPAUSE: (SignerRole.AGENT, token, calls.unpause(), calls.UNPAUSED),
        ALLOW: (SignerRole.DEPLOYER, dvp, calls.allow_token(token, calls.SECURITY_TOKEN), calls.TOKEN_ALLOWED),
    }
    for kind, (signer, to, data, topic) in steps.items():
        if not _is_done(kind, binding.isin):
            submit(
                signer=signer,
                to=to,
                data=data,
                kind=kind,
                business_key=business_key(kind, binding.isin, binding.attempts),
                expect=ExpectedEvent(topic, to),
                party_id=party_id,
                now=now,
            )


def _is_done(kind: str, isin: str) -> bool:
    """Whether the step is final, or an agent of the issuer was faster with it."""
    tried = TxIntent.objects.filter(kind=kind, business_key__startswith=f"{kind}:{isin}:")
    done = Q(state=IntentState.FINAL)
    if kind == UNPAUSE:
        done |= Q(state=IntentState.REVERTED, reason_detail=ALREADY_OPEN)
    return tried.filter(done).exists()


@within_unit_of_work
def go_live(*, isin: str, now: datetime) -> None:
    """Call the token LIVE once both opening transactions are final."""
    binding = TokenBinding.objects.select_for_update(no_key=True).get(pk=isin)
    if binding.state != BindingState.DEPLOYED or not all(_is_done(kind, isin) for kind in OPENING):
        return
    binding.state, binding.live_at = BindingState.LIVE, now
    binding.save()
    outbox.publish(topic=TOKEN_LIVE, key=isin, payload={"isin": isin, "address": binding.address})


@within_unit_of_work
def give_up(*, isin: str, kind: str, reason: str, now: datetime) -> None:
    """Call the token FAILED, unless what failed was done already."""
    if _is_done(kind, isin):
        go_live(isin=isin, now=now)
        return
    if TokenBinding.objects.filter(pk=isin).update(state=BindingState.FAILED, reason=reason):
        outbox.publish(topic=TOKEN_FAILED, key=isin, payload={"isin": isin, "reason": reason})
