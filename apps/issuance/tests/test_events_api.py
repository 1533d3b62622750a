"""GET /api/issuance/events."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.chain.codec.layouts import LAYOUTS
from apps.chain.models import Block, RawLog, TokenBinding
from apps.chain.types import Finality, events, security_tokens
from apps.core import clock
from apps.core.ids import new_id
from apps.issuance.tests.factories import make_address, make_issue

URL = "/api/issuance/events"
ZERO = "0x" + "00" * 20
FALSE, TRUE = (f"0x{value:064x}" for value in (0, 1))


def topic_of(event: Any) -> str:
    return next(topic for (topic, _), layout in LAYOUTS.items() if layout.event is event)


def word(address: str) -> str:
    return "0x" + "00" * 12 + address[2:]


def number(value: int) -> str:
    return f"0x{value:064x}"


class Stage:
    """Two issuers' tokens, and a block to log in."""

    def __init__(self) -> None:
        self.issue = make_issue(quantity_decimals=2)
        self.rival = make_issue()
        self.token, self.rivals_token = (
            str(TokenBinding.objects.get(isin=each.security.isin).address) for each in (self.issue, self.rival)
        )
        self.holder = make_user(party=self.issue.holder)
        self.wallet, self.other = self.issue.wallet, make_address()
        self.height = 100
        self.logs = 0

    def block(self, *, canonical: bool = True, finality: str = Finality.FINAL) -> Block:
        self.height += canonical
        finality = finality if canonical else Finality.OBSERVED
        hashes = (f"0x{new_id().int:064x}" for _ in range(4))
        return Block.objects.create(
            number=self.height, hash=next(hashes), parent_hash=next(hashes), state_root=next(hashes),
            receipts_root=next(hashes), timestamp=clock.now() - timedelta(hours=1), logs_bloom=b"",
            canonical=canonical, finality=finality, final_by="TAG" if finality == Finality.FINAL else "",
        )  # fmt: skip

    def log(self, event: Any, *topics: str, data: str = "0x", token: str = "", block: Block | None = None) -> RawLog:
        self.logs += 1
        at = block or self.block()
        return RawLog.objects.create(
            block=at, block_number=at.number, log_index=self.logs, tx_index=0, tx_hash=f"0x{new_id().int:064x}",
            address=token or self.token, topics=(topic_of(event), *topics), data=data,
        )  # fmt: skip

    def transfer(self, sender: str, recipient: str, units: int, **where: Any) -> RawLog:
        return self.log(events.Transfer, word(sender), word(recipient), data=number(units), **where)


@pytest.fixture(scope="class")
def stage(books: str) -> Stage:
    return Stage()


@pytest.fixture(scope="class")
def ops(stage: Stage) -> User:
    return make_user(role=Role.OPS)


