"""Tokens bound to ISINs: which one speaks for a security, how its logs are folded, and where its storage keeps them."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce

from apps.chain.models.fields import ADDRESS, HASH, HexField, address_field, hash_field, shaped
from apps.chain.models.intents import TxIntent
from apps.chain.types import BindingState, Folds, LayoutState, TokenStandard
from apps.core.db import AppendOnlyModel

WITH_ADDRESS = [BindingState.DEPLOYED, BindingState.BACKFILLING, BindingState.CHECKING, BindingState.LIVE]


class TokenBinding(models.Model):
    """The token that represents a security, from one block on until another takes its place.

    It is valid from its first block unless `valid_from_block` says later, up to and including `valid_to_block`.
    """

    isin = models.CharField(max_length=12)
    name = models.CharField(max_length=200)
    symbol = models.CharField(max_length=32)
    decimals = models.PositiveSmallIntegerField()
    standard = models.CharField(max_length=8, choices=TokenStandard.choices, default=TokenStandard.ERC3643)
    folds = models.CharField(max_length=9, choices=Folds.choices, default=Folds.TRANSFER)
    state = models.CharField(max_length=16, choices=BindingState.choices, default=BindingState.PENDING)
    address = address_field(null=True, unique=True)
    identity_registry = address_field(null=True)
    # Who decides which code a proxy runs.
    authority = address_field(null=True)
    # Whom its factory had no room for: they are made agents once it is there.
    agents = ArrayField(address_field(), default=list)
    deploy_block = models.BigIntegerField(null=True)
    valid_from_block = models.BigIntegerField(null=True)
    valid_to_block = models.BigIntegerField(null=True)
    intent = models.ForeignKey(TxIntent, null=True, on_delete=models.PROTECT, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=1)
    reason = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    live_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_binding_state_known", condition=Q(state__in=BindingState.values)),
            models.CheckConstraint(name="chain_binding_standard", condition=Q(standard__in=TokenStandard.values)),
            models.CheckConstraint(
                name="chain_binding_folds",
                condition=Q(folds=Folds.TRANSFER) | Q(folds=Folds.PARTITION, standard=TokenStandard.ERC1400),
            ),
            models.CheckConstraint(name="chain_binding_decimals", condition=Q(decimals__lte=18)),
            models.CheckConstraint(
                name="chain_binding_deployed_whole",
                condition=~Q(state__in=WITH_ADDRESS) | Q(address__isnull=False, deploy_block__isnull=False),
            ),
            models.CheckConstraint(
                name="chain_binding_registry_known",
                condition=~Q(state__in=WITH_ADDRESS, standard=TokenStandard.ERC3643)
                | Q(identity_registry__isnull=False),
            ),
            models.CheckConstraint(
                name="chain_binding_valid_in_order",
                condition=Q(valid_to_block=None)
                | Q(valid_to_block__gte=Coalesce(F("valid_from_block"), F("deploy_block"))),
            ),
            models.UniqueConstraint(
                name="chain_binding_open_once", fields=["isin"], condition=Q(valid_to_block__isnull=True)
            ),
            # Whatever the block, one token at most speaks for a security.
            ExclusionConstraint(
                name="chain_binding_valid_once",
                expressions=[
                    ("isin", RangeOperators.EQUAL),
                    (
                        Func(
                            Coalesce("valid_from_block", "deploy_block"),
                            "valid_to_block",
                            Value("[]"),
                            function="int8range",
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(deploy_block__isnull=False),
            ),
            shaped("chain_binding_address_shape", "address", ADDRESS),
            shaped("chain_binding_registry_shape", "identity_registry", ADDRESS),
            shaped("chain_binding_authority_shape", "authority", ADDRESS),
        ]


class TokenCheck(AppendOnlyModel):
    """What was found when a token's fold was held against its storage, at one final block.

    `differences`: who, folded, stored, as texts; `who` is a wallet, or "supply". `unread` are those that could not be
    read: no pass, but no difference either.
    """

    binding = models.ForeignKey(TokenBinding, on_delete=models.PROTECT, related_name="checks")
    block_number = models.BigIntegerField()
    block_hash = hash_field()
    folds = models.CharField(max_length=9, choices=Folds.choices)
    holders = models.IntegerField()
    unread = models.IntegerField()
    differing = models.IntegerField()
    # The first of them.
    differences = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="token_check_counts", condition=Q(holders__gte=0, unread__gte=0)),
            models.CheckConstraint(
                name="token_check_named", condition=Q(differing=0, differences=[]) | Q(differing__gte=1)
            ),
            shaped("token_check_hash_shape", "block_hash", HASH),
        ]


class StorageLayout(models.Model):
    """Where a token's code keeps its balances and its supply: what proofs are asked for by.

    It holds from `from_block`, where it was verified, until the block in which its code may have changed.
    """

    binding = models.ForeignKey(TokenBinding, on_delete=models.PROTECT, related_name="layouts")
    from_block = models.BigIntegerField()
    withdrawn_block = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10, choices=LayoutState.choices)
    balances_slot = HexField(length=32)
    supply_slot = HexField(length=32)
    # The block's hash, and how many holders' words were compared there.
    block_hash = hash_field()
    holders = models.IntegerField()
    reason = models.CharField(max_length=64, blank=True)
    verified_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="storage_layout_open_once", fields=["binding"], condition=Q(state=LayoutState.VERIFIED)
            ),
            models.CheckConstraint(
                name="storage_layout_state",
                condition=Q(state=LayoutState.VERIFIED, withdrawn_block=None)
                | Q(state=LayoutState.WITHDRAWN, withdrawn_block__gt=F("from_block")),
            ),
            models.CheckConstraint(name="storage_layout_evidence", condition=Q(holders__gte=1)),
            shaped("storage_layout_hash_shape", "block_hash", HASH),
        ]
