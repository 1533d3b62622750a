"""What officers do about the stream on the admin site: nodes, a halted stream, and logs that did not decode."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils.html import escape

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import make_user
from apps.accounts.types import PartyKind, Role
from apps.audit.models import AuditLog
from apps.backoffice.tests import chain_rows
from apps.chain.codec import TRANSFER
from apps.chain.models import Block, DeadLetter, HolderBalance, LateEffect, RawLog, RpcEndpoint, StreamCursor
from apps.core import clock

NODE = "/admin/chain/rpcendpoint/CHAIN_RPC_URL/"
STREAM = "/admin/chain/streamcursor/blocks/"
LETTERS = "/admin/chain/deadletter/"
WHY = {"reason": "the provider mended its balancer"}
ALICE = f"0x{0xA11CE:040x}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Two officers, and a chain that said something."""

    ops: User
    compliance: User


@pytest.fixture(scope="class")
def stage(books: str) -> Stage:
    platform = Party.objects.create(
        kind=PartyKind.LEGAL, legal_name="Platform operator", country="US", is_platform=True, created_at=clock.now()
    )
    chain_rows.add(isin="US0378331005")
    return Stage(*(make_user(party=platform, role=role) for role in (Role.OPS, Role.COMPLIANCE)))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ops(stage: Stage) -> Client:
    return client_of(stage.ops)


@pytest.fixture
def compliance(stage: Stage) -> Client:
    return client_of(stage.compliance)


def node() -> RpcEndpoint:
    return RpcEndpoint.objects.get(pk="CHAIN_RPC_URL")


def told(action: str) -> dict[str, Any]:
    """What the last event of this kind says came of it, and who did it."""
    event = AuditLog.objects.filter(action=action).order_by("-pk").first()
    assert event is not None, action
    return {"by": event.user_id, "of": event.resource_id, **(event.before or {}), **(event.after or {})}


class TestNodes:
    def test_are_disabled_and_released_with_a_reason(self, stage: Stage, ops: Client) -> None:
        assert escape("The engines do not ask it until") in ops.get(f"{NODE}disable/").content.decode()
        assert node().state == "HEALTHY"
        for step, state in (("disable", ("DISABLED", "BY_HAND", None)), ("release", ("HEALTHY", "", None))):
            answer = ops.post(f"{NODE}{step}/", WHY)
            assert (answer.status_code, answer["Location"]) == (302, f"{NODE}change/")
            assert (node().state, node().reason, node().until) == state
            assert told(f"chain.endpoint_{step}d") == {"by": stage.ops.pk, "of": "CHAIN_RPC_URL", **WHY}

    def test_are_quarantined_for_some_hours(self, stage: Stage, ops: Client) -> None:
        before = clock.now()
        assert ops.post(f"{NODE}quarantine/", WHY | {"hours": 3}).status_code == 302
        assert (node().state, node().reason) == ("QUARANTINED", "BY_HAND")
        until = node().until
        assert until is not None
        assert timedelta(0) <= until - before - timedelta(hours=3) < timedelta(minutes=5)
        assert told("chain.endpoint_quarantined")["reason"] == WHY["reason"]
        ops.post(f"{NODE}release/", WHY)

    def test_that_are_disabled_do_not_come_back_by_a_quarantine(self, ops: Client) -> None:
        ops.post(f"{NODE}disable/", WHY)
        answer = ops.post(f"{NODE}quarantine/", WHY | {"hours": 1})
        assert answer.status_code == 409
        assert "release it first" in answer.content.decode()
        assert node().state == "DISABLED"
        ops.post(f"{NODE}release/", WHY)

    @pytest.mark.parametrize(
        ("step", "form"),
        [
            ("disable", {}),
            ("disable", {"reason": "  "}),
            ("release", {"reason": "x" * 201}),
            *(("quarantine", WHY | {"hours": hours}) for hours in ("", "0", "169", "soon")),
        ],
    )
    def test_stay_as_they_are_without_a_good_form(self, ops: Client, step: str, form: dict[str, str]) -> None:
        before, events = RpcEndpoint.objects.values().get(), AuditLog.objects.count()
        assert ops.post(f"{NODE}{step}/", form).status_code == 400
        assert (RpcEndpoint.objects.values().get(), AuditLog.objects.count()) == (before, events)

    @pytest.mark.parametrize("step", ["release", "quarantine", "disable"])
    def test_are_operations_matter(self, compliance: Client, step: str) -> None:
        before = RpcEndpoint.objects.values().get()
        assert compliance.get(f"{NODE}change/").status_code == 200
        assert compliance.post(f"{NODE}{step}/", WHY | {"hours": 1}).status_code == 403
        investor = client_of(make_user(role=Role.INVESTOR))
        assert investor.post(f"{NODE}{step}/", WHY | {"hours": 1}).status_code == 302  # to the login
        assert RpcEndpoint.objects.values().get() == before

    def test_that_are_not_configured_are_told_apart(self, ops: Client) -> None:
        RpcEndpoint.objects.create(
            name="CHAIN_RPC_URL_5", priority=5, since=clock.now(), range_blocks=1, header_calls=1, receipt_calls=1,
            batch_calls=1,
        )  # fmt: skip
        assert ops.post(NODE.replace("URL", "URL_5") + "disable/", WHY).status_code == 404
        assert ops.post(NODE.replace("URL", "URL_4") + "disable/", WHY).status_code == 404
        assert RpcEndpoint.objects.get(pk="CHAIN_RPC_URL_5").state == "HEALTHY"


