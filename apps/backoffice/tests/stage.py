"""Rows for every page: officers, a market that traded, and a chain that said something."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connections

from apps.accounts.models import Party, User
from apps.accounts.tests.factories import actor_of, make_party, make_user
from apps.accounts.types import PartyKind, Role
from apps.audit.models import (
    AuditAnchor,
    AuditEnding,
    AuditExpiry,
    AuditExpiryRun,
    AuditExport,
    AuditHold,
    AuditTile,
    AuditVerification,
)
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import sequence
from apps.backoffice.tests import chain_rows
from apps.compliance.models import InvestorProfile, Wallet, WalletRegistration
from apps.compliance.services.investors import decide_kyc, ensure_profile
from apps.compliance.services.wallets import challenge_wallet
from apps.compliance.types import KycDecisionDraft, KycStatus
from apps.core import clock, outbox
from apps.core.actor import system_actor
from apps.core.alerts import raise_alert
from apps.core.cache import cache_key, invalidate
from apps.core.db import unit_of_work
from apps.core.idempotency import Answer, KeyedRequest, keep_answer
from apps.core.ids import new_id
from apps.core.leases import enqueue
from apps.core.models import InboundWebhook, ProviderCircuit, RateCounter
from apps.core.services.scheduling import claim
from apps.core.services.workers import beat_heart
from apps.core.types import Severity
from apps.dex.services.orders import place_order, submit_order
from apps.dex.testing import Market
from apps.issuance.models import IssuanceControl, IssuanceRequest
from apps.notifications.models import Notification, NotificationPreference, NotificationTemplate
from apps.notifications.types import Channel, Topic
from apps.reconciliation.models import Break, BreakEvent, CutOff, Resolution, Run
from apps.reconciliation.tests.attesting import make_attestation
from apps.reconciliation.types import BreakChange, BreakKind, BreakState, ResolutionKind, RunStatus
from apps.settlement.models import (
    ExpectedMovement,
    ProjectedContract,
    ProjectionCursor,
    SettlementAttempt,
    SettlementInstruction,
    UnexplainedMovement,
)
from apps.settlement.types import ContractKind, MovementKind, SettlementStatus, Unexplained
from apps.vault.keys import keyring
from apps.vault.models import Document, KeyRotation, PurposeKey, RotatedColumn, SubjectErasure, SubjectHold
from apps.vault.types import Purpose

NOW = clock.now()


@dataclass(frozen=True, slots=True)
class Stage:
    """Who and what the tests look for."""

    compliance: User
    ops: User
    investor: User
    market: Market


def set_stage() -> Stage:
    """Fill every table."""
    platform = Party.objects.filter(is_platform=True).first() or Party.objects.create(
        kind=PartyKind.LEGAL, legal_name="Platform operator", country="US", is_platform=True, created_at=NOW
    )
    compliance = make_user(party=platform, role=Role.COMPLIANCE, username="carla")
    ops = make_user(party=platform, role=Role.OPS, username="oscar")
    market = _traded_market()
    investor = _investors(compliance)
    intent_id = chain_rows.add(isin=market.isin)
    _settlement(market, intent_id)
    _issuance(market, ops)
    _reconciliation(market)
    _floor(investor)
    _vault(investor)
    _tree()
    return Stage(compliance, ops, investor, market)


def pending_investor(name: str = "") -> Party:
    """A party whose identity nobody has decided."""
    party = make_party(legal_name=name)
    with unit_of_work():
        ensure_profile(party_id=party.pk, now=clock.now())
    return party


def _traded_market() -> Market:
    """Two fills, one resting order, and one command the matcher has not seen."""
    market = Market()
    seller, buyer = market.trader(units=1_200), market.trader(cash=250_000)
    for who, side, price, quantity in (
        (seller, "SELL", "102.50", 300),
        (buyer, "BUY", "102.50", 120),
        (seller, "SELL", "101.25", 50),
        (buyer, "BUY", "101.25", 50),
        (buyer, "BUY", "99.00", 75),
    ):
        place_order(actor=who.actor, ticket=market.ticket(side, price, quantity), now=clock.now())
        market.match()
    submit_order(actor=buyer.actor, ticket=market.ticket("BUY", "98.00", 10), now=clock.now())
    return market


def _investors(officer: User) -> User:
    """One decided, one pending with a wallet to prove."""
    user = make_user()
    actor = actor_of(user)
    with unit_of_work():
        ensure_profile(party_id=actor.require_party(), now=NOW)
    draft = KycDecisionDraft(status=KycStatus.REJECTED, reason="The document had expired.")
    decide_kyc(actor=actor_of(officer), party_id=actor.require_party(), draft=draft, now=NOW)
    pending_investor("Grace Example")
    challenge_wallet(actor=actor, address=f"0x{0xABCDEF:040x}", now=NOW)
    wallet = Wallet.objects.order_by("pk").first()
    assert wallet is not None
    assert WalletRegistration.objects.filter(wallet=wallet).exists()
    assert InvestorProfile.objects.filter(kyc_status=KycStatus.PENDING).exists()
    return user


def _settlement(market: Market, intent_id: object) -> None:
    """One instruction sent and failing, a mint expected, a transfer nobody ordered."""
    instruction = SettlementInstruction.objects.order_by("pk")[0]
    SettlementAttempt.objects.create(instruction=instruction, number=1, intent_id=intent_id)
    SettlementInstruction.objects.filter(pk=instruction.pk).update(
        settlement_status=SettlementStatus.PENF, reason_code="MONY", reason_detail="allowance too low", attempts=1
    )
    ExpectedMovement.objects.create(
        ref="issuance:1",
        kind=MovementKind.ISSUE,
        asset=market.isin,
        wallet_address=f"0x{7:040x}",
        amount=500,
        intent_id=intent_id,
        created_at=NOW,
    )
    UnexplainedMovement.objects.create(
        reason=Unexplained.TRANSFER,
        asset=market.isin,
        contract_address=chain_rows.TOKEN,
        tx_hash=chain_rows.hash_of(77),
        block_hash=chain_rows.hash_of(2),
        block_number=2,
        log_index=4,
        from_address=f"0x{8:040x}",
        to_address=f"0x{9:040x}",
        amount=25,
    )
    ProjectionCursor.objects.create(name="settlement", number=2, hash=chain_rows.hash_of(2), moved_at=NOW)
    ProjectedContract.objects.create(
        address=chain_rows.TOKEN, asset=market.isin, kind=ContractKind.SECURITY, listed_at_block=1, listed_at=NOW
    )


def _issuance(market: Market, maker: User) -> None:
    IssuanceControl.objects.create(isin=market.isin, authorized=10_000_000, issued=1_200, reserved=500)
    IssuanceRequest.objects.create(
        issuer_party_id=market.security.issuer_party_id,
        client_request_id="series-a-1",
        fingerprint="0" * 64,
        isin=market.isin,
        party=make_party(),
        wallet_address=f"0x{7:040x}",
        quantity=500,
        quantity_decimals=0,
        requested_by=maker,
        created_at=NOW,
    )


def _reconciliation(market: Market) -> None:
    """A run that found the transfer nobody ordered."""
    cut_off = CutOff.objects.create(
        chain_id=31337,
        block_number=2,
        block_hash=chain_rows.hash_of(2),
        block_time=NOW,
        state_root=chain_rows.hash_of(102),
        ledger_sequence=6,
        endpoints=["CHAIN_RPC_URL"],
    )
    run = Run.objects.create(
        isin=market.isin,
        cut_off=cut_off,
        status=RunStatus.BREAKS,
        wallets=2,
        unknown_reads=0,
        in_flight=1,
        breaks_found=1,
        started_at=NOW,
        finished_at=NOW,
    )
    found = Break.objects.create(
        identity=f"UNAUTHORISED_ACTION:{market.isin}:77:4",
        isin=market.isin,
        kind=BreakKind.UNAUTHORISED_ACTION,
        wallet_address=f"0x{8:040x}",
        first_run=run,
        first_seen_at=NOW,
        last_seen_at=NOW,
    )
    BreakEvent.objects.create(
        found=found,
        run=run,
        change=BreakChange.RAISED,
        kind=found.kind,
        asset=market.isin,
        decimals=0,
        books_amount=1_200,
        chain_amount=1_175,
        tx_hash=chain_rows.hash_of(77),
        message="25 units left the wallet by a forced transfer.",
        fingerprint="0" * 64,
    )
    make_attestation(run, {f"0x{8:040x}": 1_175, f"0x{9:040x}": 25})
    _resolution(found)


def _resolution(found: Break) -> None:
    """An officer owns the break and has proposed to accept it."""
    Resolution.objects.create(
        found=found,
        kind=ResolutionKind.ACCEPT,
        reason="The issuer's agent moved them back.",
        asset=found.isin,
        fingerprint="0" * 64,
        proposed_by=new_id(),
        proposed_at=NOW,
    )
    Break.objects.filter(pk=found.pk).update(state=BreakState.PROPOSED)


def _vault(user: User) -> None:
    """A key and its rotation, a document, a hold, and somebody who was erased."""
    former = PurposeKey.objects.get(pk=keyring().current(Purpose.PERSONAL, user.pk).kek_id)
    run = KeyRotation.objects.create(purpose="personal", with_rows=True, former=former, began_at=NOW)
    RotatedColumn.objects.create(rotation=run, model="accounts.Party", column="legal_name")
    particulars = {"name": "passport.pdf", "key": ""}
    Document.objects.create(
        subject=user.pk, kind="PASSPORT", media_type="application/pdf", particulars=particulars, begun_at=NOW
    )
    SubjectHold.objects.create(subject=user.pk, reference="case-1", placed_at=NOW)
    SubjectErasure.objects.create(subject=new_id(), erased_at=NOW, complete_on=NOW.date())


def _tree() -> None:
    """A numbered and signed log, and a tile as a log of 65,536 leaves has."""
    sequence()  # whole: else how long the stage took would be an alert
    AuditTile.objects.create(level=1, number=0, data=bytes(8192))
    AuditAnchor.objects.create(
        kind="EVM",
        size=1,
        log="localhost/audit",
        root=bytes(32),
        place="eip155:31337",
        tx_hash=chain_rows.hash_of(5),
        digest=bytes(32),
        anchored_at=NOW,
    )
    AuditVerification.objects.create(
        kind="FULL", start=0, stop=7, head_size=7, outcome="FAILED", bad_index=3, fault="EDITED", at=NOW, seconds=1
    )
    _keeping()


def _keeping() -> None:
    """An export, a hold, an ending, a pass, and what the owner's function writes of an expiry."""
    who, other = new_id(), new_id()
    AuditExport.objects.create(
        first=0, stop=1, head_size=1, manifest_sha256=bytes(32), place="tape 12", exported_by=None
    )
    AuditHold.objects.create(kind="ALL", reference="case-1", reason="AUDIT", placed_by=who, placed_at=NOW)
    AuditEnding.objects.create(record=str(other), ended_at=NOW, reference="case-1", told_by=who, told_at=NOW)
    AuditExpiryRun.objects.create(began_at=NOW, staying={"WITHIN_PERIOD": 7})
    AuditExpiry.objects.using("owner").create(event=1, first=0, stop=1, removed=1)
    connections["owner"].close()


