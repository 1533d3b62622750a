"""The comparison as a property: clean exactly when every side agrees, and no difference is passed over."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chain.types import BlockView, Holdings
from apps.reconciliation.services.books import AssetBooks, Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.services.comparing import compare
from apps.reconciliation.services.recording import conclude
from apps.reconciliation.types import DETECTED

ISIN, CASH = "US0378331005", "USDX"
WALLETS = [f"0x{n:040x}" for n in range(1, 5)]
BLOCK = BlockView(
    7, "0x" + "77" * 32, "0x" + "66" * 32, datetime(2026, 1, 5, tzinfo=UTC), "0x" + "55" * 32, True, "FINAL"
)
units = st.integers(0, 3)
sides = st.fixed_dictionaries(dict.fromkeys(WALLETS, units))
chain_sides = st.fixed_dictionaries(dict.fromkeys(WALLETS, st.none() | units))


def asset(code: str, settled: dict[str, int], events: dict[str, int]) -> AssetBooks:
    held = {wallet: count for wallet, count in events.items() if count}
    return AssetBooks(code, 0, "0x" + "ab" * 20, settled, {}, Holdings(code, 7, held, sum(held.values())), {})


def books_of(settled: dict[str, int], events: dict[str, int], cash: dict[str, int], issued: int) -> Books:
    known = frozenset(WALLETS)
    return Books(ISIN, BLOCK, 1, asset(ISIN, settled, events), asset(CASH, cash, cash), issued, known)


class TestCompare:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(sides, sides, chain_sides, sides, st.none() | st.integers(0, 12), st.integers(0, 12))
    def test_is_clean_exactly_when_all_sides_agree(
        self,
        settled: dict[str, int],
        events: dict[str, int],
        chain: dict[str, int | None],
        cash: dict[str, int],
        supply: int | None,
        issued: int,
    ) -> None:
        books = books_of(settled, events, cash, issued)
        storage = Storage(True, chain, dict(cash), supply, {}, ("CHAIN_RPC_URL",))
        found = compare(books, storage)
        agree = settled == events == chain and sum(settled.values()) == supply == issued
        known = supply is not None and None not in chain.values()
        status = conclude(books, storage, found).status
        assert (status == "CLEAN") == agree
        assert (status == "INCOMPLETE") == (not known)
        differing = {w for w in WALLETS if chain[w] is not None and not settled[w] == events[w] == chain[w]}
        assert {f.wallet_address for f in found.findings if f.wallet_address} == differing
        assert {f.kind for f in found.findings} <= DETECTED
        assert len({f.identity for f in found.findings}) == len(found.findings)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(sides)
    def test_agreeing_sides_are_clean_only_with_a_confirmed_block(self, held: dict[str, int]) -> None:
        total = sum(held.values())
        books = books_of(held, held, held, total)
        found = compare(books, Storage(True, held, held, total, {}, ("CHAIN_RPC_URL",)))
        assert (found.findings, found.unknown) == ((), ())
        confirmed = Storage(True, held, held, total, {}, ("CHAIN_RPC_URL",))
        assert conclude(books, confirmed, found).status == "CLEAN"
        assert conclude(books, Storage(True, held, held, total), found).status == "INCOMPLETE"
        assert conclude(books, Storage(), compare(books, Storage())).status == "INCOMPLETE"

    def test_an_unanswered_wallet_is_unknown_not_absent(self) -> None:
        books = books_of(dict.fromkeys(WALLETS, 1), dict.fromkeys(WALLETS, 1), {}, 4)
        storage = Storage(True, {}, {}, 4, {}, ("CHAIN_RPC_URL",))
        assert len(compare(books, storage).unknown) == 2 * len(WALLETS)

    def test_cash_in_suspense_is_a_break_although_the_amounts_agree(self) -> None:
        held, wallet = dict.fromkeys(WALLETS, 1), WALLETS[0]
        books = books_of(held, held, held, 4)
        cash = replace(books.cash, settled=held | {wallet: 6}, shortfalls={wallet: 5})
        found = compare(replace(books, cash=cash), Storage(True, held, held, 4, {}, ("CHAIN_RPC_URL",)))
        ((finding,), unknown) = found.findings, found.unknown
        assert (finding.kind, finding.books, finding.chain, unknown) == ("CASH_LEG", 1, 1, ())
        assert f"paid 5 {CASH} on the chain beyond its free balance" in finding.message
