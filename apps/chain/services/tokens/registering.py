"""Tokens that are there already: looked at, bound to an ISIN, and watched from their first block."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import NoSuchToken, NotCovered, TokenBound, TokenMismatch
from apps.chain.gateway import Node
from apps.chain.models import TokenBinding
from apps.chain.models.fields import ADDRESS
from apps.chain.selectors import blocks
from apps.chain.selectors.contracts import address as platform_address
from apps.chain.selectors.probing import (
    MAX_NAME,
    MAX_SYMBOL,
    TokenFacts,
    first_block_of,
    is_first_block,
    named,
    token_facts,
)
from apps.chain.selectors.tokens import binding_view
from apps.chain.services.tokens.ending import first_attempt, valid_from
from apps.chain.services.tokens.layouts import watch_authority
from apps.chain.services.watching import watch
from apps.chain.types import BindingState, BindingView, ContractKind, TokenStandard
from apps.core.actor import Actor
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.errors import InvalidValue
from apps.securities.selectors.securities import security as find_security
from apps.securities.types import SecurityView


def register_token(
    *,
    actor: Actor,
    node: Node,
    isin: str,
    address: str,
    name: str | None = None,
    standard: TokenStandard | None = None,
    deploy_block: int | None = None,
    now: datetime,
) -> BindingView:
    """Bind a token that exists to an ISIN; it goes live once its past is stored and equals its storage.

    `name` is what the token calls itself, the security's name if not given; `standard` and `deploy_block` are found out
    where not given, and held against the chain where given. The node is asked before anything is written. Asked again
    it changes nothing, or tries again what FAILED. Raises InvalidValue, UnknownSecurity, UnknownContract before the
    platform is deployed, NotCovered before the first final block, NoSuchToken where none is there yet, TokenMismatch
    naming what differs, TokenBound, and ChainUnavailable where the node cannot tell.
    """
    security = find_security(isin)
    token = address.lower()
    if not re.fullmatch(ADDRESS, token):
        raise InvalidValue("This is no address of a contract: 0x and 40 hex digits.")
    platform_address("dvp")
    final = blocks.final_head()
    if final is None:
        raise NotCovered(address=token, block_number=0)
    first = _first_block(node, token, deploy_block, final.number)
    facts = token_facts(node, token, final.hash)
    if facts is None:
        raise TokenMismatch(what="standard", expected=str(standard or "a fungible token"), found="none we know")
    _require_fit(facts, security, name or security.name, standard)
    with unit_of_work():
        return _bind(actor, _Wanted(isin, token, facts, first, final.number), now)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be bound; `seen_at` is the block at which it was looked at."""

    isin: str
    token: str
    facts: TokenFacts
    first: int
    seen_at: int

    def row(self, now: datetime) -> TokenBinding:
        beside: dict[str, Any] = {"authority": self.facts.authority}
        if self.facts.standard == TokenStandard.ERC3643:
            beside["identity_registry"] = self.facts.identity_registry
        return TokenBinding(
            isin=self.isin,
            name=self.facts.name,
            symbol=self.facts.symbol,
            decimals=self.facts.decimals,
            standard=self.facts.standard,
            state=BindingState.BACKFILLING,
            address=self.token,
            deploy_block=self.first,
            valid_from_block=valid_from(self.isin, self.first),
            attempts=first_attempt(self.isin),
            created_at=now,
            **beside,
        )


def _first_block(node: Node, token: str, claimed: int | None, up_to: int) -> int:
    """The block that made the token, the one that is claimed if it did."""
    if claimed is not None and 0 <= claimed <= up_to and is_first_block(node, token, claimed):
        return claimed
    found = first_block_of(node, token, up_to)
    if found is None:
        raise NoSuchToken(address=token, block_number=up_to)
    if claimed is not None:
        raise TokenMismatch(what="deploy_block", expected=str(claimed), found=str(found))
    return found


def _require_fit(facts: TokenFacts, security: SecurityView, name: str, standard: TokenStandard | None) -> None:
    """Raise TokenMismatch unless the token is of that standard and name, and counts as the security does."""
    wanted: Mapping[str, tuple[object, object]] = {
        "standard": (standard or facts.standard, facts.standard),
        "decimals": (security.quantity_decimals, facts.decimals),
        "name": (named([name]), named([facts.name])),
    }
    for what, (expected, found) in wanted.items():
        if expected != found:
            raise TokenMismatch(what=what, expected=str(expected), found=str(found))
    if not 0 < len(facts.name) <= MAX_NAME or not 0 < len(facts.symbol) <= MAX_SYMBOL:
        raise TokenMismatch(what="symbol", expected=f"1 to {MAX_SYMBOL} letters", found=str(len(facts.symbol)))


@within_unit_of_work
def _bind(actor: Actor, wanted: _Wanted, now: datetime) -> BindingView:
    known = TokenBinding.objects.filter(address=wanted.token).values_list("state", flat=True).first()
    TokenBinding.objects.bulk_create([wanted.row(now)], ignore_conflicts=True)
    rows = TokenBinding.objects.select_for_update(no_key=True)
    binding = rows.filter(isin=wanted.isin, valid_to_block=None, address=wanted.token, intent=None).first()
    if binding is None:
        raise TokenBound(isin=wanted.isin, address=wanted.token)
    if binding.state == BindingState.FAILED:
        binding.state, binding.reason, binding.attempts = BindingState.BACKFILLING, "", binding.attempts + 1
        binding.save()
    watch(address=wanted.token, kind=ContractKind.SECURITY, from_block=wanted.first, now=now)
    if wanted.facts.authority:
        watch_authority(address=wanted.facts.authority, from_block=wanted.seen_at, now=now)
    if known in {None, BindingState.FAILED}:
        log_audit_event(
            actor=actor,
            action="chain.token_registered",
            resource_type="security",
            resource_id=wanted.isin,
            after={"address": wanted.token, "standard": wanted.facts.standard.value, "deploy_block": wanted.first},
        )
    return binding_view(binding)
