"""Events of the tokens bound to securities, out of the stored logs, by chain order.

Which wallets an event names is read off its indexed addresses: every standard we know indexes holders.
"""

from collections.abc import Collection, Iterable
from functools import reduce
from operator import or_
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet

from apps.chain import codec
from apps.chain.codec.token_events import NAMED, RULES, ZERO_WORD, Told, kind_of, told_by
from apps.chain.models import Block, RawLog, TokenBinding
from apps.chain.models.fields import topic
from apps.chain.selectors import blocks
from apps.chain.selectors.intents import of_transactions
from apps.chain.types import ContractKind, Finality
from apps.chain.types.token_events import EventFinality, TokenEventKind, TokenEventView

FLAG = BooleanField()
BLOCK = ("hash", "timestamp", "canonical", "finality")


def token_events(
    *,
    isins: Collection[str] | None = None,
    kinds: Collection[TokenEventKind] | None = None,
    finality: EventFinality | None = None,
) -> QuerySet[RawLog]:
    """Logs of the tokens of these securities, or of all, for a page; orphaned ones only if `finality` says so.

    Of `kinds` alone, if they are given. To be narrowed further by `naming`.
    """
    tokens = TokenBinding.objects.exclude(address=None)
    if isins is not None:
        tokens = tokens.filter(isin__in=isins)
    # As a list, of which the planner knows how many rows it has.
    addresses = list(tokens.values_list("address", flat=True))
    rows = RawLog.objects.filter(address__in=addresses).alias(**{f"topic{at}": topic(at) for at in range(4)})
    if kinds is not None:
        rows = rows.filter(reduce(or_, map(_is, kinds), Q(pk__in=())))
    shown = rows.filter(_has(finality)).select_related("block")
    return shown.only(*(field.name for field in RawLog._meta.concrete_fields), *(f"block__{name}" for name in BLOCK))


def naming(wallets: Collection[str]) -> Q:
    """The condition that an event names one of these wallets."""
    words = ["0x" + "00" * 12 + wallet[2:] for wallet in wallets]
    return Q(topic1__in=words) | Q(topic2__in=words) | Q(topic3__in=words)


def event_views(rows: Iterable[RawLog]) -> list[TokenEventView]:
    """The events of a page's rows, in their order, decoded by the codec of today."""
    rows = list(rows)
    known = TokenBinding.objects.filter(address__in={row.address for row in rows})
    bound = {address: (isin, decimals) for address, isin, decimals in known.values_list("address", "isin", "decimals")}
    intents = of_transactions({row.tx_hash for row in rows})
    return [_view(row, *bound[row.address], intents.get(row.tx_hash)) for row in rows]


def _is(kind: TokenEventKind) -> Q:
    if kind == TokenEventKind.OTHER:
        # Said of Transfers by themselves: by this the index of rare events is known to hold them all.
        return ~Q(topic0=codec.TRANSFER) & ~Q(topic0__in=sorted(NAMED))
    rule = RULES[kind]
    found = Q(topic0__in=sorted(rule.topics))
    for at, is_zero in rule.words.items():
        word = Q(**{f"topic{at}": ZERO_WORD})
        found &= word if is_zero else ~word
    return found


def _has(finality: EventFinality | None) -> Q:
    if finality == EventFinality.ORPHANED:
        # As an array, read first: they are few, and may all be far down in the order of the page.
        orphans = ArraySubquery(Block.objects.filter(canonical=False).values("pk"))
        return Q(Func(F("block_id"), orphans, template="(%(expressions)s))", arg_joiner=" = ANY (", output_field=FLAG))
    if finality is None:
        return Q(block__canonical=True)
    found = Q(block__canonical=True, block__finality=finality)
    if finality == EventFinality.OBSERVED and (final := blocks.final_head()):
        # So that what is below it, which is nearly all, is not looked at.
        found &= Q(block_number__gt=final.number)
    return found


def _view(row: RawLog, isin: str, decimals: int, intent_id: UUID | None) -> TokenEventView:
    is_decoded, told = True, Told()
    try:
        told = told_by(codec.decode(row.topics, row.data, kind=ContractKind.SECURITY))
    except codec.Undecodable:
        is_decoded = False
    return TokenEventView(
        id=row.pk,
        isin=isin,
        token_address=row.address,
        event=kind_of(row.topics),
        from_address=told.from_address,
        to_address=told.to_address,
        amount=told.amount,
        decimals=decimals,
        partition=told.partition,
        is_decoded=is_decoded,
        tx_hash=row.tx_hash,
        block_number=row.block_number,
        block_hash=row.block.hash,
        block_time=row.block.timestamp,
        log_index=row.log_index,
        finality=_finality(row),
        intent_id=intent_id,
    )


def _finality(row: RawLog) -> EventFinality:
    if not row.block.canonical:
        return EventFinality.ORPHANED
    return EventFinality.FINAL if row.block.finality == Finality.FINAL else EventFinality.OBSERVED
