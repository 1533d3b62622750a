"""Tokens of our own making: from a request for a token to the transaction that deploys it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.chain import calls
from apps.chain.errors import TokenBound
from apps.chain.models import Signer, TokenBinding
from apps.chain.selectors.contracts import address
from apps.chain.selectors.intents import view
from apps.chain.services.intents import submit
from apps.chain.services.tokens.ending import first_attempt
from apps.chain.services.tokens.opening import DEPLOY, business_key, open_token
from apps.chain.types import KYC_TOPIC, BindingState, ExpectedEvent, IntentView, SignerRole
from apps.core.db import within_unit_of_work

FACTORY_TAKES = 5  # agents of a token at its deployment (TREXFactory, "max 5 agents at deployment")


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

    The platform's DEPLOYER owns it; `agents` may mint besides the platform's MINTER, but not register wallets.
    When the token is unpaused and allowed for settlement, "chain.token_live" (key: ISIN) is published; its logs
    are watched from its first block. "chain.token_failed" if it comes to nothing: asking again then tries again.
    Raises UnknownContract before the platform is deployed, TokenBound if a token that was there already is registered.
    """
    wanted = TokenBinding(
        isin=isin, name=name, symbol=symbol, decimals=decimals, attempts=first_attempt(isin), created_at=now
    )
    TokenBinding.objects.bulk_create([wanted], ignore_conflicts=True)
    binding = TokenBinding.objects.select_for_update(no_key=True).get(isin=isin, valid_to_block=None)
    known = binding.intent
    if known is None and binding.address:
        raise TokenBound(isin=isin)
    if known and binding.state != BindingState.FAILED:
        return view(known)
    if known:
        binding.reason, binding.attempts = "", binding.attempts + 1
        if binding.address:
            open_token(binding, known.party_id, now)
            return view(known)
        binding.state = BindingState.PENDING
    factory = address("trex_factory")
    at_deployment, binding.agents = _agents(agents)
    intent = submit(
        signer=SignerRole.DEPLOYER,
        to=factory,
        data=_suite(binding, at_deployment),
        kind=DEPLOY,
        business_key=business_key(DEPLOY, isin, binding.attempts),
        expect=ExpectedEvent(calls.SUITE_DEPLOYED, factory),
        party_id=party_id,
        now=now,
    )
    binding.intent_id = intent.id
    binding.save()
    return intent


def _agents(others: Sequence[str]) -> tuple[list[str], list[str]]:
    """Who is made an agent with the token, our own first, and who afterwards."""
    addresses = dict(Signer.objects.values_list("role", "address"))
    own = [addresses[SignerRole.AGENT], addresses[SignerRole.MINTER]]
    agents = list(dict.fromkeys([*own, *(other.lower() for other in others)]))
    return agents[:FACTORY_TAKES], agents[FACTORY_TAKES:]


def _suite(binding: TokenBinding, token_agents: Sequence[str]) -> bytes:
    """One claim topic, our claim issuer trusted for it, and the registry storage all tokens share."""
    addresses = dict(Signer.objects.values_list("role", "address"))
    own = addresses[SignerRole.AGENT]
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
    return calls.deploy_trex_suite(_salt(binding.isin), details, claims)


def _salt(isin: str) -> str:
    """The factory makes one token of a salt: the ISIN, and its number from the second on."""
    ended = TokenBinding.objects.filter(isin=isin, valid_to_block__isnull=False).count()
    return f"{isin}:{ended + 1}" if ended else isin
