"""Instructions as the API shows them."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any

from apps.accounts.types import STAFF_ROLES
from apps.core.actor import Actor
from apps.core.money import format_base_units
from apps.ledger.selectors.balances import decimals_of
from apps.settlement.types import InstructionView


def renderer(actor: Actor) -> Callable[[InstructionView], dict[str, Any]]:
    """Renders instructions for one caller: decimals looked up once an asset, the other side's party left out."""
    decimals = cache(decimals_of)
    staff = not actor.roles.isdisjoint(STAFF_ROLES)

    def render(view: InstructionView) -> dict[str, Any]:
        shown = asdict(view)
        shown["quantity"] = format_base_units(view.quantity, decimals(view.isin))
        shown["cash_amount"] = format_base_units(view.cash_amount, decimals(view.cash_asset))
        shown["side"] = _side(actor, view)
        for side in ("seller_party_id", "buyer_party_id"):
            if not staff and shown[side] != actor.party_id:
                shown[side] = None
        return shown

    return render


def _side(actor: Actor, view: InstructionView) -> str | None:
    if actor.party_id == view.seller_party_id:
        return "SELL"
    return "BUY" if actor.party_id == view.buyer_party_id else None
