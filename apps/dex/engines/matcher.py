"""The matcher: the one writer of a shard. Takes what waits, decides in memory, commits once, then acknowledges."""

import gc
import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError

from apps.core.daemon import Deposed, Engine, Leadership
from apps.core.db import Columns, fetch_all, fetch_one, unit_of_work
from apps.dex.models import Command
from apps.dex.sequencing.books import REMEMBERED, Books
from apps.dex.sequencing.deciding import accounts_of, decide
from apps.dex.sequencing.funds import Funds
from apps.dex.sequencing.poison import reject_poison
from apps.dex.sequencing.writing import Position, write_effects
from apps.dex.services.orders import INBOX, SHARD
from apps.ledger.errors import InsufficientBalance
from apps.ledger.selectors.balances import lock_balances

log = logging.getLogger(__name__)

BATCH = 1000
# A balance may move between our reading and our locking it: then the batch is decided again on the new one, the last
# time on balances locked before they are read, so that contention alone never fails an order.
TRIES = 3
COMMAND = Columns(Command, "c")
# In the order of their ids. A command that commits late is not skipped: its inbox row is there.
WAITING = f"""
SELECT {COMMAND} FROM dex_inbox i JOIN dex_command c ON c.id = i.command_id
WHERE i.shard = %s ORDER BY c.id LIMIT %s
"""  # noqa: S608 (our own columns)


class Matcher(Engine):
    """Sequences the commands of one shard."""

    name = "matcher"
    channels = (INBOX,)
    poll_seconds = 1.0

    def __init__(self, shard: str = SHARD, remembered: int = REMEMBERED) -> None:
        self._shard = shard
        self._books = Books(remembered)
        self._at: Position

    def lead(self, leadership: Leadership) -> None:
        """Begin an epoch and load the books; they must be what the last batch left. Raises CorruptBook."""
        self._books.drop_all()
        with unit_of_work():
            row = fetch_one(
                """INSERT INTO dex_sequencer (shard, epoch, last_seq, last_hash, last_place, last_trade_id)
                   VALUES (%s, 1, 0, '', 0, 0)
                   ON CONFLICT (shard) DO UPDATE SET epoch = dex_sequencer.epoch + 1
                   RETURNING epoch, last_seq, last_hash, last_place, last_trade_id""",
                [self._shard],
            )
        if row is None:
            raise RuntimeError("an upsert returns its row")
        self._at = Position(self._shard, *row)
        self._books.verify()
        _spare_the_collector()

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Decide what waits; true if more may wait. Raises Deposed."""
        batch = waiting(self._shard, BATCH)
        if batch:
            self._process(batch, now)
        return len(batch) == BATCH

    def _process(self, batch: Sequence[Command], now: datetime) -> None:
        """Commit the batch, or find the command that will not go through and reject it alone."""
        try:
            self._commit_with_retries(batch, now)
        except (Deposed, OperationalError, InterfaceError):
            self._books.drop_all()
            raise
        except Exception:
            self._books.drop({command.isin for command in batch})
            if len(batch) == 1:
                log.exception("command rejected as poison", extra={"command_id": batch[0].pk})
                self._at = reject_poison(batch[0], self._at)
                return
            log.warning("batch failed, halving it", extra={"commands": len(batch)}, exc_info=True)
            middle = len(batch) // 2
            self._process(batch[:middle], now)
            self._process(batch[middle:], now)

    def _commit_with_retries(self, batch: Sequence[Command], now: datetime) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self._at = self._commit(batch, now, locked=attempt == TRIES)
            except InsufficientBalance:
                self._books.drop({command.isin for command in batch})
                if attempt == TRIES:
                    raise
            else:
                return

    def _commit(self, batch: Sequence[Command], now: datetime, *, locked: bool) -> Position:
        """Decide and write one batch.

        `locked` takes what decides it before what it moves, out of the common order: a deadlock this may cause is
        an OperationalError, and the batch is taken again.
        """
        with unit_of_work():
            isins = {command.isin for command in batch}
            self._books.refresh(isins)
            accounts = accounts_of(batch)
            if locked:
                lock_balances(accounts)
            effects = decide(batch, self._books, Funds(accounts))
            return write_effects(effects, self._at, self._books.hashes(isins), now)


def _spare_the_collector() -> None:
    """Applying commands makes no reference cycles: the books need no looking through (a third of the time saved).

    Dropped books do: those of an earlier leadership are thawed first, or they would stay for ever.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def waiting(shard: str, limit: int) -> list[Command]:
    """Undecided commands, the first `limit` of them."""
    return [COMMAND.read(row) for row in fetch_all(WAITING, [shard, limit])]
