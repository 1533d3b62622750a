"""What was learned of a node, in its row and out of it again."""

from datetime import timedelta

from apps.chain.endpoints.rows import columns_of, limits_of
from apps.chain.limits import WIDEST_RANGE, Cap, Limits
from apps.chain.models import RpcEndpoint
from apps.core import clock


def kept(limits: Limits) -> Limits:
    """As a new process reads it."""
    return limits_of(RpcEndpoint(**columns_of(limits)))


class TestWhatWasLearned:
    def test_is_the_same_out_of_the_row(self) -> None:
        learned = Limits(batch_calls=7, oldest_block=12, block_receipts=False)
        learned.ranges.refuse(2_000, hint=500, lasting=True)
        learned.headers.refuse(500)
        learned.receipts.refuse(40)
        learned.date_hint(clock.now())
        assert kept(learned) == learned
        assert kept(Limits()) == Limits()

    def test_grows_again_from_where_it_was(self) -> None:
        learned = Limits()
        learned.receipts.refuse(40)
        again = kept(learned)
        for _ in range(20):
            again.receipts.accept(20)
        assert again.receipts.value == 22


class TestAHint:
    def test_bounds_ranges_for_an_hour(self) -> None:
        now, limits = clock.now(), Limits()
        limits.ranges.refuse(2_000, hint=500, lasting=True)
        limits.date_hint(now)
        limits.date_hint(now + timedelta(minutes=59))
        assert limits.ranges == Cap(500, 500)
        limits.date_hint(now + timedelta(hours=1))
        assert limits.ranges == Cap(500, WIDEST_RANGE)
        assert limits.hinted_at is None

    def test_that_is_only_for_one_question_bounds_no_other(self) -> None:
        limits = Limits()
        limits.ranges.refuse(2_000, hint=38)
        limits.date_hint(clock.now())
        assert limits.ranges == Cap(38, WIDEST_RANGE)
        assert limits.hinted_at is None
