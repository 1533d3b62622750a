"""Settlement instructions and their history; what the projection has read and what it could not explain."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.db import AppendOnlyModel, BaseUnitsField, TokenUnitsField
from apps.core.ids import new_id
from apps.settlement.types import (
    ContractKind,
    MovementKind,
    MovementState,
    ProcessingStatus,
    Reason,
    SettlementStatus,
    Unexplained,
)

ADDRESS = 42
HASH = 66


class InstructionQuerySet(models.QuerySet["SettlementInstruction"]):
    """Instructions in the trade's words."""

    def open(self) -> "InstructionQuerySet":
        """Neither settled nor cancelled."""
        return self.filter(
            processing_status=ProcessingStatus.PACK,
            settlement_status__in=(SettlementStatus.PEND, SettlementStatus.PENF),
        )

    def of_party(self, party_id: object) -> "InstructionQuerySet":
        """Where the party sells or buys."""
        return self.filter(Q(seller_party_id=party_id) | Q(buyer_party_id=party_id))


class SettlementInstruction(models.Model):
    """One trade to be settled delivery versus payment. Status on ISO 20022's separate axes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    trade_ref = models.CharField(max_length=64)
    # keccak256 of the id: the trade's id in the settlement contract, which settles it at most once.
    dvp_id = models.CharField(max_length=HASH)
    isin = models.CharField(max_length=12)
    seller_party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    buyer_party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    seller_wallet = models.CharField(max_length=ADDRESS)
    buyer_wallet = models.CharField(max_length=ADDRESS)
    security_debit_account_id = models.UUIDField()
    security_credit_account_id = models.UUIDField()
    cash_debit_account_id = models.UUIDField()
    cash_credit_account_id = models.UUIDField()
    quantity = BaseUnitsField()
    cash_asset = models.CharField(max_length=32)
    cash_amount = BaseUnitsField()
    trade_date = models.DateField()
    intended_settlement_date = models.DateField()
    # By chain time: the last block timestamp at which the trade may settle.
    deadline = models.DateTimeField()
    processing_status = models.CharField(max_length=4, choices=ProcessingStatus.choices, default=ProcessingStatus.PACK)
    settlement_status = models.CharField(max_length=4, choices=SettlementStatus.choices, default=SettlementStatus.PEND)
    reason_code = models.CharField(max_length=4, choices=Reason.choices, blank=True, default="")
    reason_detail = models.CharField(max_length=200, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    # The settlement call whose outcome is not known yet. While it is set nothing else may touch the instruction.
    open_intent_id = models.UUIDField(null=True)
    next_attempt_at = models.DateTimeField()
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    tx_hash = models.CharField(max_length=HASH, blank=True, default="")

    objects = InstructionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade_ref"], name="settlement_instruction_once"),
            models.UniqueConstraint(fields=["dvp_id"], name="settlement_dvp_id_once"),
            models.CheckConstraint(name="settlement_amounts_positive", condition=Q(quantity__gt=0, cash_amount__gt=0)),
            models.CheckConstraint(name="settlement_two_wallets", condition=~Q(seller_wallet=F("buyer_wallet"))),
            models.CheckConstraint(
                name="settlement_processing_known", condition=Q(processing_status__in=ProcessingStatus.values)
            ),
            models.CheckConstraint(
                name="settlement_status_known", condition=Q(settlement_status__in=SettlementStatus.values)
            ),
            models.CheckConstraint(
                name="settlement_settled_whole",
                condition=Q(
                    settlement_status=SettlementStatus.SETT,
                    processing_status=ProcessingStatus.PACK,
                    settled_at__isnull=False,
                )
                & ~Q(tx_hash="")
                | ~Q(settlement_status=SettlementStatus.SETT) & Q(settled_at=None, tx_hash=""),
            ),
            # What has ended has no call in flight, so nothing is voided that might still settle.
            models.CheckConstraint(
                name="settlement_ended_not_in_flight",
                condition=Q(open_intent_id=None)
                | Q(processing_status=ProcessingStatus.PACK)
                & Q(settlement_status__in=[SettlementStatus.PEND, SettlementStatus.PENF]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="settlement_due",
                condition=Q(
                    processing_status=ProcessingStatus.PACK,
                    settlement_status__in=[SettlementStatus.PEND, SettlementStatus.PENF],
                    open_intent_id=None,
                ),
            ),
            models.Index(
                fields=["open_intent_id"], name="settlement_in_flight", condition=Q(open_intent_id__isnull=False)
            ),
            models.Index(fields=["isin"], name="settlement_isin"),
            models.Index(fields=["created_at", "id"], name="settlement_by_time"),
            models.Index(fields=["intended_settlement_date", "id"], name="settlement_by_date"),
        ]


class SettlementStatusEvent(AppendOnlyModel):
    """One change of an instruction's status, with what caused it."""

    instruction = models.ForeignKey(SettlementInstruction, on_delete=models.PROTECT, related_name="events")
    processing_status = models.CharField(max_length=4, choices=ProcessingStatus.choices)
    settlement_status = models.CharField(max_length=4, choices=SettlementStatus.choices)
    reason_code = models.CharField(max_length=4, blank=True)
    reason_detail = models.CharField(max_length=200, blank=True)
    intent_id = models.UUIDField(null=True)
    tx_hash = models.CharField(max_length=HASH, blank=True)
    block_number = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())


