"""The nodes beside the one that is followed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.chain.endpoints.health import FAULTS
from apps.chain.endpoints.others import Sight
from apps.chain.fetching.endpoint import Call

if TYPE_CHECKING:
    from apps.chain.endpoints.pool import Pool


class Beside:
    """The healthy nodes beside the followed one, for one step."""

    def __init__(self, pool: "Pool", followed: str, head: int) -> None:
        self._pool, self._followed, self._head = pool, followed, head

    def sights(self) -> Sequence[Sight]:
        """What each last said."""
        return [
            Sight(row.pk, row.head_number, row.final_number, row.final_hash)
            for row in self._pool.healthy(but=self._followed)
            if row.head_number is not None
        ]

    def keep(self, number: int, block_hash: str) -> bool:
        """Whether our block stands elsewhere while the followed node's chain is no higher: then that one is followed.

        Two forks of one height are thus not flapped between.
        """
        if self._head > number:
            return False
        for row in self._pool.healthy(but=self._followed):
            if self._has(row.pk, number, block_hash):
                self._pool.followed = row.pk
                return True
        return False

    def testify(self, number: int, calls: Sequence[Call]) -> Sequence[Sequence[Any] | None]:
        """What each that is as high as `number` answers to the calls; None of one that failed."""
        high = [row.pk for row in self._pool.healthy(but=self._followed) if (row.head_number or 0) >= number]
        return [self._answers(name, calls) for name in high]

    def _answers(self, name: str, calls: Sequence[Call]) -> Sequence[Any] | None:
        session = self._pool.session(name)
        session.seconds = settings.SECURITY.chain.endpoints.probe_seconds
        try:
            return session.batch(calls)
        except FAULTS:
            return None
        finally:
            session.seconds = None

    def _has(self, name: str, number: int, block_hash: str) -> bool:
        session = self._pool.session(name)
        session.seconds = settings.SECURITY.chain.endpoints.probe_seconds
        try:
            found = session.call("eth_getBlockByNumber", hex(number), False)
        except FAULTS:
            return False
        finally:
            session.seconds = None
        return isinstance(found, dict) and str(found.get("hash")).lower() == block_hash
