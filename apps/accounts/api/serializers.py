"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.core.http.serializers import StrictSerializer, TextField


class CredentialsSerializer(StrictSerializer):
    """A login."""

    username = TextField(max_length=64)
    password = TextField(max_length=128, trim_whitespace=False, style={"input_type": "password"})


class AccessTokenSerializer(serializers.Serializer):
    """A token for the Authorization header."""

    access = serializers.CharField()
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds.")