class SettlementAttempt(AppendOnlyModel):
    """One send of an instruction: the chain intent that carried it. What became of it is a status event."""

    instruction = models.ForeignKey(SettlementInstruction, on_delete=models.PROTECT, related_name="sends")
    number = models.PositiveSmallIntegerField()
    intent_id = models.UUIDField(db_index=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instruction", "number"], name="settlement_attempt_once"),
            models.UniqueConstraint(fields=["instruction", "intent_id"], name="settlement_intent_carries_once"),
        ]


class ExpectedMovement(models.Model):
    """A token movement outside any trade that we ordered ourselves: the projection posts it when it is final."""

    ref = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=MovementKind.choices)
    asset = models.CharField(max_length=32)
    wallet_address = models.CharField(max_length=ADDRESS)
    amount = BaseUnitsField()
    intent_id = models.UUIDField()
    state = models.CharField(max_length=8, choices=MovementState.choices, default=MovementState.EXPECTED)
    tx_hash = models.CharField(max_length=HASH, blank=True, default="")
    block_number = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ref"], name="settlement_movement_once"),
            models.UniqueConstraint(fields=["intent_id"], name="settlement_movement_intent_once"),
            models.CheckConstraint(name="settlement_movement_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="settlement_movement_state_known", condition=Q(state__in=MovementState.values)),
            models.CheckConstraint(
                name="settlement_movement_ended_whole",
                condition=Q(state=MovementState.EXPECTED, ended_at=None)
                | ~Q(state=MovementState.EXPECTED) & Q(ended_at__isnull=False),
            ),
        ]


class UnexplainedMovement(AppendOnlyModel):
    """A final token movement nothing of ours explains: never posted as such, raised by reconciliation."""

    reason = models.CharField(max_length=16, choices=Unexplained.choices)
    asset = models.CharField(max_length=32)
    contract_address = models.CharField(max_length=ADDRESS)
    tx_hash = models.CharField(max_length=HASH)
    block_hash = models.CharField(max_length=HASH)
    block_number = models.BigIntegerField()
    log_index = models.PositiveIntegerField()
    from_address = models.CharField(max_length=ADDRESS)
    to_address = models.CharField(max_length=ADDRESS)
    amount = TokenUnitsField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["block_hash", "log_index"], name="settlement_unexplained_once")]
        indexes = [models.Index(fields=["asset", "block_number"], name="settlement_unexplained_asset")]


class ProjectionCursor(models.Model):
    """The last final block whose effects are in the books; moves in the unit of work that puts them there."""

    name = models.CharField(max_length=32, primary_key=True)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=HASH)
    moved_at = models.DateTimeField()


class ProjectedContract(models.Model):
    """A token the projection follows; its events up to the cursor are in the books from the moment it is listed."""

    address = models.CharField(max_length=ADDRESS, primary_key=True)
    asset = models.CharField(max_length=32)
    kind = models.CharField(max_length=8, choices=ContractKind.choices)
    listed_at_block = models.BigIntegerField()
    listed_at = models.DateTimeField()
    until_block = models.BigIntegerField(null=True)  # the last it speaks for its asset in; another took its place

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["asset"], name="settlement_contract_once", condition=models.Q(until_block__isnull=True)
            ),
            models.CheckConstraint(name="settlement_contract_kind_known", condition=Q(kind__in=ContractKind.values)),
        ]
