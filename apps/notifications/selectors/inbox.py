"""Reading notifications and preferences."""

from uuid import UUID

from django.db.models import QuerySet

from apps.notifications.models import Notification, NotificationPreference
from apps.notifications.types import Channel, PreferenceView, Topic


def notifications_of(user_id: UUID) -> QuerySet[Notification]:
    """What a user was told."""
    return Notification.objects.filter(user_id=user_id)


def preferences(user_id: UUID) -> list[PreferenceView]:
    """Every topic and channel, with the user's choice or the default."""
    chosen = {(p.topic, p.channel): p.enabled for p in NotificationPreference.objects.filter(user_id=user_id)}
    pairs = [(topic, channel) for topic in Topic.values for channel in Channel.values]
    return [PreferenceView(topic, channel, chosen.get((topic, channel), True)) for topic, channel in pairs]
