"""Nothing that may be about a person is stored in the clear without a reason that somebody has written down."""

import pytest
from django.apps import apps
from django.apps.registry import Apps
from django.db import models

from apps.audit.fields import Xid8Field
from apps.vault.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField
from apps.vault.register import not_personal

# What says nothing by itself: keys, flags, counts and amounts, and the instants of our own acts. A date may be a birth.
HARMLESS = (
    models.UUIDField,
    models.IntegerField,
    models.BooleanField,
    models.DecimalField,
    models.DateTimeField,
    Xid8Field,
)
SEALED = (EncryptedTextField, EncryptedJSONField, BlindIndexField)


def may_be_personal(field: models.Field) -> bool:
    return not (field.is_relation or field.choices or isinstance(field, HARMLESS))


def columns(models_: list[type[models.Model]]) -> dict[str, models.Field]:
    """The stored columns that may be about a person, by "app.Model.column"."""
    found = [field for model in models_ for field in model._meta.concrete_fields if may_be_personal(field)]
    return {f"{field.model._meta.label}.{field.name}": field for field in found}


def unregistered(models_: list[type[models.Model]]) -> list[str]:
    listed = not_personal()
    return sorted(
        name for name, field in columns(models_).items() if not isinstance(field, SEALED) and name not in listed
    )


class TestTheRegister:
    def test_has_every_column_that_is_not_encrypted(self) -> None:
        assert unregistered(apps.get_models(include_auto_created=True)) == []

    def test_has_no_column_that_is_gone_or_encrypted(self) -> None:
        stored = columns(apps.get_models(include_auto_created=True))
        wrong = [name for name in not_personal() if name not in stored or isinstance(stored[name], SEALED)]
        assert wrong == []

    def test_holds_what_is_personal_encrypted(self) -> None:
        sealed = {name for name, field in columns(apps.get_models()).items() if isinstance(field, SEALED)}
        assert sealed >= {
            "accounts.Party.legal_name",
            "accounts.User.username",
            "audit.AuditOrigin.ip",
            "audit.AuditOrigin.salts",
            "audit.AuditOrigin.user_agent",
            "compliance.KycDecision.reason",
        }

    @pytest.mark.parametrize(
        "field",
        [
            models.CharField(max_length=9),
            models.TextField(),
            models.EmailField(),
            models.JSONField(),
            models.GenericIPAddressField(),
            models.DateField(),
            models.BinaryField(),
            models.FileField(),
        ],
        ids=lambda field: type(field).__name__,
    )
    def test_refuses_a_new_column_of_such_a_kind(self, field: models.Field) -> None:
        meta = type("Meta", (), {"apps": Apps(), "app_label": "new"})
        model = type("Thing", (models.Model,), {"__module__": __name__, "Meta": meta, "about": field.clone()})
        assert unregistered([model]) == ["new.Thing.about"]
