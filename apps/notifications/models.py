"""Templates, notifications and preferences."""

from django.db import models
from django.db.models import Q

from apps.core.ids import new_id
from apps.notifications.types import Channel, Topic


class NotificationTemplate(models.Model):
    """The words of one topic on one channel. A change is a new version; the highest one speaks."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    topic = models.CharField(max_length=32, choices=Topic.choices)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["topic", "channel", "version"], name="template_version_once"),
            models.CheckConstraint(name="template_says_something", condition=~Q(title="") & ~Q(body="")),
        ]


class Notification(models.Model):
    """What one user was told, once per event and channel."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event_id = models.BigIntegerField()
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    topic = models.CharField(max_length=32, choices=Topic.choices)
    template = models.ForeignKey(NotificationTemplate, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event_id", "user", "channel"], name="notification_once"),
        ]
        indexes = [models.Index(fields=["user", "created_at", "id"], name="notification_of_user")]


class NotificationPreference(models.Model):
    """A user's own choice; where there is none, the topic is wanted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    topic = models.CharField(max_length=32, choices=Topic.choices)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    enabled = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "topic", "channel"], name="preference_once"),
        ]
