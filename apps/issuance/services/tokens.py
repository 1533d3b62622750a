"""Have the token of a security deployed."""

from collections.abc import Sequence
from datetime import datetime

from apps.audit.services.trail import log_audit_event
from apps.chain.selectors.tokens import binding
from apps.chain.services.tokens import deploy_token
from apps.chain.types import BindingView
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.issuance.services.requests import own_security
from apps.securities.selectors.securities import security as find_security


def order_token(*, actor: Actor, isin: str, agents: Sequence[str], now: datetime) -> BindingView:
    """Have the ERC-3643 token of a security made; the binding, PENDING at first.

    `agents` are addresses that may mint besides the platform's own. Ordering again returns the binding as it
    stands. An issuer orders for its own securities (raises UnknownSecurity), operations for any.
    """
    security = find_security(isin) if "OPS" in actor.roles else own_security(actor, isin)
    with unit_of_work():
        intent = deploy_token(
            isin=isin,
            name=security.name,
            symbol=isin,
            decimals=security.quantity_decimals,
            agents=sorted({agent.lower() for agent in agents}),
            party_id=security.issuer_party_id,
            now=now,
        )
        log_audit_event(
            actor=actor,
            action="issuance.token_ordered",
            resource_type="security",
            resource_id=isin,
            after={"intent_id": str(intent.id), "agents": sorted(agents)},
        )
    return binding(isin)
