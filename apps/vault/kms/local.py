"""The key service of development: one Fernet key of this installation. Never in production."""

import json
import secrets

from cryptography.fernet import Fernet, InvalidToken

from apps.vault.kms.protocol import KEY_BYTES, Context, Disagreement, NewKey


class LocalProvider:
    """Wraps by Fernet. The context is wrapped with the key, and compared when it is opened."""

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(key)

    def generate(self, context: Context) -> NewKey:
        """A new key, wrapped under this context."""
        plain = secrets.token_bytes(KEY_BYTES)
        return NewKey(plain, self._wrap(plain, context), "")

    def unwrap(self, wrapped: bytes, *, provider_key: str, context: Context) -> bytes:
        """The key. Raises Disagreement for another Fernet key, another context, or changed bytes."""
        try:
            opened = self._fernet.decrypt(bytes(wrapped))
        except InvalidToken:
            raise Disagreement("another_key_or_changed") from None
        if opened[KEY_BYTES:] != _bound(context):
            raise Disagreement("another_context")
        return opened[:KEY_BYTES]

    def rewrap(self, wrapped: bytes, *, provider_key: str, context: Context) -> tuple[bytes, str]:
        """The same key, wrapped anew."""
        return self._wrap(self.unwrap(wrapped, provider_key=provider_key, context=context), context), ""

    def _wrap(self, plain: bytes, context: Context) -> bytes:
        return self._fernet.encrypt(plain + _bound(context))


def _bound(context: Context) -> bytes:
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":")).encode()
