"""What accounts does about events of rooms below it."""

from uuid import UUID

from apps.accounts.services.erasure import forget_login
from apps.core.registry import Event


def on_subject_erased(event: Event) -> None:
    """The keys of a user, or of somebody else, were destroyed."""
    forget_login(user_id=UUID(event.key))
