"""What Django's system check refuses of an encrypted column."""

from typing import Any

from django.core.checks import CheckMessage, Error

from apps.core.db import AppendOnlyModel


def wrong_options(field: Any) -> list[CheckMessage]:
    """What is wrong with the way a model declares the field."""
    found: list[CheckMessage] = []
    if field.unique or field.db_index or field.primary_key:
        found.append(Error("An encrypted column cannot be indexed.", obj=field, id="vault.E001"))
    if field.version and not _comes_after(field, field.version):
        found.append(Error("The version's column is declared before what it counts.", obj=field, id="vault.E002"))
    if field.bound_to and not (_comes_after(field, field.bound_to) and issubclass(field.model, AppendOnlyModel)):
        found.append(Error("Only an append-only row binds to a column before it.", obj=field, id="vault.E005"))
    if not getattr(field.model._default_manager.get_queryset(), "seals", False):
        found.append(Error("The model's manager is made of SealedQuerySet.", obj=field, id="vault.E003"))
    return found


def _comes_after(field: Any, name: str) -> bool:
    names = [each.attname for each in field.model._meta.concrete_fields]
    return name in names and names.index(name) < names.index(field.attname)
