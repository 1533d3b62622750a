"""The life of a break over HTTP, and what is stored about it on each side."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import actor_of, make_party, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.chain.models import RawLog, TokenBinding
from apps.chain.selectors.topics import topics_of
from apps.chain.types import ContractKind
from apps.chain.types.events import TradeSettled
from apps.core import clock
from apps.core.db import unit_of_work
from apps.issuance.tests.factories import make_live
from apps.ledger.models import LedgerTransfer
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.transfers import pend_many, post_many, transfer_many
from apps.ledger.types import AccountKey, AccountKind, PendingTransfer, Transfer, TransferKind
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.tests.factories import (
    make_asset,
    make_block,
    make_break,
    make_run,
    make_wallet,
    missing,
    propose,
    state_finding,
)
from apps.settlement.models import ProjectedContract, SettlementInstruction

BREAKS, RESOLUTIONS = "/api/reconciliation/breaks", "/api/reconciliation/resolutions"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def written() -> tuple[int, ...]:
    """What acts upon breaks write; that somebody was refused is logged as well."""
    acts = AuditLog.objects.filter(action__startswith="reconciliation.")
    return (acts.count(), *(m.objects.count() for m in (BreakEvent, Resolution, LedgerTransfer)))


@pytest.fixture
def maker(books: str) -> User:
    return make_user(role=Role.OPS)


@pytest.fixture
def checker(books: str) -> User:
    return make_user(role=Role.COMPLIANCE)


@pytest.fixture
def row(books: str) -> Break:
    return make_break(missing(make_asset(), make_wallet()))


def data(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()["data"]


def code(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    return answer.json()["error"]["code"]


class TestTheLifeOfABreak:
    def test_from_its_owner_to_the_entry_that_resolves_it(self, row: Break, maker: User, checker: User) -> None:
        one, two = api_client(maker), api_client(checker)
        assert data(one.post(f"{BREAKS}/{row.pk}/assign", {"owner_id": str(maker.pk)}))["owner_id"] == str(maker.pk)
        data(one.post(f"{BREAKS}/{row.pk}/explain", {"text": "issued twice"}))
        proposal = {"kind": "POST", "reason": "book what the chain has"}
        made = data(one.command(f"{BREAKS}/{row.pk}/resolutions", proposal), 201)
        assert (made["state"], made["proposed_by"], made["remedy"]["amount"]) == ("PROPOSED", str(maker.pk), "25")
        assert code(one.command(f"{RESOLUTIONS}/{made['id']}/approve"), 403) == "maker_is_checker"
        done = data(two.command(f"{RESOLUTIONS}/{made['id']}/approve"))
        assert (done["state"], done["decided_by"]) == ("APPROVED", str(checker.pk))
        found = data(one.get(f"{BREAKS}/{row.pk}"))
        assert (found["state"], found["severity"], found["resolutions"]) == ("RESOLVED", "CRITICAL", [done])
        assert [event["change"] for event in found["history"]] == [
            "RAISED",
            "ASSIGNED",
            "EXPLAINED",
            "PROPOSED",
            "RESOLVED",
        ]
        (entry,) = found["evidence"]["entries"]
        assert entry == {
            "id": done["transfer_id"],
            "kind": "CORRECTION",
            "state": "POSTED",
            "asset": row.isin,
            "decimals": 0,
            "amount": "25",
            "debit": "ISSUANCE",
            "credit": f"POSITION {row.wallet_address}",
            "source_ref": f"resolution:{made['id']}",
            "effective_at": entry["effective_at"],
        }

    def test_rejected_it_is_open_again(self, row: Break, maker: User, checker: User) -> None:
        made = propose(row, actor_of(maker))
        answer = api_client(checker).command(f"{RESOLUTIONS}/{made}/reject", {"reason": "ask the registrar"})
        assert data(answer)["state"] == "REJECTED"
        found = data(api_client(maker).get(f"{BREAKS}/{row.pk}"))
        assert (found["state"], found["history"][-1]["message"]) == ("OPEN", "ask the registrar")

    def test_a_command_sent_again_posts_once(self, row: Break, maker: User, checker: User) -> None:
        made, client = propose(row, actor_of(maker)), api_client(checker)
        first = data(client.command(f"{RESOLUTIONS}/{made}/approve", key="one"))
        again = data(client.command(f"{RESOLUTIONS}/{made}/approve", key="one"))
        other = data(client.command(f"{RESOLUTIONS}/{made}/approve", key="two"))
        assert first == again == other
        assert LedgerTransfer.objects.filter(source_ref=f"resolution:{made}").count() == 1


class TestRefusals:
    def test_are_business_facts_and_change_nothing(self, row: Break, maker: User, checker: User) -> None:
        paused = make_break(state_finding(make_asset()))
        made = propose(row, actor_of(maker))
        make_run(row.isin, missing(row.isin, row.wallet_address, 26))
        two, before = api_client(checker), written()
        accept, post = {"kind": "ACCEPT", "reason": "so be it"}, {"kind": "POST", "reason": "so be it"}
        investor = {"owner_id": str(make_user(role=Role.INVESTOR).pk)}
        for path, body, status, said in (
            (f"{RESOLUTIONS}/{made}/approve", None, 409, "break_changed"),
            (f"{RESOLUTIONS}/{uuid4()}/approve", None, 404, "unknown_resolution"),
            (f"{RESOLUTIONS}/{uuid4()}/reject", {"reason": "no"}, 404, "unknown_resolution"),
            (f"{BREAKS}/{row.pk}/resolutions", post, 409, "resolution_open"),
            (f"{BREAKS}/{paused.pk}/resolutions", post, 422, "break_without_remedy"),
            (f"{BREAKS}/{uuid4()}/resolutions", accept, 404, "unknown_break"),
            (f"{BREAKS}/{paused.pk}/assign", investor, 400, "owner_not_officer"),
        ):
            assert code(two.command(path, body), status) == said, path
        assert written() == before
        other = make_break(missing(make_asset(), make_wallet()))
        assert code(two.command(f"{BREAKS}/{other.pk}/resolutions", accept), 422) == "break_not_acceptable"
        assert code(two.get(f"{BREAKS}/{uuid4()}"), 404) == "unknown_break"

    def test_of_bodies_without_meaning(self, row: Break, maker: User) -> None:
        client, before = api_client(maker), written()
        for path, body in (
            ("assign", {}),
            ("explain", {"text": "  "}),
            ("explain", {"text": "x" * 1001}),
            ("resolutions", {"kind": "FORGET", "reason": "x"}),
        ):
            assert client.command(f"{BREAKS}/{row.pk}/{path}", body).status_code == 400, body
        assert written() == before

    @pytest.mark.parametrize(("role", "status"), [(Role.INVESTOR, 403), (Role.ISSUER, 403), (None, 401)])
    def test_of_others(self, row: Break, maker: User, role: str | None, status: int) -> None:
        made = propose(row, actor_of(maker))
        client: ApiClient = api_client(make_user(role=role) if role else None)
        before = written()
        assert client.get(f"{BREAKS}/{row.pk}").status_code == status
        for path, body in (
            (f"{BREAKS}/{row.pk}/assign", {"owner_id": str(maker.pk)}),
            (f"{BREAKS}/{row.pk}/explain", {"text": "mine"}),
            (f"{BREAKS}/{row.pk}/resolutions", {"kind": "POST", "reason": "mine"}),
            (f"{RESOLUTIONS}/{made}/approve", None),
            (f"{RESOLUTIONS}/{made}/reject", {"reason": "mine"}),
        ):
            assert client.command(path, body).status_code == status, path
        assert written() == before


class TestTheList:
    def test_shows_a_break_as_a_run_last_saw_it_whatever_people_did_since(self, row: Break, maker: User) -> None:
        client = api_client(maker)
        before = data(client.get(BREAKS, {"isin": row.isin}))["results"]
        propose(row, actor_of(maker))
        (after,) = data(client.get(BREAKS, {"isin": row.isin, "state": "PROPOSED"}))["results"]
        assert before == [after | {"state": "OPEN"}]

    def test_asks_no_more_for_more_rows(self, maker: User) -> None:
        client = api_client(maker)

        def asked(number: int) -> int:
            isin = make_asset()
            make_run(isin, *(missing(isin, make_wallet()) for _ in range(number)))
            with CaptureQueriesContext(connection) as queries:
                assert len(data(client.get(BREAKS, {"isin": isin}))["results"]) == number
            return len(queries)

        asked(1)
        assert asked(2) == asked(12)


class Stage:
    """A live token, a wallet and a transfer of seven units to it that a log tells and an entry books."""

    def __init__(self) -> None:
        self.isin, self.wallet = make_asset(), make_wallet()
        make_live(self.isin)
        self.token = str(TokenBinding.objects.get(isin=self.isin).address)
        with unit_of_work():
            ProjectedContract.objects.create(
                address=self.token,
                asset=self.isin,
                kind=ContractKind.SECURITY,
                listed_at_block=1,
                listed_at=clock.now(),
            )
        self.booked, self.stray = self.log(7), self.log(5)
        self.transfer_id = self.book(self.booked, 7)

    def log(self, units: int) -> RawLog:
        block, sender = make_block(), make_wallet()
        words = [f"0x{address[2:]:0>64}" for address in (sender, self.wallet)]
        return RawLog.objects.create(
            block=block,
            block_number=block.number,
            log_index=3,
            tx_index=0,
            tx_hash=f"0x{uuid4().int:064x}",
            address=self.token,
            topics=(TRANSFER, *words),
            data=f"0x{units:064x}",
            effect="M",
            sender=sender,
            recipient=self.wallet,
            amount=units,
        )

    def book(self, log: RawLog, units: int) -> int:
        key = f"log:{log.block.hash}:{log.log_index}"
        issuance = AccountKey(self.isin, AccountKind.ISSUANCE)
        position = AccountKey(self.isin, AccountKind.POSITION, self.wallet)
        with unit_of_work():
            of = ensure_accounts(keys={issuance, position})
            entry = Transfer(key, of[issuance], of[position], units, TransferKind.ISSUE, log.tx_hash, clock.now())
            return transfer_many([entry])[key]


@pytest.fixture(scope="class")
def stage(books: str) -> Stage:
    return Stage()


class Trade:
    """A trade of three units that settled: two logs of one transaction before the event that says so."""

    def __init__(self, stage: Stage) -> None:
        self.seller, self.buyer, self.ref, dvp_id = stage.wallet, make_wallet(), f"trade:{uuid4()}", hash_()
        parties = {f"{end}_party_id": make_party().pk for end in ("seller", "buyer")}
        accounts = {f"{leg}_{side}_account_id": uuid4() for leg in ("security", "cash") for side in ("debit", "credit")}
        self.block, self.tx_hash = make_block(), hash_()
        self.instruction = SettlementInstruction.objects.create(
            trade_ref=self.ref,
            dvp_id=dvp_id,
            isin=stage.isin,
            seller_wallet=self.seller,
            buyer_wallet=self.buyer,
            quantity=3,
            cash_asset="USDX",
            cash_amount=30,
            trade_date=clock.now().date(),
            intended_settlement_date=clock.now().date(),
            deadline=clock.now(),
            next_attempt_at=clock.now(),
            created_at=clock.now(),
            **parties,
            **accounts,
        )
        self.leg = self.log(1, stage.token, TRANSFER, self.seller, self.buyer, 3)
        self.log(2, make_wallet(), topics_of(TradeSettled)[0], dvp_id, self.seller, self.buyer)
        with unit_of_work():
            keys = [AccountKey(stage.isin, AccountKind.POSITION, wallet) for wallet in (self.seller, self.buyer)]
            of = ensure_accounts(keys=keys)
            key, kind = f"{self.ref}:security", TransferKind.SETTLEMENT_SECURITY
            pend_many([PendingTransfer(key, *(of[each] for each in keys), 3, kind, self.ref, clock.now())])
            self.transfer_id = post_many([(key, f"{key}:posted", clock.now())])[f"{key}:posted"]

    def log(self, index: int, address: str, topic: str, *words: str | int) -> RawLog:
        *indexed, data = [word if isinstance(word, int) else f"0x{word[2:]:0>64}" for word in words]
        moves = {"effect": "M", "sender": self.seller, "recipient": self.buyer, "amount": 3} if index == 1 else {}
        return RawLog.objects.create(
            block=self.block,
            block_number=self.block.number,
            log_index=index,
            tx_index=0,
            tx_hash=self.tx_hash,
            address=address,
            topics=(topic, *indexed, *([] if isinstance(data, int) else [data])),
            data=f"0x{data:064x}" if isinstance(data, int) else "0x",
            **moves,
        )


def hash_() -> str:
    return f"0x{uuid4().int:064x}"


class TestEvidence:
    def test_of_a_wallet_are_its_logs_beside_the_entries_that_book_them(self, stage: Stage, maker: User) -> None:
        row = make_break(missing(stage.isin, stage.wallet))
        evidence = data(api_client(maker).get(f"{BREAKS}/{row.pk}"))["evidence"]
        told = [(log["tx_hash"], log["amount"], log["asset"], log["transfer_id"]) for log in evidence["logs"]]
        assert told == [
            (stage.stray.tx_hash, "5", stage.isin, None),
            (stage.booked.tx_hash, "7", stage.isin, stage.transfer_id),
        ]
        assert {(log["to_address"], log["finality"]) for log in evidence["logs"]} == {(stage.wallet, "FINAL")}
        assert [(entry["id"], entry["source_ref"]) for entry in evidence["entries"]] == [
            (stage.transfer_id, stage.booked.tx_hash)
        ]

    def test_of_a_transaction_are_its_own_logs(self, stage: Stage, maker: User) -> None:
        found = missing(stage.isin, stage.wallet, identity=f"{stage.isin}:tx", tx_hash=stage.stray.tx_hash)
        row = make_break(found)
        evidence = data(api_client(maker).get(f"{BREAKS}/{row.pk}"))["evidence"]
        assert [log["tx_hash"] for log in evidence["logs"]] == [stage.stray.tx_hash]
        assert evidence["entries"] == []
        assert evidence["transactions"] == [
            {"tx_hash": stage.stray.tx_hash, "intent_id": None, "kind": "", "state": "", "business_key": ""}
        ]

    def test_of_a_state_without_wallet_or_transaction_are_none(self, stage: Stage, maker: User) -> None:
        row = make_break(state_finding(stage.isin))
        evidence = data(api_client(maker).get(f"{BREAKS}/{row.pk}"))["evidence"]
        assert evidence == {"logs": [], "entries": [], "transactions": []}

    def test_of_a_trade_is_the_leg_beside_its_entry(self, stage: Stage, maker: User) -> None:
        trade = Trade(stage)
        found = missing(stage.isin, stage.wallet, identity=f"{stage.isin}:trade", tx_hash=trade.tx_hash)
        evidence = data(api_client(maker).get(f"{BREAKS}/{make_break(found).pk}"))["evidence"]
        told = [(log["log_index"], log["amount"], log["transfer_id"]) for log in evidence["logs"]]
        assert told == [(1, "3", trade.transfer_id), (2, None, None)]
        assert [(entry["id"], entry["source_ref"]) for entry in evidence["entries"]] == [(trade.transfer_id, trade.ref)]
