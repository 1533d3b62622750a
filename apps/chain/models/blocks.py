"""What the chain said: blocks, logs, and how far they are known.

Addresses and hashes are lowercase 0x text. Logs are append-only; a reorganisation clears `canonical` on the block
and touches nothing else.
"""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.lookups import Exact, GreaterThan

from apps.chain.codec.hot import TRANSFER
from apps.chain.models.fields import ADDRESS, HASH, HexField, TopicsField, address_field, hash_field, shaped, topic
from apps.chain.types import ContractKind, EffectKind, Finality, LetterEnd
from apps.core.db import AppendOnlyModel, TokenUnitsField

# Freezing concerns one wallet, the recipient.
EFFECT = Q(recipient__isnull=False, amount__gte=0) & (
    Q(effect__in=(EffectKind.MOVED, EffectKind.PARTITION), sender__isnull=False)
    | Q(effect__in=(EffectKind.FROZEN, EffectKind.UNFROZEN), sender=None)
)
NO_EFFECT = Q(effect=None, sender=None, recipient=None, amount=None)

LETTER_END = (
    Q(end="", resolved_at=None, resolved_by=None)
    | Q(end=LetterEnd.DECODED, resolved_at__isnull=False)
    | Q(end=LetterEnd.DISMISSED, resolved_at__isnull=False, resolved_by__isnull=False, asked_by__isnull=False)
)
ASKED = Q(asked_by=None, asked_at=None, asked_reason="") | Q(
    asked_by__isnull=False, asked_at__isnull=False, asked_reason__regex=r"\S"
)

NO_TOPIC, MOST = Value("0x", output_field=HexField()), Value(TRANSFER, output_field=HexField())


class Chain(models.Model):
    """The one chain these books belong to, known by its id and its first block."""

    id = models.BigIntegerField(primary_key=True)
    genesis_hash = hash_field()
    created_at = models.DateTimeField()


class Block(models.Model):
    """A header. At most one canonical block a height; a final block is canonical for ever."""

    number = models.BigIntegerField()
    hash = hash_field(unique=True)
    parent_hash = hash_field()
    timestamp = models.DateTimeField()
    state_root = hash_field()
    receipts_root = hash_field()
    # 256 bytes, or none at all for a block without logs.
    logs_bloom = models.BinaryField()
    # What the block's receipts will weigh is foretold by it.
    gas_used = models.BigIntegerField(default=0)
    canonical = models.BooleanField(default=True)
    finality = models.CharField(max_length=8, choices=Finality.choices, default=Finality.OBSERVED)
    # What made it final: the mode of the chain's policy in that moment.
    final_by = models.CharField(max_length=8, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number"], name="block_canonical_once", condition=Q(canonical=True)),
            models.CheckConstraint(
                name="block_final_is_canonical", condition=~Q(finality=Finality.FINAL) | Q(canonical=True)
            ),
            models.CheckConstraint(
                name="block_final_by_a_policy",
                condition=Q(finality=Finality.FINAL) & ~Q(final_by="") | ~Q(finality=Finality.FINAL) & Q(final_by=""),
            ),
            models.CheckConstraint(name="block_finality_known", condition=Q(finality__in=Finality.values)),
            shaped("block_hash_shape", "hash", HASH),
        ]
        indexes = [
            models.Index(fields=["number"], name="block_final", condition=Q(finality=Finality.FINAL)),
            models.Index(fields=["number"], name="block_orphaned", condition=Q(canonical=False)),
        ]


