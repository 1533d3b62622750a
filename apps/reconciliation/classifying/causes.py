"""Why books and chain differ: each log held against the postings of its transaction, and each posting against its log.

What agrees is taken away first. What is left is named by its evidence, one cause for each log or posting.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

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
    cited: dict[str, tuple[list[Log], list[Posting]]] = defaultdict(lambda: ([], []))
    for log in logs:
        cited[log.tx_hash][0].append(log)
    for posting in postings:
        cited[posting.cited][1].append(posting)
    return [cause for told, booked in cited.values() for cause in _of_transaction(told, mended(booked))]


def mended(postings: Iterable[Posting]) -> list[Posting]:
    """Postings as the corrections that cite the same have left them; a correction of none stands for itself."""
    found: list[Posting] = []
    for posting in sorted(postings, key=lambda each: (each.is_correction, each.id)):
        place = _mends(found, posting) if posting.is_correction else None
        if place is None:
            found.append(posting)
            continue
        together = _together(found.pop(place), posting)
        if together is not None:
            found.insert(place, together)
    return found


def _mends(found: Sequence[Posting], correction: Posting) -> int | None:
    """The place of the posting it takes back, sends on, or adds to; the newest comes first."""
    for place in reversed(range(len(found))):
        if _is_mended(found[place], correction):
            return place
    return None


def _is_mended(posting: Posting, correction: Posting) -> bool:
    same = {posting.debit, posting.credit} == {correction.debit, correction.credit}
    onward = posting.amount == correction.amount and (
        posting.credit == correction.debit or posting.debit == correction.credit
    )
    return same or onward


def _together(posting: Posting, correction: Posting) -> Posting | None:
    """Both as one posting; None if nothing is left of it."""
    if posting.ends == correction.ends:
        return replace(posting, amount=posting.amount + correction.amount)
    if posting.ends == correction.ends[::-1]:
        left = posting.amount - correction.amount
        if not left:
            return None
        back = replace(posting, debit=posting.credit, credit=posting.debit)
        return replace(posting if left > 0 else back, amount=abs(left))
    if posting.credit == correction.debit:
        return replace(posting, credit=correction.credit)
    return replace(posting, debit=correction.debit)


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
    if agreed[posting.ends, posting.amount]:
        return BreakKind.DUPLICATE_POSTING
    return BreakKind.MISSING_ON_CHAIN
