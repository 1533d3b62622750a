"""What we mean to send, and every set of signed bytes we ever made for it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.chain.models.fields import ADDRESS, HASH, address_field, hash_field, shaped
from apps.chain.types import GAS_CAP, UNNONCED, AttemptOutcome, AttemptPurpose, IntentState, SignerRole
from apps.core.db import AppendOnlyModel, LastingModel, TokenUnitsField, TriggerWrittenModel
from apps.core.ids import new_id

MINED_ONCE = (
    IntentState.MINED,
    IntentState.SAFE,
    IntentState.ORPHANED,
    IntentState.FINAL,
    IntentState.REVERTED,
    IntentState.FAILED,
    IntentState.REPLACED,
)

WITHOUT_NONCE = tuple(sorted(UNNONCED))


class Signer(models.Model):
    """A key we send with, known by its role. Its secret is never here."""

    role = models.CharField(max_length=16, choices=SignerRole.choices, primary_key=True)
    address = address_field(unique=True)
    # Set when the chain shows a transaction of this key that is not ours; nothing is sent until a person clears it.
    frozen_at = models.DateTimeField(null=True)
    frozen_reason = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_signer_role_known", condition=Q(role__in=SignerRole.values)),
            shaped("chain_signer_address_shape", "address", ADDRESS),
        ]


class SignerNonce(models.Model):
    """The next nonce of a signer: taken in the transaction that inserts the intent, so nonces have no gap."""

    signer = models.OneToOneField(Signer, on_delete=models.PROTECT, primary_key=True)
    next = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(name="chain_nonce_not_negative", condition=Q(next__gte=0))]


class IntentQuerySet(models.QuerySet["TxIntent"]):
    """Intents in the words of the sender."""

    def in_state(self, *states: IntentState) -> "IntentQuerySet":
        """Those in one of `states`, in the order in which their signer sends them."""
        return self.filter(state__in=states).order_by("signer_id", "nonce")

    def sendable(self) -> "IntentQuerySet":
        """Those whose signer is not frozen."""
        return self.filter(signer__frozen_at=None)


class TxIntent(LastingModel):
    """One transaction, one nonce, one business key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    business_key = models.CharField(max_length=200)
    kind = models.CharField(max_length=64)
    signer = models.ForeignKey(Signer, on_delete=models.PROTECT, db_index=False)
    nonce = models.BigIntegerField(null=True)  # null: nobody has approved it yet, or ever
    to = address_field(null=True)  # null creates a contract
    data = models.BinaryField()
    value = TokenUnitsField(default=0)
    gas_limit = models.PositiveIntegerField(null=True)  # null: estimated when it is signed
    expect_topic = hash_field(null=True)
    expect_address = address_field(null=True)
    # The event's indexed arguments in order, null for any, and the rest of it.
    expect_topics = ArrayField(hash_field(null=True), null=True)
    expect_data = models.BinaryField(null=True)
    units = TokenUnitsField(null=True)  # of the token it moves: what the signer's limit counts
    party_id = models.UUIDField(null=True)  # the party that may see it besides our staff
    drafted_by = models.UUIDField(null=True)  # users; null: the platform itself
    approved_by = models.UUIDField(null=True)
    approved_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=IntentState.choices, default=IntentState.NONCED)
    reason = models.CharField(max_length=64, blank=True)
    reason_detail = models.CharField(max_length=500, blank=True)
    tx_hash = hash_field(null=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = hash_field(null=True)
    succeeded = models.BooleanField(null=True)
    gas_used = models.BigIntegerField(null=True)
    event = models.JSONField(null=True)  # the expected log, as the receipt has it
    created_at = models.DateTimeField()
    broadcast_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[IntentQuerySet] = IntentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business_key"], name="chain_intent_business_key_once"),
            models.UniqueConstraint(fields=["signer", "nonce"], name="chain_intent_nonce_once"),
            models.CheckConstraint(name="chain_intent_state_known", condition=Q(state__in=IntentState.values)),
            models.CheckConstraint(name="chain_intent_nonce_not_negative", condition=Q(nonce__gte=0)),
            models.CheckConstraint(name="chain_intent_value_not_negative", condition=Q(value__gte=0)),
            models.CheckConstraint(
                name="chain_intent_gas_capped",
                condition=Q(gas_limit=None) | Q(gas_limit__gte=21_000, gas_limit__lte=GAS_CAP),
            ),
            models.CheckConstraint(
                name="chain_intent_mined_whole",
                condition=Q(state__in=MINED_ONCE, tx_hash__isnull=False, block_number__isnull=False)
                & Q(block_hash__isnull=False, succeeded__isnull=False)
                | ~Q(state__in=MINED_ONCE) & Q(block_number=None, block_hash=None, succeeded=None),
            ),
            models.CheckConstraint(
                name="chain_intent_final_succeeded", condition=~Q(state=IntentState.FINAL) | Q(succeeded=True)
            ),
            models.CheckConstraint(
                name="chain_intent_nonce_when_sendable",
                condition=Q(state__in=WITHOUT_NONCE, nonce=None)
                | ~Q(state__in=(IntentState.DRAFT, IntentState.APPROVED)) & Q(nonce__isnull=False),
            ),
            models.CheckConstraint(
                name="chain_intent_two_people",
                condition=Q(drafted_by=None) | Q(approved_by=None) | ~Q(drafted_by=F("approved_by")),
            ),
            models.CheckConstraint(
                name="chain_intent_approval_whole",
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(name="chain_intent_units_not_negative", condition=Q(units=None) | Q(units__gte=0)),
            shaped("chain_intent_to_shape", "to", ADDRESS),
            shaped("chain_intent_tx_hash_shape", "tx_hash", HASH),
        ]
        indexes = [
            models.Index(
                fields=["state", "signer", "nonce"],
                name="chain_intent_open",
                condition=Q(state__in=["NONCED", "SIGNED", "BROADCAST", "MINED", "SAFE"]),
            ),
            models.Index(
                fields=["created_at"], name="chain_intent_to_approve", condition=Q(state__in=["DRAFT", "APPROVED"])
            ),
        ]

    @property
    def given_nonce(self) -> int:
        """Its nonce. Raises ValueError while nobody has approved it."""
        if self.nonce is None:
            raise ValueError("an intent that nobody has approved has no nonce")
        return self.nonce


class TxAttempt(AppendOnlyModel):
    """Signed bytes of an intent, stored before they are sent. All attempts of an intent share its nonce."""

    intent = models.ForeignKey(TxIntent, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    purpose = models.CharField(max_length=8, choices=AttemptPurpose.choices)
    raw = models.BinaryField()
    hash = hash_field(unique=True)
    gas_limit = models.PositiveIntegerField()
    max_fee = TokenUnitsField()  # wei per gas
    max_priority_fee = TokenUnitsField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["intent", "number"], name="chain_attempt_number_once"),
            models.CheckConstraint(name="chain_attempt_gas_capped", condition=Q(gas_limit__lte=GAS_CAP)),
            models.CheckConstraint(
                name="chain_attempt_fees_ordered",
                condition=Q(max_priority_fee__gte=0, max_fee__gte=F("max_priority_fee")),
            ),
            shaped("chain_attempt_hash_shape", "hash", HASH),
        ]


class TxAttemptOutcome(AppendOnlyModel):
    """What became of an attempt, written when its intent ends."""

    attempt = models.OneToOneField(TxAttempt, on_delete=models.PROTECT, related_name="outcome")
    outcome = models.CharField(max_length=8, choices=AttemptOutcome.choices)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_outcome_known", condition=Q(outcome__in=AttemptOutcome.values))
        ]


class TxIntentEvent(TriggerWrittenModel, AppendOnlyModel):
    """A state an intent came into, and the block it was in then: written by a trigger, so that none is missing."""

    # The trigger copies the key of a row it stands on, nobody else may write here, and no intent is ever deleted: a
    # foreign key would ask five times for each transaction what cannot be otherwise.
    intent = models.ForeignKey(TxIntent, on_delete=models.PROTECT, related_name="events", db_constraint=False)
    state = models.CharField(max_length=16, choices=IntentState.choices)
    reason = models.CharField(max_length=64, blank=True)
    tx_hash = hash_field(null=True)
    block_hash = hash_field(null=True)
    at = models.DateTimeField()  # the database's clock
