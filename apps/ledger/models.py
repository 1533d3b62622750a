"""The books: accounts, transfers, holds, and the balances they fold to.

Guards the ORM cannot state (one asset a transfer, faithful resolutions, accounts that never go) are in
migration 0002.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Now

from apps.core.db import AppendOnlyModel, BaseUnitsField
from apps.core.ids import new_id
from apps.ledger.types import HOLDER_KINDS, AccountKind, TransferKind, TransferState

ADDRESS = r"^0x[0-9a-f]{40}$"


class LedgerAsset(AppendOnlyModel):
    """What the books count: a security by ISIN, or cash by its code. One unit is 10**decimals base units."""

    code = models.CharField(max_length=32, primary_key=True)
    decimals = models.PositiveSmallIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_asset"
        constraints = [
            models.CheckConstraint(name="ledger_asset_code", condition=Q(code__regex=r"^[A-Z0-9][A-Z0-9._-]{0,31}$")),
            models.CheckConstraint(name="ledger_asset_decimals", condition=Q(decimals__lte=18)),
        ]


class LedgerWalletOwner(models.Model):
    """Whose wallet it is, so that accounts made later find their party. No party: not known yet."""

    wallet_address = models.CharField(max_length=42, primary_key=True)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_wallet_owner"
        constraints = [models.CheckConstraint(name="ledger_owner_address", condition=Q(wallet_address__regex=ADDRESS))]


class LedgerAccount(models.Model):
    """One asset in one wallet, or a control account of the asset. Only its party is ever filled in later."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey(
        LedgerAsset, on_delete=models.PROTECT, db_column="asset", related_name="accounts", db_index=False
    )
    kind = models.CharField(max_length=16, choices=AccountKind.choices)
    wallet_address = models.CharField(max_length=42, null=True)
    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, null=True, related_name="ledger_accounts", db_index=False
    )
    control = models.GeneratedField(
        expression=ExpressionWrapper(~Q(kind__in=HOLDER_KINDS), models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_account"
        indexes = [
            models.Index(fields=["wallet_address"], name="ledger_account_wallet"),
            models.Index(fields=["party", "id"], name="ledger_account_of_party"),
            models.Index(fields=["asset", "id"], name="ledger_account_of_asset"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="ledger_account_once", fields=["asset", "kind", "wallet_address"], nulls_distinct=False
            ),
            # A wallet holds an asset in one account: as a position or as cash, never as both.
            models.UniqueConstraint(
                name="ledger_account_one_holding",
                fields=["wallet_address", "asset"],
                condition=Q(kind__in=HOLDER_KINDS),
            ),
            # What the balance's foreign key refers to, so that its `control` cannot differ.
            models.UniqueConstraint(name="ledger_account_control", fields=["id", "control"]),
            models.CheckConstraint(name="ledger_account_kind_known", condition=Q(kind__in=AccountKind.values)),
            models.CheckConstraint(name="ledger_account_address", condition=Q(wallet_address__regex=ADDRESS)),
            models.CheckConstraint(
                name="ledger_account_wallet_fits_kind",
                condition=Q(kind__in=HOLDER_KINDS, wallet_address__isnull=False)
                | Q(kind__in=[AccountKind.ISSUANCE, AccountKind.EXTERNAL], wallet_address=None)
                # The shortfall of a wallet is kept by wallet; what nobody can be named for is kept by asset.
                | Q(kind=AccountKind.SUSPENSE),
            ),
        ]


class LedgerBalance(models.Model):
    """Where an account stands: the fold of its transfers and holds, kept current in the commit that adds them.

    `held` is all that is reserved; `pending` is the part of it that pending debits reserve. The rest is held by hold
    entries and cannot fall below zero, so no release can free what a settlement counts on.
    """

    account = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, primary_key=True, related_name="balance")
    posted = BaseUnitsField(default=0, db_default=0)
    held = BaseUnitsField(default=0, db_default=0)
    pending = BaseUnitsField(default=0, db_default=0)
    control = models.BooleanField()

    class Meta:
        db_table = "ledger_balance"
        constraints = [
            models.CheckConstraint(name="ledger_balance_covered", condition=Q(control=True) | Q(posted__gte=F("held"))),
            models.CheckConstraint(name="ledger_balance_held", condition=Q(pending__gte=0) & Q(held__gte=F("pending"))),
        ]


class LedgerTransfer(AppendOnlyModel):
    """An amount that leaves the debit account for the credit account, or the end of a pending one."""

    # No foreign key constraint: two row triggers a transfer would cost a third of the throughput. The set-based
    # trigger of migration 0002 refuses an unknown account, and accounts cannot be deleted.
    debit_account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    credit_account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    amount = BaseUnitsField()
    state = models.CharField(max_length=8, choices=TransferState.choices)
    kind = models.CharField(max_length=24, choices=TransferKind.choices)
    pending = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    idem_key = models.CharField(max_length=160)
    source_ref = models.CharField(max_length=160)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_transfer"
        constraints = [
            models.UniqueConstraint(name="ledger_transfer_once", fields=["idem_key"]),
            models.UniqueConstraint(
                name="ledger_transfer_resolved_once", fields=["pending"], condition=Q(pending__isnull=False)
            ),
            models.CheckConstraint(name="ledger_transfer_amount", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="ledger_transfer_two_accounts", condition=~Q(debit_account=F("credit_account"))
            ),
            models.CheckConstraint(name="ledger_transfer_kind_known", condition=Q(kind__in=TransferKind.values)),
            models.CheckConstraint(name="ledger_transfer_keyed", condition=~Q(idem_key="")),
            models.CheckConstraint(
                name="ledger_transfer_state_whole",
                condition=Q(state=TransferState.PENDING, pending=None)
                | Q(state=TransferState.POSTED)
                | Q(state__in=[TransferState.VOIDED, TransferState.EXPIRED], pending__isnull=False),
            ),
        ]
        indexes = [BrinIndex(fields=["recorded_at"], name="ledger_transfer_recorded")]


class LedgerHoldEntry(AppendOnlyModel):
    """A hold placed (above 0) or released (below 0)."""

    account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    amount = BaseUnitsField()
    idem_key = models.CharField(max_length=160)
    source_ref = models.CharField(max_length=160)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_hold_entry"
        constraints = [
            models.UniqueConstraint(name="ledger_hold_once", fields=["idem_key"]),
            models.CheckConstraint(name="ledger_hold_amount", condition=~Q(amount=0)),
            models.CheckConstraint(name="ledger_hold_keyed", condition=~Q(idem_key="")),
        ]
        indexes = [BrinIndex(fields=["recorded_at"], name="ledger_hold_recorded")]
