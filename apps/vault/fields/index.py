"""The column by which an encrypted text is found: `User.objects.filter(username_index="ada")`."""

from collections.abc import Collection
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.vault.blind_index import LONGEST, blind
from apps.vault.keys import keyring

LOOKUPS = {"exact", "in", "isnull"}


class BlindIndexField(models.Field):
    """A keyed hash of the text column `of`, which is declared before it; kept in step with every assignment to that.

    Look up with the text itself: `exact`, `in`, `isnull`. Case and width do not count. Never for what has few values.
    `bits` are 64 to 128; a unique one has 128.
    """

    description = "Blind index"
    empty_strings_allowed = False

    def __init__(self, *args: Any, of: str, bits: int = LONGEST, **kwargs: Any) -> None:
        self.of, self.bits = of, bits
        kwargs |= {"editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["editable"]
        return name, path, args, kwargs | {"of": self.of, "bits": self.bits}

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        cls._meta.get_field(self.of).indexes.append(self.attname)
        # A key of its own for each column: the same text in two columns shows no likeness.
        self._key_name = f"{cls._meta.app_label}.{cls._meta.db_table}.{self.column}"

    def index_of(self, text: str) -> bytes:
        """What stands in the column for a text. Raises KeyUnavailable."""
        return blind(keyring().index_key(self._key_name).mac, text, bits=self.bits)

    def require_source(self, names: Collection[str]) -> None:
        """Raise ValueError unless the text is written with its index."""
        if self.of not in names:
            raise ValueError(f"{self} follows {self.of}: write both")

    def get_internal_type(self) -> str:
        """Stored as bytes, which Django inserts many of at once fastest."""
        return "BinaryField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bytea"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        return f"octet_length({connection.ops.quote_name(str(self.column))}) = {self.bits // 8}"

    def pre_save(self, model_instance: Any, add: bool) -> bytes | None:
        """The index, made anew where the text was assigned since the row was read."""
        held = model_instance.__dict__
        if held.get(self.attname) is None:
            text = getattr(model_instance, self.of)
            held[self.attname] = None if text is None else self.index_of(text)
        found: bytes | None = held[self.attname]
        return found

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else bytes(value)

    def get_prep_value(self, value: Any) -> Any:
        """A lookup's text as its index."""
        return self.index_of(value) if isinstance(value, str) else value

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        value = value if prepared else self.get_prep_value(value)
        if value is None or isinstance(value, bytes):
            return value
        raise FieldError(f"{self} is looked up by text")

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if isinstance(value, str):
            raise FieldError(f"{self} follows {self.of}: assign that to the instance, and save it")
        return super().get_db_prep_save(value, connection)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in LOOKUPS:
            raise FieldError(f"{self} finds exact texts only, not by {lookup_name}")
        return super().get_lookup(lookup_name)

    def formfield(self, *args: Any, **kwargs: Any) -> None:
        """None: it follows its text."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        found: list[CheckMessage] = [*super().check(**kwargs)]
        alone = any(list(c.fields) == [self.name] for c in self.model._meta.total_unique_constraints)
        if (self.unique or alone) and self.bits < LONGEST:
            found.append(Error(f"A unique index has {LONGEST} bits.", obj=self, id="vault.E004"))
        return found
