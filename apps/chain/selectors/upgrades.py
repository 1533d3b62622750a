"""Final events after which other code may run at a token's address: what storage and answers mean may be another."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Min, Q, QuerySet

from apps.chain.codec.upgrades import OF_AUTHORITIES, OF_TOKENS
from apps.chain.models import RawLog, TokenBinding
from apps.chain.models.fields import topic
from apps.chain.selectors.intents import of_transactions
from apps.chain.types import Finality


@dataclass(frozen=True, slots=True)
class UpgradeView:
    """One such event, and the intent of ours that caused it, if one did."""

    event: str
    tx_hash: str
    block_number: int
    block_hash: str
    log_index: int
    intent_id: UUID | None


def upgrades(token: str, block_number: int) -> list[UpgradeView]:
    """Of the token and of its authority, up to a block, since it is ours or since its fold was first verified."""
    binding = TokenBinding.objects.filter(address=token).first()
    since = _known_since(binding) if binding else None
    if binding is None or since is None:
        return []
    said = Q(address=token, topic0__in=list(OF_TOKENS))
    if binding.authority:
        said |= Q(address=binding.authority, topic0__in=list(OF_AUTHORITIES))
    rows = list(_final_logs().filter(said, block_number__gt=since, block_number__lte=block_number))
    intents = of_transactions({row.tx_hash for row in rows})
    return [_view(row, intents.get(row.tx_hash)) for row in rows]


def _known_since(binding: TokenBinding) -> int | None:
    """The code of a token that we found is accepted as it was when its fold was first held against its storage."""
    if binding.intent_id is not None:
        return binding.deploy_block
    found: int | None = binding.checks.aggregate(first=Min("block_number"))["first"]
    return found


def _final_logs() -> QuerySet[RawLog]:
    rows = RawLog.objects.filter(block__canonical=True, block__finality=Finality.FINAL)
    return rows.alias(topic0=topic(0)).select_related("block").order_by("block_number", "log_index")


def _view(row: RawLog, intent_id: UUID | None) -> UpgradeView:
    name = (OF_TOKENS | OF_AUTHORITIES)[row.topics[0]]
    return UpgradeView(name, row.tx_hash, row.block_number, row.block.hash, row.log_index, intent_id)
