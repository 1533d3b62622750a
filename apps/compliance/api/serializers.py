"""Shapes of requests and answers."""

import re

import pycountry
from rest_framework import serializers

from apps.compliance.types import ClaimStatus, KycStatus
from apps.core.http.filters import ONE_OR_MORE, Filter, ListQuery, ToggleField, moments
from apps.core.http.serializers import (
    AddressField,
    CodeField,
    FlagField,
    IdField,
    InstantField,
    StrictSerializer,
    TextField,
)


def known_country(value: str) -> None:
    """Refuse what is not an ISO 3166-1 alpha-2 code."""
    if pycountry.countries.get(alpha_2=value) is None or not value.isupper():
        raise serializers.ValidationError("This is not an ISO 3166-1 alpha-2 country code.", code="invalid_country")


class InvestorListQuery(ListQuery):
    """Which investors."""

    filters = {
        "kyc_status": Filter(serializers.ChoiceField(choices=KycStatus.choices), ONE_OR_MORE),
        "kyc_expires_at": moments(),
        "accredited": Filter(ToggleField()),
        "accreditation_claimed": Filter(ToggleField()),
        "tax_residence": Filter(CodeField(max_length=2, validators=[known_country]), ONE_OR_MORE),
        "created_at": moments(),
    }
    orderings = {"created_at": ("created_at", "party_id")}
    default_ordering = "-created_at"


class ProfileSerializer(serializers.Serializer):
    """An investor's standing."""

    party_id = serializers.UUIDField()
    kyc_status = serializers.ChoiceField(choices=KycStatus.choices)
    kyc_decided_at = serializers.DateTimeField(allow_null=True)
    kyc_expires_at = serializers.DateTimeField(allow_null=True)
    claim_status = serializers.CharField(help_text="The furthest claim of the party's wallets: final is on chain.")
    accredited = serializers.BooleanField()
    accreditation_claimed = serializers.BooleanField()
    tax_residence = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class ProfileChangesSerializer(StrictSerializer):
    """What an investor may declare of itself."""

    tax_residence = CodeField(max_length=2, validators=[known_country], required=False)
    accreditation_claimed = FlagField(required=False)


class KycDecisionSerializer(StrictSerializer):
    """An officer's decision."""

    status = serializers.ChoiceField(choices=[KycStatus.APPROVED.value, KycStatus.REJECTED.value])
    reason = TextField(max_length=500)
    accredited = FlagField(default=False)
    expires_at = InstantField(required=False)


class WalletChallengeRequestSerializer(StrictSerializer):
    """The wallet to prove."""

    address = AddressField()


class WalletChallengeSerializer(serializers.Serializer):
    """A message to sign with the wallet's key."""

    challenge_id = serializers.UUIDField()
    message = serializers.CharField()
    expires_at = serializers.DateTimeField()


class WalletProofSerializer(StrictSerializer):
    """The signature (EIP-191 personal_sign) over the challenge's message."""

    challenge_id = IdField()
    signature = CodeField(max_length=132)

    def validate_signature(self, value: str) -> str:
        """65 bytes of hexadecimal."""
        if not re.fullmatch(r"0x[0-9a-fA-F]{130}", value, re.ASCII):
            raise serializers.ValidationError("A signature is 0x and 130 hexadecimal digits.", code="invalid_signature")
        return value


class WalletListQuery(ListQuery):
    """Which of one's wallets."""

    filters = {
        "address": Filter(AddressField()),
        "claim_status": Filter(serializers.ChoiceField(choices=ClaimStatus.choices), ONE_OR_MORE),
        "proved_at": moments(),
    }
    orderings = {"proved_at": ("proved_at", "id")}
    default_ordering = "-proved_at"


class WalletSerializer(serializers.Serializer):
    """A proved wallet."""

    address = serializers.CharField()
    party_id = serializers.UUIDField()
    claim_status = serializers.CharField()
    registered_isins = serializers.ListField(child=serializers.CharField())
    proved_at = serializers.DateTimeField()
