"""Shapes of requests and answers."""

from rest_framework import serializers

from apps.accounts.types import USERNAME, PartyKind, Role
from apps.core.http.serializers import CodeField, IdField, NameField, StrictSerializer, TextField
from apps.core.rate_limits import tiers


class CredentialsSerializer(StrictSerializer):
    """A login."""

    username = TextField(max_length=64)
    password = TextField(max_length=128, trim_whitespace=False, style={"input_type": "password"})


class AccessTokenSerializer(serializers.Serializer):
    """A token for the Authorization header."""

    access = serializers.CharField()
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class NewPartySerializer(StrictSerializer):
    """A party to open."""

    kind = serializers.ChoiceField(choices=PartyKind.choices)
    legal_name = NameField(max_length=200)
    country = CodeField(max_length=2, min_length=2, help_text="ISO 3166-1 alpha-2.")


class PartySerializer(serializers.Serializer):
    """A party."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=PartyKind.choices)
    legal_name = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166-1 alpha-2.")
    created_at = serializers.DateTimeField()


class NewUserSerializer(StrictSerializer):
    """A user to add."""

    username = TextField(max_length=64, help_text="3 to 64 of a-z, 0-9, dot, hyphen and underscore.")
    password = TextField(
        min_length=15, max_length=128, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )
    party_id = IdField()
    role = serializers.ChoiceField(choices=Role.choices)
    rate_tier = serializers.ChoiceField(
        choices=tiers(), required=False, help_text="How often they may ask: see docs/rate-limits.md."
    )

    def validate_username(self, value: str) -> str:
        """Plain ASCII, so that no two usernames look alike."""
        if not USERNAME.fullmatch(value):
            raise serializers.ValidationError(
                "3 to 64 of a-z, 0-9, dot, hyphen and underscore, beginning with a letter or digit.",
                code="invalid_username",
            )
        return value


class UserSerializer(serializers.Serializer):
    """A user in one role at one party."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    party_id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)
    rate_tier = serializers.CharField()
    created_at = serializers.DateTimeField()


class WhoAmISerializer(serializers.Serializer):
    """Who is logged in, and for whom they act."""

    user_id = serializers.UUIDField()
    username = serializers.CharField()
    party = PartySerializer()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices))
