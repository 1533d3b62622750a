"""Why books and chain differ: each log held against the postings of its transaction, and each posting against its log.

What agrees is taken away first. What is left is named by its evidence, one cause for each log or posting.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from apps.chain.types.events import ZERO_ADDRESS
from apps.reconciliation.classifying.movements import Effects, Log, Posting, added, effects, negated
from apps.reconciliation.types import BreakKind

MOST_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Cause:
    """A movement that is in the books and on the chain not alike. Of log and posting at least one is there."""

    kind: BreakKind
    log: Log | None = None
    posting: Posting | None = None

    @property
    def effects(self) -> Effects:
        """How much more than in the books each wallet has on the chain by it."""
        on_chain = effects(self.log.ends, self.log.amount) if self.log else {}
        booked = effects(self.posting.ends, self.posting.amount) if self.posting else {}
        return added(on_chain, negated(booked))

    @property
    def supply(self) -> int:
        """How much more than issued here there is on the chain by it."""
        if self.log is None or self.posting is not None:
            return 0
        return self.log.amount * ((self.log.sender == ZERO_ADDRESS) - (self.log.recipient == ZERO_ADDRESS))


def causes(logs: Iterable[Log], postings: Iterable[Posting]) -> list[Cause]:
    """Every log and posting that has no counterpart, or not quite: by transaction, logs as the chain has them."""
    by_tx: dict[str | None, tuple[list[Log], list[Posting]]] = defaultdict(lambda: ([], []))
    for log in logs:
        by_tx[log.tx_hash][0].append(log)
    for posting in postings:
        by_tx[posting.tx_hash][1].append(posting)
    return [cause for parts in by_tx.values() for cause in _of_transaction(*parts)]


def _of_transaction(logs: Sequence[Log], postings: Sequence[Posting]) -> Iterator[Cause]:
    canonical = [log for log in logs if log.canonical]
    agreed: Counter[tuple[tuple[str, str], int]] = Counter()
    open_logs, open_postings = _unmatched(canonical, postings, agreed)
    for kind, alike in _NEARLY:
        for log in list(open_logs):
            found = next((posting for posting in open_postings if alike(log, posting)), None)
            if found is not None:
                open_logs.remove(log)
                open_postings.remove(found)
                yield Cause(kind, log, found)
    yield from (Cause(_kind_of_log(log), log=log) for log in open_logs)
    orphaned = bool(logs) and not canonical
    for posting in open_postings:
        yield Cause(_kind_of_posting(posting, agreed, orphaned=orphaned), posting=posting)


def _unmatched(
    logs: Sequence[Log], postings: Sequence[Posting], agreed: Counter[tuple[tuple[str, str], int]]
) -> tuple[list[Log], list[Posting]]:
    """What is left when equals are taken away; they are counted in `agreed`. The oldest posting is the true one."""
    waiting: dict[tuple[tuple[str, str], int], list[Log]] = defaultdict(list)
    for log in logs:
        waiting[log.ends, log.amount].append(log)
    left = []
    for posting in sorted(postings, key=lambda each: each.id):
        same = waiting[posting.ends, posting.amount]
        if same and not posting.orphaned:
            same.pop()
            agreed[posting.ends, posting.amount] += 1
        else:
            left.append(posting)
    open_logs = {id(log) for found in waiting.values() for log in found}
    return [log for log in logs if id(log) in open_logs], left


def _same_amount_one_end(log: Log, posting: Posting) -> bool:
    shared = sum(mine == theirs for mine, theirs in zip(log.ends, posting.ends, strict=True))
    return log.amount == posting.amount and shared == 1 and not posting.orphaned


def _other_units(log: Log, posting: Posting) -> bool:
    if log.ends != posting.ends or posting.orphaned or not log.amount:
        return False
    more, less = max(log.amount, posting.amount), min(log.amount, posting.amount)
    return any(less * 10**power == more for power in range(1, MOST_DECIMALS + 1))


def _same_ends(log: Log, posting: Posting) -> bool:
    return log.ends == posting.ends and not posting.orphaned


# Tried in this order: the likest first.
_NEARLY = (
    (BreakKind.WRONG_WALLET, _same_amount_one_end),
    (BreakKind.DECIMALS, _other_units),
    (BreakKind.AMOUNT, _same_ends),
)


def _kind_of_log(log: Log) -> BreakKind:
    """Nothing booked: a movement of ours that is missing, or one that nobody here ordered."""
    return BreakKind.MISSING_IN_BOOKS if log.ours and not log.noted else BreakKind.UNAUTHORISED_ACTION


def _kind_of_posting(posting: Posting, agreed: Counter[tuple[tuple[str, str], int]], *, orphaned: bool) -> BreakKind:
    """Booked, and no log for it; `orphaned` if its transaction is only in blocks that are not canonical."""
    if posting.orphaned or orphaned:
        return BreakKind.REORG_ORPHANED
    if posting.tx_hash is not None and agreed[posting.ends, posting.amount]:
        return BreakKind.DUPLICATE_POSTING
    return BreakKind.MISSING_ON_CHAIN
