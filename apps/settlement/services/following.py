"""Which tokens the projection follows, and from when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from apps.chain.selectors.contracts import addresses
from apps.chain.selectors.logs import FinalBlock, final_blocks_after, is_covered
from apps.chain.selectors.tokens import ended_tokens, live_bindings
from apps.core.db import within_unit_of_work
from apps.ledger.services.assets import register_asset
from apps.securities.services.cash_assets import cash_decimals
from apps.settlement.models import ProjectedContract
from apps.settlement.types import ContractKind

CHUNK = 1_000
# The platform's contracts by name, and the cash asset its payment token is.
SETTLEMENT_CONTRACT, PAYMENT_TOKEN = "dvp", "payment_token"
CASH_ASSET = "USDX"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the asset of the books it moves."""

    address: str
    asset: str
    kind: ContractKind
    decimals: int
    from_block: int


def followed() -> dict[str, ProjectedContract]:
    """The tokens followed so far, by address."""
    return {row.address: row for row in ProjectedContract.objects.all()}


@within_unit_of_work
def close_ended() -> None:
    """Follow tokens that another took the place of no further than they spoke for their assets."""
    for address, number in ended_tokens().items():
        ProjectedContract.objects.filter(address=address, until_block=None).update(until_block=number)


def unfollowed() -> list[Token]:
    """Tokens that have gone live, every log of theirs stored, but are not followed yet."""
    known = set(ProjectedContract.objects.values_list("address", flat=True))
    return [token for token in _live_tokens() if token.address not in known and is_covered(token.address)]


def _live_tokens() -> Iterator[Token]:
    if cash := addresses().get(PAYMENT_TOKEN):
        yield Token(cash, CASH_ASSET, ContractKind.CASH, cash_decimals(CASH_ASSET), 0)
    for binding in live_bindings():
        kind, start = ContractKind.SECURITY, binding.deploy_block or 0
        yield Token(binding.address, binding.isin, kind, binding.decimals, start)


@within_unit_of_work
def follow(*, token: Token, cursor_number: int, now: datetime) -> None:
    """Make the asset known to the books and the token to the projection, in the commit of its past's effects."""
    register_asset(token.asset, token.decimals)
    ProjectedContract.objects.create(
        address=token.address, asset=token.asset, kind=token.kind, listed_at_block=cursor_number, listed_at=now
    )


def past_of(token: Token, cursor_number: int) -> Iterator[FinalBlock]:
    """The blocks with logs of a token that the cursor had passed before the token was followed."""
    number = token.from_block - 1
    while number < cursor_number:
        blocks = final_blocks_after(number, CHUNK, [token.address])
        if not blocks:
            return
        yield from (block for block in blocks if block[1] and block[0].number <= cursor_number)
        number = blocks[-1][0].number