class TestAHaltedStream:
    def test_is_resumed_by_operations_with_a_reason(self, stage: Stage, ops: Client, compliance: Client) -> None:
        facts = {"number": 2, "hash": chain_rows.hash_of(2), "first_number": 1, "moved_at": clock.now()}
        StreamCursor.objects.create(name="blocks", halted="REORG_BELOW_FINAL", **facts)
        assert compliance.post(f"{STREAM}resume/", WHY).status_code == 403
        assert ops.post(f"{STREAM}resume/", {"reason": ""}).status_code == 400
        assert StreamCursor.objects.get(name="blocks").halted == "REORG_BELOW_FINAL"
        assert ops.post(f"{STREAM}resume/", WHY).status_code == 302
        assert StreamCursor.objects.get(name="blocks").halted == ""
        assert told("chain.stream_resumed") == {"by": stage.ops.pk, "of": "blocks", **WHY}
        events = AuditLog.objects.count()
        assert ops.post(f"{STREAM}resume/", WHY).status_code == 302
        assert AuditLog.objects.count() == events


class TestDeadLetters:
    @pytest.fixture
    def letter(self, stage: Stage) -> DeadLetter:
        """A Transfer whose amount is one byte short, as it came."""
        return self.written(data="0x" + "00" * 30 + "05")

    def written(self, data: str) -> DeadLetter:
        block, log_index = Block.objects.get(number=2), 100 + RawLog.objects.count()
        place = {"block": block, "block_number": 2, "log_index": log_index, "address": chain_rows.TOKEN}
        topics = [TRANSFER, chain_rows.hash_of(0), "0x" + ALICE[2:].rjust(64, "0")]
        RawLog.objects.create(**place, tx_index=0, tx_hash=chain_rows.hash_of(78), topics=topics, data=data)
        return DeadLetter.objects.create(**place, reason="data is short", found_at=clock.now())

    def test_are_dismissed_by_two_people(
        self, stage: Stage, letter: DeadLetter, ops: Client, compliance: Client
    ) -> None:
        page = f"{LETTERS}{letter.pk}/"
        why = {"reason": "the contract's source shows it"}
        steps = [
            (ops, "dismiss", {}, 409),  # nobody asked
            (ops, "keep", {}, 409),
            (ops, "ask", {}, 400),
            (compliance, "ask", why, 403),
            (ops, "ask", why, 302),
            (ops, "ask", why, 409),
            (ops, "dismiss", {}, 403),  # the same person
        ]
        for who, step, form, status in steps:
            assert who.post(f"{page}{step}/", form).status_code == status, step
            letter.refresh_from_db()
            assert letter.resolved_at is None
        assert told("chain.dead_letter_dismissal_asked") == {"by": stage.ops.pk, "of": str(letter.pk), **why}
        assert compliance.post(f"{page}dismiss/").status_code == 302
        letter.refresh_from_db()
        assert (letter.end, letter.asked_by, letter.resolved_by) == ("DISMISSED", stage.ops.pk, stage.compliance.pk)
        assert not LateEffect.objects.filter(log__log_index=letter.log_index).exists()
        approved = told("chain.dead_letter_dismissal_approved")
        assert (approved["by"], approved["asked_by"]) == (stage.compliance.pk, str(stage.ops.pk))
        for step, form in (("dismiss", {}), ("keep", {}), ("ask", why), ("retry", {})):
            assert ops.post(f"{page}{step}/", form).status_code == 404, step

    def test_are_never_dismissed_by_one_person_alone(self, stage: Stage, letter: DeadLetter) -> None:
        same = {"asked_by": stage.ops.pk, "asked_at": clock.now(), "asked_reason": "x", "resolved_at": clock.now()}
        rows = DeadLetter.objects.filter(pk=letter.pk)
        with pytest.raises(IntegrityError, match="dead_letter_two_people"):
            rows.update(end="DISMISSED", resolved_by=stage.ops.pk, **same)
        for changes in ({"resolved_by": None}, {"resolved_by": stage.compliance.pk, "asked_by": None}):
            with pytest.raises(IntegrityError, match=r"dead_letter_(end_known|asked_whole)"):
                rows.update(end="DISMISSED", **(same | changes))

    def test_are_kept_if_the_second_person_thinks_otherwise(self, letter: DeadLetter, ops: Client) -> None:
        page = f"{LETTERS}{letter.pk}/"
        second = client_of(make_user(party=None, role=Role.OPS))
        assert ops.post(f"{page}ask/", WHY).status_code == 302
        assert second.post(f"{page}keep/").status_code == 302
        letter.refresh_from_db()
        assert (letter.asked_by, letter.asked_at, letter.asked_reason, letter.end) == (None, None, "", "")
        assert told("chain.dead_letter_dismissal_rejected")["reason"] == WHY["reason"]
        assert second.post(f"{page}dismiss/").status_code == 409

    def test_stay_where_this_version_does_not_read_them(self, letter: DeadLetter, ops: Client) -> None:
        answer = ops.post(f"{LETTERS}{letter.pk}/retry/")
        assert answer.status_code == 409
        assert "does not decode with this version" in answer.content.decode()
        letter.refresh_from_db()
        assert (letter.end, letter.resolved_at) == ("", None)

    def test_are_read_with_their_balances_where_it_does(self, stage: Stage, ops: Client, compliance: Client) -> None:
        letter = self.written(data=f"0x{5:064x}")
        assert compliance.post(f"{LETTERS}{letter.pk}/retry/").status_code == 403
        assert ops.post(f"{LETTERS}{letter.pk}/retry/").status_code == 302
        letter.refresh_from_db()
        assert (letter.end, letter.resolved_by) == ("DECODED", stage.ops.pk)
        assert LateEffect.objects.get(log__log_index=letter.log_index).amount == 5
        # The head's fold of this stage stands at the block.
        assert HolderBalance.objects.get(token=chain_rows.TOKEN, wallet=ALICE).head == 5
        assert told("chain.dead_letter_decoded")["by"] == stage.ops.pk
        assert ops.post(f"{LETTERS}{letter.pk}/retry/").status_code == 404
        assert HolderBalance.objects.get(token=chain_rows.TOKEN, wallet=ALICE).head == 5
