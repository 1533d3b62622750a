"""Keys that encrypt: `keyring()` makes, opens and remembers them."""

from apps.vault.keys.data_keys import DataKey, IndexKey
from apps.vault.keys.keyring import Keyring, keyring

__all__ = ["DataKey", "IndexKey", "Keyring", "keyring"]
