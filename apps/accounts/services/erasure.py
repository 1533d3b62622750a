"""What is left of a user whose keys were destroyed."""

from secrets import token_bytes
from uuid import UUID

from django.contrib.auth.hashers import make_password

from apps.accounts.models import User
from apps.core.db import within_unit_of_work

INDEX_BYTES = 16


@within_unit_of_work
def forget_login(*, user_id: UUID) -> None:
    """Nobody can test any more which name an erased user logged in with, and nobody is logged in as them.

    Random bytes take the index's place, since every user has one and no two the same: no text leads to them, and the
    name is free again. Disabled, and with another password hash, tokens and sessions end with their next request.
    Done again, or for an id that is no user's (a party's), it changes nothing that can be told.
    """
    User.objects.filter(pk=user_id).update(
        username_index=token_bytes(INDEX_BYTES), is_active=False, password=make_password(None)
    )
