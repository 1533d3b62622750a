"""Who holds what of a token, folded from its logs: at the head, which may still change, and at the final block."""

from django.db import models
from django.db.models import F, Q

from apps.chain.models.blocks import Block
from apps.chain.models.fields import HexField, hash_field
from apps.core.db import AppendOnlyModel, BaseUnitsField


class FoldedUnitsField(BaseUnitsField):
    """numeric(100,0): sums of whatever uint256 words a token's logs say, so that none can stop the stream."""

    digits = 100


class HolderBalance(models.Model):
    """A wallet's units of a token, and how many of them are frozen.

    Moves only in the commit that moves the cursor of its stream (`head` or `final`). A wallet comes out negative only
    if the token's logs do not tell its balances: a break to raise, not to hide.
    """

    token = HexField(length=20)
    wallet = HexField(length=20)
    head = FoldedUnitsField(default=0)
    final = FoldedUnitsField(default=0)
    frozen_head = FoldedUnitsField(default=0)
    frozen_final = FoldedUnitsField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "wallet"], name="holder_balance_once")]


class TokenSupply(models.Model):
    """The units of a token there are: what was minted less what was burnt."""

    token = HexField(length=20, primary_key=True)
    head = FoldedUnitsField(default=0)
    final = FoldedUnitsField(default=0)


class BlockEffect(AppendOnlyModel):
    """A block's effects were added to the balances at the head (odd turns), or taken back (even turns)."""

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="effects", db_index=False)
    turn = models.SmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "turn"], name="block_effect_in_turn"),
            models.CheckConstraint(name="block_effect_from_one", condition=Q(turn__gte=1)),
        ]


class Reorganisation(AppendOnlyModel):
    """The stream left the blocks above `ancestor`, up to the tip it had."""

    ancestor_number = models.BigIntegerField()
    ancestor_hash = hash_field()
    tip_number = models.BigIntegerField()
    tip_hash = hash_field()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="reorganisation_goes_back", condition=Q(ancestor_number__lt=F("tip_number")))
        ]
