"""The bucket of the audit log's anchors: what the environment may say of it, and what production is told."""

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from config.anchors import AuditAnchors, read
from config.security.secrets import Secret
from config.security.types.records import Anchoring
from config.variables import Variables

NAMES = ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3")
GOOD = {"bucket": "bookentry-audit", "AWS_DEFAULT_REGION": "eu-central-1"}


def policy(bucket: str, **more: Any) -> Anchoring:
    return replace(settings.SECURITY.audit.anchoring, bucket=Secret("AUDIT_S3_BUCKET", bucket), **more)


def told(patch: pytest.MonkeyPatch, *, production: bool = True, **values: str) -> list[str]:
    """The variables that are refused."""
    said = GOOD | values
    for name in NAMES:
        patch.setenv(name, said.get(name, ""))
    env = Variables(production=production)
    read(env, policy(said["bucket"]), region="")
    return [problem.split()[0] for problem in env.problems]


class TestTheBucket:
    def test_is_taken_with_region_and_endpoint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert told(monkeypatch, AWS_ENDPOINT_URL_S3="https://s3.inside") == []
        found = read(Variables(), policy("bookentry-audit"), region="us-east-1")
        assert found == AuditAnchors("bookentry-audit", "eu-central-1", "https://s3.inside")

    def test_is_none_where_none_is_named_or_anchoring_is_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert told(monkeypatch, bucket="", AWS_DEFAULT_REGION="") == []
        assert read(Variables(), policy("bookentry-audit", enabled=False), region="").bucket == ""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("AUDIT_S3_BUCKET", "Not_A_Bucket"),
            ("AUDIT_S3_BUCKET", "s3://bookentry-audit"),
            ("AWS_DEFAULT_REGION", ""),
            ("AWS_ENDPOINT_URL_S3", "ftp://s3.inside"),
            ("AWS_ENDPOINT_URL_S3", "http://s3.inside"),
        ],
    )
    def test_that_cannot_be_meant_is_refused(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        assert told(monkeypatch, **{"bucket" if name == "AUDIT_S3_BUCKET" else name: value}) == [name]


class TestProduction:
    @pytest.mark.parametrize(
        ("bucket", "enabled", "warned"), [("bookentry-audit", True, False), ("", True, True), ("", False, False)]
    )
    def test_is_warned_unless_it_says_whether_it_anchors(self, bucket: str, enabled: bool, warned: bool) -> None:
        audit = replace(settings.SECURITY.audit, anchoring=policy(bucket, enabled=enabled))
        with override_settings(
            SECURITY=replace(settings.SECURITY, audit=audit), AUDIT_ANCHORS=AuditAnchors(bucket, "", "")
        ):
            found = [check.id for check in run_checks(tags=["audit"], include_deployment_checks=True)]
        assert found == (["audit.W001"] if warned else [])
