"""Whatever happens on the chain, in whatever order it is projected and projected again: books and chain agree."""

from collections import Counter
from random import Random

from apps.chain.types.events import ZERO_ADDRESS
from apps.ledger.selectors.balances import by_wallet, control_totals, position, shortfalls
from apps.ledger.selectors.fold import fold_check
from apps.settlement.models import SettlementInstruction
from apps.settlement.tests.logs import ALICE, BOB, CAROL, CASH, Block
from apps.settlement.tests.paper import ISIN, USDX, Paper
from apps.settlement.tests.test_projection import failed, rewind, send

WALLETS = (ALICE, BOB, CAROL)
CHAPTERS, STEPS = 3, 40


class Story:
    """Random events on paper, beside a plain model of what the chain would say."""

    def __init__(self, paper: Paper) -> None:
        self.paper, self.random, self.shortfalls_seen = paper, Random(), 0
        self.cash, self.shares = Counter[str](), Counter[str]()
        self.open: list[SettlementInstruction] = []

    def mint(self) -> None:
        wallet, amount = self.random.choice(WALLETS), self.random.randint(1, 500)
        block = Block()
        block.mint(CASH, wallet, amount)
        self.paper.add(block)
        self.cash[wallet] += amount

    def pay(self) -> None:
        """A wallet pays what it has on the chain, whatever the books hold for it."""
        payer = self.random.choice(WALLETS)
        if amount := self.random.randint(0, self.cash[payer]):
            payee = self.random.choice([*WALLETS, ZERO_ADDRESS])
            block = Block()
            block.move(CASH, payer, payee, amount)
            self.paper.add(block)
            self.cash[payer] -= amount
            self.cash[payee] += amount

    def trade(self) -> None:
        """Both are given what the trade needs, on the chain and in the books."""
        quantity, amount = self.random.randint(1, 9), self.random.randint(1, 90)
        self.open.append(self.paper.trade(quantity, amount))
        self.shares[ALICE] += quantity
        self.cash[BOB] += amount

    def settle(self) -> None:
        """A call carries an open trade: it settles if the chain has both legs, and fails otherwise."""
        if not self.open:
            return
        row = self.open.pop(self.random.randrange(len(self.open)))
        tx_hash = send(self.paper, row)
        if self.cash[BOB] < row.cash_amount or self.random.random() < 0.3:
            self.paper.add(failed(row, tx_hash))
            self.paper.project()
            row.refresh_from_db()
            self.open += [row] if row.processing_status == "PACK" else []
            return
        block = Block()
        block.tx_hash = tx_hash
        block.settle(row.dvp_id, ALICE, BOB, row.quantity, row.cash_amount)
        self.paper.add(block)
        self.cash.update({ALICE: row.cash_amount, BOB: -row.cash_amount})
        self.shares.update({BOB: row.quantity, ALICE: -row.quantity})

    def project(self) -> None:
        self.paper.project()
        self.shortfalls_seen += len(shortfalls(USDX))

    def again(self) -> None:
        self.paper.project()
        rewind()

    def tell(self, seed: int) -> None:
        """A chapter: random acts, then everything final in the books."""
        self.random.seed(seed)
        acts = [self.mint, self.pay, self.pay, self.trade, self.settle, self.settle, self.project, self.again]
        self.mint()
        for _ in range(STEPS):
            self.random.choice(acts)()
        self.paper.project()


def of_chain(cash: Counter[str]) -> dict[str, int]:
    return {wallet: cash[wallet] for wallet in WALLETS if cash[wallet]}


def of_books(asset: str) -> dict[str, int]:
    """What the books say a wallet has on the chain."""
    owed = shortfalls(asset)
    found = {wallet: posted - owed.get(wallet, 0) for wallet, posted in by_wallet(asset).items()}
    return {wallet: units for wallet, units in found.items() if units}


class TestBooksAndChain:
    def test_agree_after_every_chapter(self, books: str) -> None:
        story = Story(Paper())
        for seed in range(CHAPTERS):
            story.tell(seed)
            assert of_books(USDX) == of_chain(story.cash), seed
            assert of_books(ISIN) == of_chain(story.shares), seed
            assert sum(control_totals(USDX).values()) == sum(control_totals(ISIN).values()) == 0
            assert fold_check() == []
            still_open = SettlementInstruction.objects.open()
            assert position(ISIN, ALICE).held == sum(row.quantity for row in still_open)
            assert position(USDX, BOB).held == sum(row.cash_amount for row in still_open)
        ends = Counter(SettlementInstruction.objects.values_list("processing_status", "settlement_status"))
        assert ends["PACK", "SETT"] > 0
        assert story.shortfalls_seen > 0
