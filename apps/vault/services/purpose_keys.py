"""Replacing a purpose key: the first step of a rotation."""

from datetime import datetime

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Greatest

from apps.core.cache import invalidate
from apps.core.db import in_unit_of_work, unit_of_work
from apps.vault.errors import KeyUnavailable
from apps.vault.keys import Keyring, keyring, store
from apps.vault.keys.store import GENERATION
from apps.vault.kms import ProviderError
from apps.vault.models import PurposeKey
from apps.vault.types import Purpose


def replace_purpose_key(*, purpose: Purpose, now: datetime, ring: Keyring | None = None) -> int:
    """Have a new key wrap this purpose's subject keys from now on; its id. The former still opens what it wrapped.

    No key is wrapped under the former once this has committed, in any process: the database refuses it. Raises
    KeyUnavailable, and RuntimeError within a unit of work, since the key service is asked.
    """
    if in_unit_of_work():
        raise RuntimeError("replace_purpose_key() asks the key service: it must be the outermost door")
    ring = ring or keyring()
    try:
        drafted = ring.purposes.drafted(purpose)
    except ProviderError:
        raise KeyUnavailable from None
    with unit_of_work():
        # The present one may have been made a moment ago, by a host whose clock is ahead.
        retired_at = Greatest(F("created_at"), Value(now, output_field=DateTimeField()))
        PurposeKey.objects.filter(purpose=str(purpose), retired_at=None).update(retired_at=retired_at)
        store.insert_purpose_key(drafted)
        live = store.live_purpose_key(purpose)
        if live is None or live.check_value != drafted.check_value:
            raise KeyUnavailable
        invalidate(GENERATION, now=now)
    ring.look_again()
    return live.id
