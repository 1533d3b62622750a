"""Heads of the audit log on a real chain: they count when they are final, and are read from there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.audit.errors import NothingThere, PlaceDisagrees, PlaceDown
from apps.audit.models import AuditAnchor, AuditHead
from apps.audit.selectors.anchors import head_of, last_anchor
from apps.audit.services.anchor_places import AnchorPlace, anchor_heads, anchor_places, fetch_anchor
from apps.audit.services.trail import log_audit_event
from apps.audit.services.verifying import Fault, verify_anchors
from apps.audit.testing import pass_horizon, sequence
from apps.audit.types import Anchor, AnchorKind
from apps.chain.gateway import Node
from apps.chain.models import TxIntent
from apps.chain.sagas import handle
from apps.chain.services.anchoring import KIND, anchor_on_chain, fetch_from_chain
from apps.chain.services.signers import freeze_signer
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Altered, Answer, Answers
from apps.chain.testing.lying_node import LyingNode
from apps.chain.types import INTENT_FAILED, IntentState
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.models import Alert
from apps.core.registry import Event

CHAIN = settings.SECURITY.audit.anchoring.chain
DAY = timedelta(seconds=CHAIN.every_seconds)


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    anchoring = replace(settings.SECURITY.audit.anchoring, chain=replace(CHAIN, enabled=True))
    audit = replace(settings.SECURITY.audit, anchoring=anchoring)
    with override_settings(SECURITY=replace(settings.SECURITY, audit=audit)):
        yield


def grow() -> AuditHead:
    with unit_of_work():
        log_audit_event(actor=system_actor(), action="test.done", resource_type="thing", resource_id="1")
    pass_horizon()
    sequence()
    return AuditHead.objects.latest("size")


def anchored(platform: ChainPlatform, later: timedelta = timedelta()) -> Anchor:
    """A new head's anchor, final."""
    grow()
    anchor_on_chain(now=clock.now() + later)
    platform.run_until_quiet()
    found = last_anchor(AnchorKind.EVM)
    assert found is not None
    return found


class TestAHeadOnTheChain:
    def test_counts_when_its_block_is_final(self, chain_platform: ChainPlatform) -> None:
        head = grow()
        anchor_heads(now=clock.now())
        for _ in range(3):
            chain_platform.step("sender")
        intent = TxIntent.objects.get(kind=KIND)
        assert (intent.state, AuditAnchor.objects.count()) == (IntentState.MINED, 0)
        chain_platform.run_until_quiet()
        anchor, line = AuditAnchor.objects.get(), head_of(head.size)
        assert line is not None
        assert (anchor.kind, anchor.size, anchor.place) == ("EVM", head.size, "eip155:31337")
        sent = chain_platform.node.call("eth_getTransactionByHash", anchor.tx_hash)
        assert bytes.fromhex(sent["input"][2:]) == line.line
        assert (sent["to"], int(sent["value"], 16)) == (sent["from"], 0)
        assert json.loads(line.line)["root"] == bytes(anchor.root).hex()
        assert intent.party_id is None

    def test_is_sent_once_and_the_next_in_its_turn(self, chain_platform: ChainPlatform) -> None:
        first = anchored(chain_platform, DAY)
        grow()
        for _ in range(2):
            anchor_on_chain(now=clock.now())
        before = TxIntent.objects.filter(kind=KIND).count()
        for _ in range(2):
            anchor_on_chain(now=clock.now() + DAY)
        assert TxIntent.objects.filter(kind=KIND).count() == before + 1
        chain_platform.run_until_quiet()
        second = last_anchor(AnchorKind.EVM)
        assert second is not None
        assert second.size > first.size

    def test_waits_for_a_signer_that_is_frozen(self, chain_platform: ChainPlatform) -> None:
        count = AuditAnchor.objects.count()
        with unit_of_work():
            freeze_signer(role="OPERATOR", reason="TEST", nonce=0, now=clock.now())
        grow()
        anchor_on_chain(now=clock.now() + 2 * DAY)
        chain_platform.step("sender")
        chain_platform.finalize()
        assert AuditAnchor.objects.count() == count


