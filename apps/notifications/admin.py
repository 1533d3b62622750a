"""Officers' pages of notifications."""

from django.contrib import admin

from apps.core.officers import ReadOnlyAdmin
from apps.notifications.models import Notification, NotificationPreference, NotificationTemplate


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What users were told."""

    table = ("id", "created_at", "user", "channel", "topic", "title", "event_id")
    list_filter = ("topic", "channel")
    search_fields = ("id", "user_id", "event_id")


@admin.register(NotificationTemplate)
class NotificationTemplateAdmin(ReadOnlyAdmin):
    """The words of each topic, by version."""

    table = ("id", "topic", "channel", "version", "title", "created_at")
    list_filter = ("topic", "channel")
    search_fields = ("id",)


@admin.register(NotificationPreference)
class NotificationPreferenceAdmin(ReadOnlyAdmin):
    """What users chose to be told."""

    table = ("id", "user", "topic", "channel", "enabled")
    list_filter = ("topic", "channel", "enabled")
    search_fields = ("id", "user_id")
