"""DOCUMENTS_LOCATION: a folder or a bucket, and nothing that could be either."""

from pathlib import Path

import pytest

from config.storages import documents_storage
from config.variables import Misconfigured, Variables

FOLDER = "django.core.files.storage.FileSystemStorage"
BUCKET = "storages.backends.s3.S3Storage"


def read(monkeypatch: pytest.MonkeyPatch, value: str, *, production: bool = True) -> dict[str, object]:
    monkeypatch.setenv("DOCUMENTS_LOCATION", value)
    variables = Variables(production=production)
    storage = documents_storage(variables, Path("/somewhere/.local/documents"))
    variables.refuse()
    return storage


class TestDocumentsLocation:
    def test_may_be_a_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        storage = read(monkeypatch, "/var/lib/bookentry/documents")
        assert storage["BACKEND"] == FOLDER
        assert storage["OPTIONS"]["location"] == "/var/lib/bookentry/documents"  # type: ignore[index]

    @pytest.mark.parametrize(
        ("given", "bucket", "prefix"),
        [
            ("s3://kept-here", "kept-here", ""),
            ("s3://kept-here/", "kept-here", ""),
            ("s3://kept-here/kyc", "kept-here", "kyc"),
            ("s3://kept-here/kyc/2026/", "kept-here", "kyc/2026"),
        ],
    )
    def test_may_be_a_bucket(self, monkeypatch: pytest.MonkeyPatch, given: str, bucket: str, prefix: str) -> None:
        storage = read(monkeypatch, given)
        assert storage["BACKEND"] == BUCKET
        assert storage["OPTIONS"]["bucket_name"] == bucket  # type: ignore[index]
        assert storage["OPTIONS"]["location"] == prefix  # type: ignore[index]

    @pytest.mark.parametrize(
        "odd", ["documents", "./documents", "s3://", "s3://UP/x", "http://kept/here", "s3://b/../x"]
    )
    def test_is_nothing_else(self, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
        with pytest.raises(Misconfigured, match="DOCUMENTS_LOCATION must be an absolute path"):
            read(monkeypatch, odd)

    def test_has_a_default_in_development_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert read(monkeypatch, "", production=False)["BACKEND"] == FOLDER
        with pytest.raises(Misconfigured, match="DOCUMENTS_LOCATION is not set"):
            read(monkeypatch, "")