class RawLog(AppendOnlyModel):
    """A log of a watched contract, exactly as the node gave it."""

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="logs", db_index=False)
    block_number = models.BigIntegerField()
    log_index = models.IntegerField()
    tx_index = models.IntegerField()
    tx_hash = HexField(length=32)
    address = HexField(length=20)
    topics = TopicsField()
    data = HexField()
    # What it changes of a token's holders, decoded, so that holdings are one sum.
    effect = models.CharField(max_length=1, choices=EffectKind.choices, null=True)
    sender = HexField(length=20, null=True)
    recipient = HexField(length=20, null=True)
    amount = TokenUnitsField(null=True)

    class Meta:
        constraints = [
            # A block is unique by its hash: this is (block hash, log index).
            models.UniqueConstraint(fields=["block", "log_index"], name="raw_log_once"),
            models.CheckConstraint(name="raw_log_effect", condition=EFFECT | NO_EFFECT),
        ]
        indexes = [
            # Within a block the few logs are sorted: a longer key would cost each log stored more than that.
            models.Index(fields=["block_number"], name="raw_log_in_order"),
            models.Index(fields=["address", "block_number"], name="raw_log_of_contract"),
            models.Index(fields=["tx_hash"], name="raw_log_of_tx"),
            # Which wallets a log names: the first topic is its event, and few have a fourth.
            models.Index(topic(1), name="raw_log_topic_1"),
            models.Index(topic(2), name="raw_log_topic_2"),
            models.Index(topic(3), name="raw_log_topic_3", condition=Q(GreaterThan(topic(3), NO_TOPIC))),
            # Nearly all are Transfers: of those, order is enough.
            models.Index(topic(0), "block_number", name="raw_log_rare", condition=~Q(Exact(topic(0), MOST))),
        ]


class LateEffect(AppendOnlyModel):
    """What a later codec read out of a log that did not decode when it was kept."""

    log = models.OneToOneField(RawLog, on_delete=models.PROTECT, related_name="late_effect")
    effect = models.CharField(max_length=1, choices=EffectKind.choices)
    sender = HexField(length=20, null=True)
    recipient = HexField(length=20)
    amount = TokenUnitsField()

    class Meta:
        constraints = [models.CheckConstraint(name="late_effect_whole", condition=EFFECT)]


class DeadLetter(models.Model):
    """A log that claims a known event but does not decode. Cut-offs at or past its block wait until it is resolved.

    Dismissed it changes no balance: one person asks for that, another does it.
    """

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+", db_index=False)
    block_number = models.BigIntegerField()
    log_index = models.IntegerField()
    address = address_field()
    reason = models.CharField(max_length=200)
    found_at = models.DateTimeField()
    # Who would have it dismissed, and why.
    asked_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField(null=True)
    asked_reason = models.CharField(max_length=200, blank=True, db_default="")
    resolved_at = models.DateTimeField(null=True)
    # None where the ingester read it with a later codec.
    resolved_by = models.UUIDField(null=True)
    end = models.CharField(max_length=9, choices=LetterEnd.choices, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "log_index"], name="dead_letter_once"),
            models.CheckConstraint(name="dead_letter_end_known", condition=LETTER_END),
            models.CheckConstraint(name="dead_letter_asked_whole", condition=ASKED),
            models.CheckConstraint(
                name="dead_letter_two_people",
                condition=~Q(end=LetterEnd.DISMISSED) | ~Q(resolved_by=F("asked_by")),
            ),
        ]
        indexes = [
            models.Index(fields=["address", "block_number"], name="dead_letter_open", condition=Q(resolved_at=None))
        ]


class WatchedContract(models.Model):
    """A contract whose logs are kept from `from_block` on.

    Until it is `covered` its past is still being fetched, up to and including `covered_to`; then the stream's
    cursor is its coverage.
    """

    address = address_field(primary_key=True)
    kind = models.CharField(max_length=16, choices=ContractKind.choices)
    from_block = models.BigIntegerField()
    covered_to = models.BigIntegerField()
    covered = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            shaped("watched_contract_address_shape", "address", ADDRESS),
            models.CheckConstraint(name="watched_contract_kind_known", condition=Q(kind__in=ContractKind.values)),
            models.CheckConstraint(
                name="watched_contract_from_start",
                condition=Q(from_block__gte=0, covered_to__gte=F("from_block") - 1),
            ),
        ]
        indexes = [models.Index(fields=["covered_to"], name="watched_contract_behind", condition=Q(covered=False))]


class StreamCursor(models.Model):
    """The last block a stream has stored whole. It moves by compare-and-set, in the commit of what it covers."""

    name = models.CharField(max_length=64, primary_key=True)
    number = models.BigIntegerField()
    hash = hash_field()
    # The lowest block stored; every block from here to `number` is there.
    first_number = models.BigIntegerField()
    # Why the stream stopped for good; a person decides how it goes on.
    halted = models.CharField(max_length=64, blank=True)
    moved_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="stream_cursor_forward", condition=Q(number__gte=F("first_number")))]