def _floor(user: User) -> None:
    """The floor's rows, and what users were told."""
    with unit_of_work():
        InboundWebhook.objects.create(provider="onfido", event_id="check:1", received_at=NOW, body=b"{}")
        raise_alert(dedup_key="stage", severity=Severity.WARNING, summary="The stage is set.", now=NOW)
        invalidate(cache_key("stage"), now=NOW)
        ProviderCircuit.objects.create(name="stage", since=NOW)
        RateCounter.objects.create(key="stage", previous=0, current=1, starts_at=NOW, expires_at=NOW)
        enqueue(kind="notifications.email", key="42", now=NOW)
        beat_heart(worker="celery@desk", pid=42)
        claim(job="reconcile-daily", scheduled_for=NOW)
        outbox.publish(topic="compliance.kyc_approved", key="1", payload={"party_id": str(user.pk)})
        log_audit_event(actor=system_actor(), action="chain.halted", resource_type="stream", resource_id="head")
        sent = KeyedRequest(f"user:{user.pk}", "POST /api/accounts/parties", "a-key-of-the-client", b"{}")
        keep_answer(sent, Answer(201, {"Content-Type": "application/json"}, b"{}"))
    template = NotificationTemplate.objects.order_by("pk").first()
    assert template is not None
    Notification.objects.create(
        event_id=1,
        user=user,
        channel=Channel.IN_APP,
        topic=Topic.KYC_APPROVED,
        template=template,
        title="Identity approved",
        body="You may now trade.",
        created_at=NOW + timedelta(seconds=1),
    )
    NotificationPreference.objects.create(user=user, topic=Topic.ORDER_FILLED, channel=Channel.IN_APP, enabled=False)
