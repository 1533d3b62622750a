"""The engine that keeps the chain's blocks and logs."""

from datetime import datetime

from django.db.models import Min

from apps.chain.endpoints.pool import Followed, Pool
from apps.chain.models import StreamCursor, WatchedContract
from apps.chain.selectors.blocks import STREAM
from apps.chain.services import dead_letters, ingestion, watching
from apps.chain.services.backfilling import PastAhead
from apps.chain.services.reading import Ahead
from apps.chain.services.tokens.following import follow_tokens
from apps.chain.services.watching_over import StreamWatch
from apps.core import clock
from apps.core.daemon import Engine, Leadership


class Ingester(Engine):
    """Follows one node at a time. An answer that does not suffice is asked of another; nothing of it is kept."""

    name = "ingester"
    channels = (watching.CHANNEL,)

    def __init__(self) -> None:
        self._pool, self._watch = Pool(), StreamWatch()
        self._ahead, self._past = Ahead(), PastAhead()

    def lead(self, leadership: Leadership) -> None:
        """Begin new sessions with the nodes, and read what the codec of yesterday could not. Raises NoEndpoint."""
        self._ahead.drop()
        self._past.drop()
        self._watch.forget()
        self._pool.begin(clock.now())
        dead_letters.decode_again(leadership=leadership, now=clock.now())

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Advance the stream once. Raises NoEndpoint where no node may be asked."""

        def advance(found: Followed) -> bool:
            more = ingestion.advance(
                node=found.node,
                leadership=leadership,
                now=now,
                tip=found.tip,
                others=found.others,
                ahead=self._ahead,
                past=self._past,
            )
            return more or follow_tokens(node=found.node, leadership=leadership, now=now)

        self._watch.look(now)
        cursor = StreamCursor.objects.filter(name=STREAM).first()
        at_least = cursor.number if cursor else None
        return self._pool.work(advance, now=now, at_least=at_least, needed=_needed())


def _needed() -> int | None:
    """The oldest block whose logs are still to be fetched."""
    behind = WatchedContract.objects.filter(covered=False).aggregate(lowest=Min("covered_to"))["lowest"]
    return None if behind is None else int(behind) + 1
