"""Causes by their evidence, as properties: nothing agreed is named, nothing that differs is passed over."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chain.types.events import ZERO_ADDRESS
from apps.reconciliation.classifying.actions import remedy_of
from apps.reconciliation.classifying.causes import Cause, causes
from apps.reconciliation.classifying.movements import Log, Posting, added, effects, negated
from apps.reconciliation.classifying.positions import position_finding
from apps.reconciliation.classifying.totals import supply_findings
from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.selectors.positions import Row

HELD = Unit("US0378331005", 0)
WALLETS = [f"0x{n:040x}" for n in range(1, 6)]
ALICE, BOB, CAROL = WALLETS[:3]
ENDS = [ZERO_ADDRESS, *WALLETS]
BLOCK = "0x" + "bb" * 32


def tx(number: int) -> str:
    return f"0x{number:064x}"


def log_of(number: int, index: int, ends: tuple[str, str], amount: int) -> Log:
    return Log(tx(number), BLOCK, 7, index, *ends, amount)


def posting_of(log: Log, number: int = 1) -> Posting:
    return Posting(number, log.key, "ISSUE", *log.ends, log.amount, log.tx_hash)


moves = st.tuples(
    st.integers(1, 3),
    st.tuples(st.sampled_from(ENDS), st.sampled_from(ENDS)).filter(lambda ends: ends[0] != ends[1]),
    st.integers(1, 4),
)
worlds = st.lists(moves, max_size=8)


def logs_of(world: list[tuple[int, tuple[str, str], int]]) -> list[Log]:
    return [log_of(number, index, ends, amount) for index, (number, ends, amount) in enumerate(world)]


class TestCauses:
    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(worlds, st.randoms())
    def test_books_that_follow_every_log_have_none(
        self, world: list[tuple[int, tuple[str, str], int]], any_: object
    ) -> None:
        logs = logs_of(world)
        postings = [posting_of(log, number) for number, log in enumerate(logs)]
        any_.shuffle(postings)  # type: ignore[attr-defined]
        assert causes(logs, postings) == []

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(worlds, worlds)
    def test_explain_every_difference_of_every_wallet(
        self, on_chain: list[tuple[int, tuple[str, str], int]], in_books: list[tuple[int, tuple[str, str], int]]
    ) -> None:
        logs = logs_of(on_chain)
        postings = [posting_of(log, number) for number, log in enumerate(logs_of(in_books))]
        chain = added(*(effects(log.ends, log.amount) for log in logs))
        books = added(*(effects(posting.ends, posting.amount) for posting in postings))
        explained = added(*(cause.effects for cause in causes(logs, postings)))
        for wallet in WALLETS:
            assert explained.get(wallet, 0) == chain.get(wallet, 0) - books.get(wallet, 0)

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(worlds, worlds)
    def test_carry_the_entry_that_mends_each(
        self, on_chain: list[tuple[int, tuple[str, str], int]], in_books: list[tuple[int, tuple[str, str], int]]
    ) -> None:
        postings = [posting_of(log, number) for number, log in enumerate(logs_of(in_books))]
        for cause in causes(logs_of(on_chain), postings):
            remedy = remedy_of(cause)
            assert remedy is not None
            assert remedy.amount > 0
            mended = effects((remedy.debit[1] or ZERO_ADDRESS, remedy.credit[1] or ZERO_ADDRESS), remedy.amount)
            assert {w: n for w, n in mended.items() if n} == {w: n for w, n in cause.effects.items() if n}

    @pytest.mark.parametrize("ours", [True, False])
    def test_a_log_without_a_posting_is_missing_or_nobodys(self, *, ours: bool) -> None:
        (found,) = causes([replace(log_of(1, 0, (ALICE, BOB), 3), ours=ours)], [])
        assert found.kind == ("MISSING_IN_BOOKS" if ours else "UNAUTHORISED_ACTION")

    def test_a_log_the_projection_could_not_explain_is_nobodys_even_from_our_transaction(self) -> None:
        (found,) = causes([replace(log_of(1, 0, (ZERO_ADDRESS, BOB), 3), noted=True)], [])
        assert (found.kind, found.supply) == ("UNAUTHORISED_ACTION", 3)

    def test_a_posting_without_a_log_is_missing_on_chain(self) -> None:
        (found,) = causes([], [posting_of(log_of(1, 0, (ALICE, BOB), 3))])
        assert (found.kind, found.effects) == ("MISSING_ON_CHAIN", {ALICE: 3, BOB: -3})

    @pytest.mark.parametrize("copies", [1, 2, 3])
    def test_what_is_booked_again_is_a_duplicate_each_time(self, copies: int) -> None:
        log = log_of(1, 0, (ZERO_ADDRESS, BOB), 3)
        found = causes([log], [posting_of(log, number) for number in range(copies + 1)])
        assert [(cause.kind, cause.posting.id) for cause in found] == [
            ("DUPLICATE_POSTING", number) for number in range(1, copies + 1)
        ]

    def test_the_same_twice_on_the_chain_is_no_duplicate(self) -> None:
        logs = [log_of(1, index, (ALICE, BOB), 3) for index in range(2)]
        assert causes(logs, [posting_of(log, number) for number, log in enumerate(logs)]) == []

    @pytest.mark.parametrize("ends", [(ALICE, CAROL), (CAROL, BOB)])
    def test_one_end_that_differs_is_the_wrong_wallet(self, ends: tuple[str, str]) -> None:
        log = log_of(1, 0, (ALICE, BOB), 3)
        (found,) = causes([log], [replace(posting_of(log), debit=ends[0], credit=ends[1])])
        assert found.kind == "WRONG_WALLET"

    @pytest.mark.parametrize(("booked", "kind"), [(30, "DECIMALS"), (3_000, "DECIMALS"), (4, "AMOUNT"), (33, "AMOUNT")])
    def test_another_amount_is_other_units_only_by_a_power_of_ten(self, booked: int, kind: str) -> None:
        log = log_of(1, 0, (ALICE, BOB), 3)
        (found,) = causes([log], [replace(posting_of(log), amount=booked)])
        assert (found.kind, found.effects[BOB]) == (kind, 3 - booked)

    def test_a_posting_from_a_block_that_is_not_canonical_is_orphaned(self) -> None:
        log = log_of(1, 0, (ALICE, BOB), 3)
        (by_its_key,) = causes([], [replace(posting_of(log), orphaned=True)])
        (by_its_transaction,) = causes([replace(log, canonical=False)], [posting_of(log)])
        assert {by_its_key.kind, by_its_transaction.kind} == {"REORG_ORPHANED"}

    def test_of_a_transaction_mined_again_only_the_posting_from_the_lost_block_is_orphaned(self) -> None:
        lost, back = replace(log_of(1, 0, (ALICE, BOB), 3), canonical=False), log_of(1, 4, (ALICE, BOB), 3)
        found = causes([lost, back], [replace(posting_of(lost, 1), orphaned=True), posting_of(back, 2)])
        assert [(cause.kind, cause.posting.id) for cause in found] == [("REORG_ORPHANED", 1)]


def correction(number: int, ends: tuple[str, str], amount: int, of: Posting | Log) -> Posting:
    cited = of.tx_hash if isinstance(of, Log) else of.cited
    return Posting(number, f"resolution:{number}", "CORRECTION", *ends, amount, cited)


class TestCorrections:
    """What a resolution posted belongs to what it mends."""

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(worlds, worlds)
    def test_leave_nothing_when_every_remedy_is_posted(
        self, on_chain: list[tuple[int, tuple[str, str], int]], in_books: list[tuple[int, tuple[str, str], int]]
    ) -> None:
        logs = logs_of(on_chain)
        postings = [posting_of(log, number) for number, log in enumerate(logs_of(in_books))]
        for number, cause in enumerate(causes(logs, postings), start=100):
            remedy, of = remedy_of(cause), cause.log or cause.posting
            ends = (remedy.debit[1] or ZERO_ADDRESS, remedy.credit[1] or ZERO_ADDRESS)
            postings.append(correction(number, ends, remedy.amount, of))
        explained = added(*(cause.effects for cause in causes(logs, postings)))
        assert not any(explained.values())

    def test_that_books_an_unauthorised_movement_is_its_posting(self) -> None:
        log = replace(log_of(1, 0, (ALICE, BOB), 3), ours=False)
        assert causes([log], [correction(1, (ALICE, BOB), 3, log)]) == []

    def test_that_takes_back_a_posting_of_nothing_ends_it(self) -> None:
        stray = replace(posting_of(log_of(1, 0, (ZERO_ADDRESS, BOB), 3)), cited="posting:1")
        assert causes([], [stray, correction(2, (BOB, ZERO_ADDRESS), 3, stray)]) == []

    def test_that_sends_on_what_went_to_the_wrong_wallet_ends_it(self) -> None:
        log = log_of(1, 0, (ALICE, BOB), 3)
        wrong = replace(posting_of(log), credit=CAROL)
        assert causes([log], [wrong, correction(2, (CAROL, BOB), 3, log)]) == []

    def test_of_half_leaves_the_other_half(self) -> None:
        log = log_of(1, 0, (ALICE, BOB), 10)
        (left,) = causes([log], [replace(posting_of(log), amount=4), correction(2, (ALICE, BOB), 3, log)])
        assert (left.kind, left.effects[BOB]) == ("AMOUNT", 3)


class TestWhatIsLeft:
    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(st.integers(0, 5), st.integers(0, 5), st.integers(-5, 5))
    def test_of_a_position_is_what_no_cause_explains(self, settled: int, events: int, explained: int) -> None:
        found = position_finding(Row(ALICE, settled, events), explained, None, HELD)
        left = events - settled - explained
        assert (found is None) == (left == 0)
        if found is not None:
            mended = effects(
                (found.remedy.debit[1] or ZERO_ADDRESS, found.remedy.credit[1] or ZERO_ADDRESS), found.remedy.amount
            )
            assert mended == {ALICE: left}

    @pytest.mark.parametrize(
        ("settled", "events", "kind"), [(0, 5, "MISSING_IN_BOOKS"), (5, 0, "MISSING_ON_CHAIN"), (5, 4, "AMOUNT")]
    )
    def test_of_a_position_is_named_by_which_side_has_none(self, settled: int, events: int, kind: str) -> None:
        assert position_finding(Row(ALICE, settled, events), 0, None, HELD).kind == kind

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(worlds, st.integers(0, 9), st.none() | st.integers(0, 9))
    def test_of_the_supply_is_what_no_mint_or_burn_explains(
        self, world: list[tuple[int, tuple[str, str], int]], issued: int, stored: int | None
    ) -> None:
        missing = [Cause(kind="MISSING_IN_BOOKS", log=log) for log in logs_of(world)]
        minted = sum(log.amount for log in logs_of(world) if log.sender == ZERO_ADDRESS)
        burnt = sum(log.amount for log in logs_of(world) if log.recipient == ZERO_ADDRESS)
        events = issued + minted - burnt
        asked = {"causes": missing, "held": HELD}
        said = Counter(
            f.details["compared"] for f in supply_findings(issued=issued, events=events, stored=stored, **asked)
        )
        assert said == Counter([] if stored in {None, events} else ["STORED"])
        (off,) = supply_findings(issued=issued + 1, events=events, stored=None, **asked)
        assert (off.kind, off.details["compared"], off.books) == ("SUPPLY", "ISSUED", issued + 1)

    def test_effects_of_a_movement_and_its_opposite_are_nothing(self) -> None:
        there = effects((ALICE, BOB), 3)
        assert set(added(there, negated(there)).values()) == {0}
