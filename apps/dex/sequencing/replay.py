"""Proof that the journal is whole: its hashes chain, and its commands give the same bytes again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from apps.dex.instruments import instrument_of
from apps.dex.matching import Cancel, Matcher, RejectCode, result_bytes
from apps.dex.models import Command, JournalEntry
from apps.dex.sequencing.deciding import new_order
from apps.dex.sequencing.poison import CODE as POISON
from apps.dex.sequencing.writing import chained
from apps.dex.types import CommandKind
from apps.securities.selectors.securities import security

# Found by the sequencer outside the core: replay takes them from the journal, because balances are not in it.
OUTSIDE = {RejectCode.INSUFFICIENT_FUNDS, RejectCode.INSUFFICIENT_POSITION, RejectCode.SECURITY_NOT_ACTIVE}


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What a replay found: how much it read, the last hash, the books' hashes, and the first fault, if any."""

    batches: int
    commands: int
    last_hash: str
    book_hashes: dict[str, str]
    fault: str | None


def replay_journal(shard: str) -> JournalReport:
    """Read the whole journal of a shard again from an empty book, under the present trading terms."""
    books: dict[str, Matcher] = {}
    batches = commands = 0
    last_hash, fault = "", None
    for entry in JournalEntry.objects.filter(shard=shard).order_by("seq").iterator(chunk_size=50):
        fault = _fault(entry, batches + 1, last_hash) or _replay(entry, books)
        if fault:
            break
        batches, commands, last_hash = batches + 1, commands + entry.commands, entry.hash
    hashes = {isin: matcher.book.hash() for isin, matcher in books.items()}
    return JournalReport(batches, commands, last_hash, hashes, fault)


def _fault(entry: JournalEntry, seq: int, last_hash: str) -> str | None:
    if entry.seq != seq:
        return f"batch {seq} is missing: {entry.seq} follows"
    if entry.prev_hash != last_hash:
        return f"batch {seq} does not follow the batch before it"
    if entry.hash != chained(last_hash, seq, entry.epoch, bytes(entry.body)):
        return f"batch {seq} was changed: its hash differs"
    if entry.commands != len(list(lines(entry))):
        return f"batch {seq} does not hold the commands it counts"
    return None


def lines(entry: JournalEntry) -> Iterator[tuple[int, bytes]]:
    """The batch's (command id, result bytes)."""
    for line in bytes(entry.body).split(b"\n"):
        number, _, result = line.partition(b" ")
        yield int(number), result


def _replay(entry: JournalEntry, books: dict[str, Matcher]) -> str | None:
    recorded = dict(lines(entry))
    commands = Command.objects.in_bulk(list(recorded))
    for pk, wanted in recorded.items():
        command = commands.get(pk)
        if command is None:
            return f"batch {entry.seq} decides command {pk}, which does not exist"
        if not _is_poison(wanted) and _again(command, wanted, books) != wanted:
            return f"batch {entry.seq}: command {pk} gives another result"
    return None


def _is_poison(result: bytes) -> bool:
    return bool(json.loads(result)[-1] == POISON)


def _again(command: Command, recorded: bytes, books: dict[str, Matcher]) -> bytes:
    if command.isin not in books:
        books[command.isin] = Matcher(instrument_of(security(command.isin)))
    matcher = books[command.isin]
    if command.kind == CommandKind.CANCEL:
        return result_bytes(matcher.apply(Cancel(str(command.order_id), str(command.party_id))))
    order = new_order(command)
    code = json.loads(recorded)[3]
    if code in OUTSIDE:
        return result_bytes(matcher.reject(order, RejectCode(code)))
    return result_bytes(matcher.apply(order))
