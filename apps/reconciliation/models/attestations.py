"""What a run attests of every position, signed, and what it takes to prove each of them later. Append-only."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Length, Now
from django.db.models.lookups import Exact

from apps.core.db import AppendOnlyModel, TokenUnitsField
from apps.core.ids import new_id
from apps.reconciliation.leaves import LEAF
from apps.reconciliation.models.runs import HASH, Run

DIGEST, KEY, SIGNATURE, KEY_ID = 32, 32, 64, 16


def _has_bytes(name: str, column: str, length: int) -> models.CheckConstraint:
    return models.CheckConstraint(name=name, condition=Exact(Length(column), Value(length)))


class StorageNode(AppendOnlyModel):
    """A node of a token's storage trie. What does not change from one attested run to the next is kept once."""

    id = models.BigAutoField(primary_key=True)
    hash = models.BinaryField()
    encoded = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="recon_storage_node_once", fields=["hash"]),
            _has_bytes("recon_storage_node_hash", "hash", DIGEST),
        ]


class Attestation(AppendOnlyModel):
    """The signed statement of a run: the root of the tree of all positions at its block, and the block's state root.

    `statement` is the text that is signed. `leaves` are the positions as apps.reconciliation.leaves packs them;
    `header` and `account` lead from the block hash to the token's `storage_root`, and StorageNode from there.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="attestation")
    isin = models.CharField(max_length=12)
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=HASH)
    state_root = models.CharField(max_length=HASH)
    positions = models.PositiveIntegerField()
    positions_root = models.BinaryField()
    booked = TokenUnitsField()
    units = TokenUnitsField()
    supply = TokenUnitsField()
    statement = models.BinaryField()
    signature = models.BinaryField()
    public_key = models.BinaryField()
    key_id = models.CharField(max_length=KEY_ID)
    header = models.BinaryField()
    account = ArrayField(models.BinaryField())
    storage_root = models.BinaryField()
    leaves = models.BinaryField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            _has_bytes("recon_attestation_root", "positions_root", DIGEST),
            _has_bytes("recon_attestation_storage", "storage_root", DIGEST),
            _has_bytes("recon_attestation_signature", "signature", SIGNATURE),
            _has_bytes("recon_attestation_key", "public_key", KEY),
            models.CheckConstraint(
                name="recon_attestation_leaves", condition=Exact(Length("leaves"), F("positions") * LEAF)
            ),
        ]
        indexes = [models.Index(fields=["isin", "-id"], name="recon_attestation_of_isin")]
