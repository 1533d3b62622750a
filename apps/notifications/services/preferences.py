"""What users want to be told."""

from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.notifications.models import NotificationPreference
from apps.notifications.selectors.inbox import preferences
from apps.notifications.types import PreferenceView


def set_preference(*, actor: Actor, topic: str, channel: str, enabled: bool) -> list[PreferenceView]:
    """Choose whether to be told of a topic on a channel; all the actor's preferences as they then are."""
    user_id = actor.require_user()
    with unit_of_work():
        NotificationPreference.objects.update_or_create(
            user_id=user_id, topic=topic, channel=channel, defaults={"enabled": enabled}
        )
    return preferences(user_id)