def listed(user: User, query: str = "") -> list[dict[str, Any]]:
    answer = api_client(user).get(f"{URL}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["results"]


def ids(user: User, query: str = "") -> list[int]:
    return [row["id"] for row in listed(user, query)]


class TestAnEvent:
    def test_is_told_with_its_block_and_amount(self, stage: Stage, ops: User) -> None:
        log = stage.transfer(ZERO, stage.wallet, 12_345)
        (row,) = listed(ops, f"?tx_hash={log.tx_hash.upper().replace('0X', '0x')}")
        assert row == {
            "id": log.pk,
            "isin": stage.issue.security.isin,
            "token_address": stage.token,
            "event": "MINT",
            "from_address": ZERO,
            "to_address": stage.wallet,
            "quantity": "123.45",
            "partition": None,
            "is_decoded": True,
            "tx_hash": log.tx_hash,
            "block_number": log.block_number,
            "block_hash": log.block.hash,
            "block_time": row["block_time"],
            "log_index": log.log_index,
            "finality": "FINAL",
            "intent_id": None,
            "issuance_id": None,
        }

    @pytest.mark.parametrize(
        ("event", "topics", "data", "told"),
        [
            (events.Transfer, ("W", "O"), number(5), ("TRANSFER", "W", "O", "0.05")),
            (events.Transfer, ("W", "0"), number(5), ("BURN", "W", "0", "0.05")),
            (events.TokensFrozen, ("W",), number(5), ("TOKENS_FROZEN", None, "W", "0.05")),
            (events.TokensUnfrozen, ("W",), number(5), ("TOKENS_UNFROZEN", None, "W", "0.05")),
            (events.AddressFrozen, ("W", TRUE, "O"), "0x", ("WALLET_FROZEN", None, "W", None)),
            (events.AddressFrozen, ("W", FALSE, "O"), "0x", ("WALLET_UNFROZEN", None, "W", None)),
            (events.Paused, (), word(ZERO), ("PAUSED", None, None, None)),
            (events.Unpaused, (), word(ZERO), ("UNPAUSED", None, None, None)),
            (events.RecoverySuccess, ("W", "O", "O"), "0x", ("RECOVERED", "W", "O", None)),
            (events.AgentAdded, ("O",), "0x", ("AGENT_ADDED", None, "O", None)),
            (events.IdentityRegistered, ("W", "O"), "0x", ("OTHER", None, None, None)),
        ],
    )
    def test_is_found_by_its_name_alone(
        self, stage: Stage, ops: User, event: Any, topics: Any, data: str, told: Any
    ) -> None:
        known = {"W": stage.wallet, "O": stage.other, "0": ZERO}
        log = stage.log(event, *(word(known[each]) if each in known else each for each in topics), data=data)
        (row,) = [row for row in listed(ops, f"?event={told[0]}") if row["id"] == log.pk]
        found = (row["event"], row["from_address"], row["to_address"], row["quantity"])
        assert found == tuple(known.get(each, each) for each in told)
        others = {"MINT", "BURN", "TRANSFER", "TOKENS_FROZEN", "WALLET_FROZEN", "WALLET_UNFROZEN", "PAUSED", "OTHER"}
        assert log.pk not in ids(ops, f"?event__in={','.join(sorted(others - {told[0]}))}")

    def test_of_a_partition_names_it(self, stage: Stage, ops: User) -> None:
        partition = "0x" + "70" * 32
        data = "0x" + "".join(number(value)[2:] for value in (7, 96, 128, 0, 0))
        topics = (partition, word(stage.other), word(stage.wallet))
        log = stage.log(security_tokens.IssuedByPartition, *topics, data=data)
        (row,) = listed(ops, f"?tx_hash={log.tx_hash}")
        found = (row["event"], row["partition"], row["from_address"], row["to_address"], row["quantity"])
        assert found == ("ISSUED_BY_PARTITION", partition, None, stage.wallet, "0.07")
        assert log.pk in ids(ops, f"?wallet_address={stage.wallet}&event=ISSUED_BY_PARTITION")

    def test_that_does_not_decode_is_shown_as_what_it_claims(self, stage: Stage, ops: User) -> None:
        log = stage.log(events.Transfer, word(stage.wallet), word(stage.other), data="0x01")
        (row,) = listed(ops, f"?tx_hash={log.tx_hash}&event=TRANSFER")
        assert (row["is_decoded"], row["to_address"], row["quantity"]) == (False, None, None)


class TestFinality:
    def test_leaves_out_orphans_unless_they_are_asked_for(self, stage: Stage, ops: User) -> None:
        blocks = {
            "FINAL": stage.block(),
            "OBSERVED": stage.block(finality=Finality.OBSERVED),
            "ORPHANED": stage.block(canonical=False),
        }
        logs = {name: stage.transfer(ZERO, stage.wallet, 1, block=block).pk for name, block in blocks.items()}
        for name, pk in logs.items():
            found = listed(ops, f"?finality={name}")
            assert {row["finality"] for row in found} == {name}
            assert pk in {row["id"] for row in found}
        shown = ids(ops)
        assert [pk in shown for pk in logs.values()] == [True, True, False]


class TestPages:
    def test_go_by_block_and_place_both_ways(self, stage: Stage, ops: User) -> None:
        block = stage.block()
        logs = [stage.transfer(ZERO, stage.wallet, 1, block=block).pk for _ in range(3)]
        later = stage.transfer(ZERO, stage.wallet, 1).pk
        bounds = f"block_number__gte={block.number}&block_number__lt={block.number + 2}"
        assert ids(ops, f"?{bounds}&ordering=block_number") == [*logs, later]
        first = api_client(ops).get(f"{URL}?{bounds}&limit=2").json()["data"]
        assert [row["id"] for row in first["results"]] == [later, logs[2]]
        second = api_client(ops).get(first["next"]).json()["data"]
        assert [row["id"] for row in second["results"]] == [logs[1], logs[0]]
        back = api_client(ops).get(second["prev"]).json()["data"]
        assert back["results"] == first["results"]


class TestWhoSeesWhat:
    def test_an_issuer_sees_its_securities_alone(self, stage: Stage) -> None:
        own = stage.transfer(ZERO, stage.wallet, 1).pk
        rivals = stage.transfer(ZERO, stage.rival.wallet, 1, token=stage.rivals_token).pk
        assert own in ids(stage.issue.maker)
        assert rivals not in ids(stage.issue.maker)
        assert rivals in ids(stage.rival.maker)
        assert ids(stage.issue.maker, f"?isin={stage.rival.security.isin}") == []

    def test_an_investor_sees_what_names_its_wallets(self, stage: Stage) -> None:
        got, gave = (stage.transfer(*ends, 1).pk for ends in ((stage.other, stage.wallet), (stage.wallet, stage.other)))
        others = stage.transfer(stage.other, make_address(), 1).pk
        found = ids(stage.holder)
        assert (got in found, gave in found, others in found) == (True, True, False)
        stranger = make_user(role=Role.INVESTOR)
        assert ids(stranger) == []
        assert ids(stranger, f"?wallet_address={stage.wallet}") == []

    @pytest.mark.parametrize("role", [Role.OPS, Role.COMPLIANCE])
    def test_officers_see_all_of_securities_and_nothing_else(self, stage: Stage, role: Role) -> None:
        mine, rivals = (
            stage.transfer(ZERO, stage.wallet, 1, token=each).pk for each in (stage.token, stage.rivals_token)
        )
        cash = stage.transfer(ZERO, stage.wallet, 1, token=make_address()).pk
        found = ids(make_user(role=role))
        assert (mine in found, rivals in found, cash in found) == (True, True, False)

    def test_nobody_else_sees_anything(self, stage: Stage) -> None:
        assert api_client().get(URL).status_code == 401


class TestFilters:
    def test_narrow_together(self, stage: Stage, ops: User) -> None:
        log = stage.transfer(stage.other, stage.wallet, 1)
        isin, rivals = stage.issue.security.isin, stage.rival.security.isin
        assert log.pk in ids(ops, f"?isin={isin}&wallet_address={stage.wallet}&event=TRANSFER&finality=FINAL")
        assert log.pk not in ids(ops, f"?isin={rivals}")
        assert ids(ops, f"?isin={isin}&isin__in={rivals}") == []
        assert ids(ops, "?event=MINT&event__in=BURN,TRANSFER") == []
        assert ids(ops, f"?wallet_address={make_address()}") == []

    @pytest.mark.parametrize(
        "query",
        ["isin=US0000000000", "wallet_address=0x12", "tx_hash=0x12", "event=NONSENSE", "finality=SURE",
         "block_number=1", "block_number__gte=-1", f"block_number__lt={2**63}", "ordering=id"],
    )  # fmt: skip
    def test_that_are_none_are_refused(self, stage: Stage, ops: User, query: str) -> None:
        assert api_client(ops).get(f"{URL}?{query}").status_code == 400
