"""Logs made ready for their table: decoded, and written in COPY's text format. No database, so a thread can do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.chain import codec
from apps.chain.codec.hot import TRANSFER, transfer_columns
from apps.chain.effects import effect_of
from apps.chain.types import ContractKind, EffectKind
from apps.chain.wire import WireLog

# Of a row's text; in the table the block's key stands before it.
COLUMNS = (
    "block_number", "log_index", "tx_index", "tx_hash", "address",
    "effect", "topics", "data", "sender", "recipient", "amount",
)  # fmt: skip
MOVED = EffectKind.MOVED.value
NULL = r"\N"

Kinds = Mapping[str, ContractKind]


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A log that claims a known event but does not decode."""

    log: WireLog
    reason: str


@dataclass(frozen=True, slots=True)
class PreparedLogs:
    """By block hash the rows of its logs, and those that do not decode."""

    rows: Mapping[str, Sequence[str]]
    undecoded: Sequence[Undecoded]

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))

    def __add__(self, other: "PreparedLogs") -> "PreparedLogs":
        """Both, of whatever blocks."""
        hashes = {**self.rows, **other.rows}
        rows = {each: [*self.rows.get(each, ()), *other.rows.get(each, ())] for each in hashes}
        return PreparedLogs(rows, [*self.undecoded, *other.undecoded])


def prepare(logs: Sequence[WireLog], kinds: Kinds) -> PreparedLogs:
    """Decode logs; `kinds` are the watched contracts' by address. What does not decode is kept all the same."""
    rows: dict[str, list[str]] = {}
    undecoded: list[Undecoded] = []
    for log in logs:
        try:
            told = _told(log, kinds)
        except codec.Undecodable as error:
            undecoded.append(Undecoded(log, str(error)))
            told = _raw(log, NULL, NULL, NULL, NULL)
        rows.setdefault(log.block_hash, []).append(
            f"{log.block_number}\t{log.log_index}\t{log.tx_index}\t\\\\x{log.tx_hash[2:]}\t\\\\x{log.address[2:]}\t{told}"
        )
    return PreparedLogs(rows, undecoded)


def _told(log: WireLog, kinds: Kinds) -> str:
    """The columns from `effect` on. Raises Undecodable."""
    topics = log.topics
    if len(topics) == 3 and topics[0] == TRANSFER:
        return f"{MOVED}\t{transfer_columns(topics, log.data)}"
    effect = effect_of(codec.decode(topics, log.data, kind=kinds.get(log.address)))
    if effect is None:
        return _raw(log, NULL, NULL, NULL, NULL)
    sender = rf"\\x{effect.sender[2:]}" if effect.sender else NULL
    return _raw(log, effect.kind.value, sender, rf"\\x{effect.recipient[2:]}", str(effect.amount))


def _raw(log: WireLog, effect: str, sender: str, recipient: str, amount: str) -> str:
    topics = "".join(log.topics).replace("0x", "")
    return f"{effect}\t\\\\x{topics}\t\\\\x{log.data[2:]}\t{sender}\t{recipient}\t{amount}"