class TestItIsReadFromTheChain:
    def test_and_verified_with_the_log(self, chain_platform: ChainPlatform) -> None:
        anchor = last_anchor(AnchorKind.EVM) or anchored(chain_platform)
        head = head_of(anchor.size)
        assert head is not None
        assert fetch_anchor(anchor) == head.line
        places = {AnchorKind.EVM: anchor_places()[AnchorKind.EVM]}
        done = verify_anchors(places=places)
        assert (done.findings, done.anchors) == ([], 1)

    @pytest.mark.parametrize(
        ("method", "answer", "kind", "reason"),
        [
            ("eth_getTransactionByHash", {"result": None}, NothingThere, "gone"),
            ("eth_getBlockByNumber", {"result": {"number": "0x1"}}, PlaceDisagrees, "not_final"),
            (
                "eth_getTransactionReceipt",
                {"result": {"blockNumber": "0x1", "status": "0x0"}},
                PlaceDisagrees,
                "reverted",
            ),
            ("eth_getTransactionByHash", {"result": {"input": "0xzz"}}, PlaceDisagrees, "unreadable_answer"),
            ("eth_getTransactionByHash", {"error": {"code": -32000, "message": "busy"}}, PlaceDown, "RpcError"),
        ],
    )
    def test_or_it_is_said_why_not(
        self, chain_platform: ChainPlatform, method: str, answer: Answer, kind: type[Exception], reason: str
    ) -> None:
        anchor = last_anchor(AnchorKind.EVM) or anchored(chain_platform)
        lie = Answers(lambda asked, _params, _truth: answer if asked == method else None)
        with LyingNode(chain_platform.url) as liar, liar.lying(lie), pytest.raises(kind, match=reason):
            fetch_from_chain(anchor, Node(liar.url, chain_id=settings.CHAIN_ID))

    def test_other_data_there_is_evidence(self, chain_platform: ChainPlatform) -> None:
        _ = last_anchor(AnchorKind.EVM) or anchored(chain_platform)
        altered = Altered("eth_getTransactionByHash", {"input": "0x7b7d"})
        with LyingNode(chain_platform.url) as liar, liar.lying(altered):
            node = Node(liar.url, chain_id=settings.CHAIN_ID)
            place = AnchorPlace(anchor_on_chain, lambda anchor: fetch_from_chain(anchor, node))
            done = verify_anchors(places={AnchorKind.EVM: place})
        assert [found.fault for found in done.findings] == [Fault.ALTERED]

    def test_of_another_chain_is_not_asked_for(self, chain_platform: ChainPlatform) -> None:
        anchor = last_anchor(AnchorKind.EVM) or anchored(chain_platform)
        with pytest.raises(PlaceDown, match="not_configured"):
            fetch_from_chain(replace(anchor, place="eip155:1"))


class TestAHeadThatCannotBeSent:
    def test_for_a_failure_on_the_chain_is_told_until_another_is(self, chain_platform: ChainPlatform) -> None:
        payload = {"kind": KIND, "business_key": "audit_anchor:1:00", "intent_id": "", "reason": "OUT_OF_GAS"}
        with unit_of_work():
            handle(Event(1, INTENT_FAILED, "", payload))
        alert = Alert.objects.get(source="audit.anchors.evm", resolved_at=None)
        assert (alert.severity, "OUT_OF_GAS" in alert.summary) == ("ERROR", True)
        anchored(chain_platform)
        assert not Alert.objects.filter(source="audit.anchors.evm", resolved_at=None).exists()

    @pytest.mark.usefixtures("books")
    def test_for_want_of_a_signer_is_told(self) -> None:
        grow()
        anchor_on_chain(now=clock.now())
        alert = Alert.objects.get(source="audit.anchors.evm", resolved_at=None)
        assert (alert.severity, TxIntent.objects.count()) == ("ERROR", 0)
        assert "run deploy_contracts" in alert.summary
