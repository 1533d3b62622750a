"""Eligibility rules: each refuses alone, all that apply are named, and only a complete case passes."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.compliance.rules import Facts, refusals
from apps.compliance.types import RuleCode

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ELIGIBLE = Facts(
    kyc_status="APPROVED",
    kyc_expires_at=NOW + timedelta(days=1),
    accredited=True,
    country="DE",
    wallet_address="0x" + "ab" * 20,
    claim_status="FINAL",
    registration="REGISTERED",
    security_status="ACTIVE",
    exemption="REG_D_506C",
)


class TestRefusals:
    def test_are_empty_for_a_complete_case(self) -> None:
        assert refusals(ELIGIBLE, NOW) == ()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"kyc_status": None}, "NO_PROFILE"),
            ({"kyc_status": "PENDING"}, "KYC_NOT_APPROVED"),
            ({"kyc_status": "REJECTED"}, "KYC_NOT_APPROVED"),
            ({"kyc_status": "EXPIRED"}, "KYC_EXPIRED"),
            ({"kyc_expires_at": NOW}, "KYC_EXPIRED"),
            ({"kyc_expires_at": None}, "KYC_EXPIRED"),
            ({"accredited": False}, "NOT_ACCREDITED"),
            ({"exemption": "REG_S", "country": "US"}, "US_PERSON"),
            ({"wallet_address": None}, "WALLET_MISSING"),
            ({"claim_status": "REQUESTED"}, "CLAIM_NOT_FINAL"),
            ({"registration": "REQUESTED"}, "WALLET_NOT_REGISTERED"),
            ({"registration": None}, "WALLET_NOT_REGISTERED"),
            ({"security_status": None}, "SECURITY_UNKNOWN"),
            ({"security_status": "HALTED"}, "SECURITY_NOT_ACTIVE"),
            ({"security_status": "DRAFT"}, "SECURITY_NOT_ACTIVE"),
        ],
    )
    def test_name_the_one_rule_that_is_broken(self, change: dict[str, object], code: str) -> None:
        assert refusals(replace(ELIGIBLE, **change), NOW) == (code,)

    @pytest.mark.parametrize("change", [{"accredited": False, "exemption": "REGISTERED"}, {"exemption": "REG_S"}])
    def test_leave_out_rules_of_other_exemptions(self, change: dict[str, object]) -> None:
        assert refusals(replace(ELIGIBLE, **change), NOW) == ()

    def test_name_every_broken_rule_at_once(self) -> None:
        broken = replace(ELIGIBLE, kyc_status="PENDING", accredited=False, wallet_address=None, security_status="DRAFT")
        assert refusals(broken, NOW) == ("KYC_NOT_APPROVED", "NOT_ACCREDITED", "WALLET_MISSING", "SECURITY_NOT_ACTIVE")

    @given(
        st.sets(
            st.sampled_from(["kyc_status", "wallet_address", "claim_status", "registration", "security_status"]),
            min_size=1,
        )
    )
    def test_never_take_the_unknown_for_permission(self, unknown: set[str]) -> None:
        assert unknown <= {field.name for field in fields(Facts)}
        codes = refusals(replace(ELIGIBLE, **dict.fromkeys(unknown)), NOW)
        assert codes
        assert set(codes) <= set(RuleCode.values)
