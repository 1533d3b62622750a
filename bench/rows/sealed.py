"""The same row with its texts encrypted, and in the clear."""

from django.apps.registry import Apps
from django.db import models

from apps.core.ids import new_id
from apps.vault.fields import EncryptedTextField, SealedQuerySet

BENCH = Apps()


class Sheltered(models.Model):
    """A contact."""

    id = models.UUIDField(primary_key=True, default=new_id)
    party_id = models.UUIDField()
    name = EncryptedTextField(max_length=200, subject="party_id")
    email = EncryptedTextField(max_length=254, subject="party_id")
    kind = models.CharField(max_length=16, default="PERSON")
    country = models.CharField(max_length=2, default="LI")
    created_at = models.DateTimeField()
    objects = SealedQuerySet.as_manager()

    class Meta:
        apps = BENCH
        app_label = "bench"
        db_table = "bench_sheltered"


class Open(models.Model):
    """The same, read by anyone."""

    id = models.UUIDField(primary_key=True, default=new_id)
    party_id = models.UUIDField()
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=254)
    kind = models.CharField(max_length=16, default="PERSON")
    country = models.CharField(max_length=2, default="LI")
    created_at = models.DateTimeField()

    class Meta:
        apps = BENCH
        app_label = "bench"
        db_table = "bench_open"
