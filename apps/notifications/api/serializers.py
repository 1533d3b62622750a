"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, moments
from apps.core.http.serializers import FlagField, StrictSerializer
from apps.notifications.types import Channel, Topic


class NotificationListQuery(ListQuery):
    """Which notifications."""

    filters = {
        "topic": Filter(serializers.ChoiceField(choices=Topic.values), ONE_OR_MORE),
        "created_at": moments(),
    }
    orderings = {"created_at": ("created_at", "id")}
    default_ordering = "-created_at"


class NotificationSerializer(serializers.Serializer):
    """What the user was told."""

    id = serializers.UUIDField()
    topic = serializers.CharField()
    title = serializers.CharField()
    body = serializers.CharField()
    created_at = serializers.DateTimeField()


class PreferenceSerializer(serializers.Serializer):
    """Whether the user wants a topic on a channel."""

    topic = serializers.CharField()
    channel = serializers.CharField()
    enabled = serializers.BooleanField()


class PreferencesSerializer(serializers.Serializer):
    """All of them."""

    preferences = PreferenceSerializer(many=True)


class PreferenceChangeSerializer(StrictSerializer):
    """One choice."""

    topic = serializers.ChoiceField(choices=Topic.values)
    channel = serializers.ChoiceField(choices=Channel.values, default=Channel.IN_APP)
    enabled = FlagField()
