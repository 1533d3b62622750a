"""The kinds of encrypted columns."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from apps.vault.fields.base import EncryptedField


class EncryptedTextField(EncryptedField):
    """Text. `max_length` counts characters; without `blank` the empty text is refused by the database."""

    description = "Encrypted text"

    @property
    def least_plain(self) -> int:  # type: ignore[override]
        return 0 if self.blank else 1

    def encoded(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise TypeError(f"{self} takes text")
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{self} takes text that can be written down: it has half a character") from None

    def decoded(self, plain: bytes) -> str:
        return plain.decode()

    def to_python(self, value: Any) -> Any:
        return value

    def _require_size(self, plain: bytes) -> None:
        if self.max_length is not None and len(plain) > self.max_length < len(plain.decode()):
            raise ValidationError(f"{self} takes {self.max_length} characters at most")


class EncryptedJSONField(EncryptedField):
    """A JSON document. What was read is a copy: to change it, assign it anew."""

    description = "Encrypted JSON"

    def encoded(self, value: Any) -> bytes:
        try:
            text = json.dumps(value, cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
            return text.encode()
        except (TypeError, ValueError, RecursionError):
            raise TypeError(f"{self} takes what JSON can say") from None

    def decoded(self, plain: bytes) -> Any:
        return json.loads(plain)
