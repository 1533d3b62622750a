"""Keys that wrap subjects' keys, themselves wrapped by the key service."""

from django.db import models
from django.db.models import F, Q

from apps.vault.types import ProviderName, Purpose

MOST_WRAPPED = 6144  # bytes: the longest ciphertext KMS takes


class PurposeKey(models.Model):
    """The key of a purpose, for a while. Its id is the `kek id` of a ciphertext's header (four bytes).

    One of each purpose is live. A retired one still opens what it has wrapped. A trigger refuses changes of what it is.
    """

    id = models.AutoField(primary_key=True)
    purpose = models.CharField(max_length=16)
    provider = models.CharField(max_length=8, choices=ProviderName.choices)
    # As the key service names it (an ARN); empty for a local key.
    provider_key = models.CharField(max_length=2048, blank=True)
    wrapped = models.BinaryField()
    # Tells a wrong key that the service may hand out from the right one: see keys.wrapping.
    check_value = models.BinaryField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose"], name="purpose_key_live_once", condition=Q(retired_at=None)),
            # What the foreign key of a subject key's own copy of the purpose refers to (see the migration).
            models.UniqueConstraint(fields=["id", "purpose"], name="purpose_key_purpose"),
            models.CheckConstraint(
                name="purpose_key_purpose_known", condition=Q(purpose__in=[str(each) for each in Purpose])
            ),
            models.CheckConstraint(name="purpose_key_provider_known", condition=Q(provider__in=ProviderName.values)),
            models.CheckConstraint(
                name="purpose_key_retired_in_order", condition=Q(retired_at=None) | Q(retired_at__gte=F("created_at"))
            ),
        ]
