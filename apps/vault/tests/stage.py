"""Tables with protected columns, for tests: in a registry of their own, so that the product knows nothing of them."""

from django.apps.registry import Apps
from django.db import connection, connections, models

from apps.core.db import run_sql
from apps.core.ids import new_id
from apps.vault.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField, SealedQuerySet

STAGE = Apps()


class Person(models.Model):
    """One of each kind of column."""

    id = models.UUIDField(primary_key=True, default=new_id)
    party_id = models.UUIDField(default=new_id)
    version = models.IntegerField(default=1)
    name = EncryptedTextField(max_length=40)
    email = EncryptedTextField(null=True, blank=True, subject="party_id")
    email_index = BlindIndexField(of="email", null=True)
    facts = EncryptedJSONField(null=True)
    note = EncryptedTextField(null=True, blank=True, version="version")
    town = models.CharField(max_length=40, default="")

    objects = SealedQuerySet.as_manager()

    class Meta:
        apps = STAGE
        app_label = "stage"


class Twin(models.Model):
    """A table with the same columns as Person's, to move ciphertexts to."""

    id = models.UUIDField(primary_key=True, default=new_id)
    name = EncryptedTextField()

    objects = SealedQuerySet.as_manager()

    class Meta:
        apps = STAGE
        app_label = "stage"


class Sighting(models.Model):
    """A row whose number the database gives, of somebody or of nobody known."""

    person_id = models.UUIDField(null=True)
    address = EncryptedTextField(null=True, subject="person_id")

    objects = SealedQuerySet.as_manager()

    class Meta:
        apps = STAGE
        app_label = "stage"


def set_the_stage() -> None:
    """Make the tables in the database in force."""
    with connections["owner"].schema_editor() as editor:
        for model in (Person, Twin, Sighting):
            editor.create_model(model)
            editor.execute(f'GRANT ALL ON "{model._meta.db_table}" TO "{connection.settings_dict["USER"]}"')
        editor.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{connection.settings_dict["USER"]}"')


def stored(row: models.Model, column: str) -> bytes:
    """What the database holds."""
    found = type(row)._default_manager.filter(pk=row.pk).values_list(column, flat=True).get()
    return found.ciphertext


def put(row: models.Model, column: str, ciphertext: bytes) -> None:
    """Write to the column as somebody would who has the database and no key."""
    statement = f'UPDATE "{row._meta.db_table}" SET "{column}" = %s WHERE id = %s'
    assert run_sql(statement, [ciphertext, row.pk]) == 1
