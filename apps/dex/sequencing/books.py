"""The books in memory: a cache of the open orders, dropped and loaded again whenever in doubt."""

from dataclasses import dataclass
from uuid import UUID

from apps.dex.instruments import instrument_of
from apps.dex.matching import CorruptBook, Matcher, RestingOrder, Side
from apps.dex.models import BookState, Command, Order
from apps.securities.selectors.securities import securities_named
from apps.securities.types import SecurityView

# Ids of ended orders a matcher keeps at most. Each command's order id is new and unique in the store, so none returns.
REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Party:
    """Whose order it is, and which accounts it moves."""

    party_id: UUID
    wallet_address: str
    position_account_id: UUID
    cash_account_id: UUID


@dataclass(slots=True)
class OpenBook:
    """One security's matcher, and who stands behind each resting order."""

    view: SecurityView
    matcher: Matcher
    parties: dict[str, Party]


class Books:
    """The matchers of a shard."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._books: dict[str, OpenBook] = {}
        self._remembered = remembered

    def refresh(self, isins: set[str]) -> None:
        """Have these books in memory, under the terms of now. Raises CorruptBook."""
        for view in securities_named(isins):
            book = self._books.get(view.isin)
            if book is None or instrument_of(view) != book.matcher.instrument:
                self._books[view.isin] = _load(view)
            else:
                book.view = view
                if book.matcher.ids_remembered > len(book.matcher.book) + self._remembered:
                    book.matcher.forget_ended()

    def __getitem__(self, isin: str) -> OpenBook:
        return self._books[isin]

    def drop(self, isins: set[str]) -> None:
        """Forget books whose memory may differ from what is committed."""
        for isin in isins:
            self._books.pop(isin, None)

    def drop_all(self) -> None:
        """Forget every book."""
        self._books.clear()

    def hashes(self, isins: set[str]) -> dict[str, str]:
        """The present hash of each of these books."""
        return {isin: self._books[isin].matcher.book.hash() for isin in isins}

    def verify(self) -> None:
        """Load every book ever touched and compare it with the hash its last batch recorded. Raises CorruptBook."""
        recorded = dict(BookState.objects.values_list("isin", "book_hash"))
        self.refresh(set(recorded))
        for isin, wanted in recorded.items():
            if self._books[isin].matcher.book.hash() != wanted:
                raise CorruptBook(f"the open orders of {isin} are not the book its last batch left")


def _load(view: SecurityView) -> OpenBook:
    orders = list(Order.objects.open().for_security(view.isin).by_place())
    resting = [
        RestingOrder(
            str(o.pk), str(o.party_id), Side(o.side), o.price, o.quantity, o.filled, o.quantity - o.filled - o.canceled
        )
        for o in orders
    ]
    return OpenBook(view, Matcher.load(instrument_of(view), resting), {str(o.pk): party_of(o) for o in orders})


def party_of(row: Order | Command) -> Party:
    """Who stands behind an order, or behind the command that places one."""
    if row.position_account_id is None or row.cash_account_id is None:
        raise RuntimeError("an order names both of its accounts")
    return Party(row.party_id, row.wallet_address, row.position_account_id, row.cash_account_id)
