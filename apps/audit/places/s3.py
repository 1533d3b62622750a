"""S3 under object lock, in COMPLIANCE mode: what is put there nobody can change or delete, not even the account's root.

All calls raise PlaceError, and are made outside of a unit of work.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from apps.audit.errors import NothingThere, PlaceDisagrees, PlaceDown, PlaceError, PlaceRefused, Taken
from apps.core.providers import CircuitOpen
from apps.core.providers.aws import aws_client

COMPLIANCE = "COMPLIANCE"
UNREADABLE = (BotoCoreError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
BUSY = {"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "RequestTimeout", "RequestTimeTooSkewed"}
# Two puts of one name at once, or a change of the bucket under way: neither has happened.
CONFLICTS = {"ConditionalRequestConflict", "OperationAborted"}
ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"}
# What S3 keeps of a bucket without versions.
NO_VERSION = "null"
SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class Found:
    """One version that stands in the bucket. `is_marker`: it only says that the name was deleted."""

    key: str
    version: str
    is_marker: bool


class S3Place:
    """One bucket."""

    def __init__(self, http: httpx.Client, *, bucket: str, region: str, endpoint: str = "") -> None:
        self.bucket = bucket
        signs_content = {"payload_signing_enabled": True}
        checks = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        self._s3 = aws_client("s3", http, region=region, endpoint=endpoint, s3=signs_content, **checks)

    def place(self, key: str) -> str:
        """How an anchor names what is under `key`."""
        return f"{SCHEME}{self.bucket}/{key}"

    def put(self, key: str, content: bytes, until: datetime) -> str:
        """Put it there until then, where nothing of this name is; the version's id. Raises Taken."""
        try:
            answer = self._call(
                "put_object",
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=b64encode(hashlib.sha256(content).digest()).decode(),
                IfNoneMatch="*",
                ObjectLockMode=COMPLIANCE,
                ObjectLockRetainUntilDate=until,
            )
        except PlaceRefused as refusal:
            if refusal.reason == "InvalidRequest":
                raise PlaceRefused("no_object_lock") from None
            raise
        return _version(answer)

    def current(self, key: str) -> str:
        """The id of the version that stands under `key` now. Raises NothingThere."""
        return _version(self._call("head_object", Bucket=self.bucket, Key=key))

    def read(self, place: str, version: str) -> tuple[bytes, datetime]:
        """What this very version holds, and until when nobody can delete it.

        Raises NothingThere, PlaceDisagrees where it is another version, or somebody could.
        """
        bucket, key = _parts(place)
        answer = self._call("get_object", Bucket=bucket, Key=key, VersionId=version)
        with _readable():
            content: bytes = answer["Body"].read()
        if _version(answer) != version:
            raise PlaceDisagrees("another_version")
        mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
        if mode is None or not isinstance(until, datetime):
            raise PlaceDisagrees("retention_missing")
        if mode != COMPLIANCE:
            raise PlaceDisagrees("retention_mode")
        return content, until.astimezone(UTC)

    def versions(self, prefix: str, after: str = "") -> Iterator[Found]:
        """All versions whose names begin with `prefix` and come after `after`, by name, the newest of a name first."""
        marker = {"KeyMarker": after} if after else {}
        while True:
            answer = self._call("list_object_versions", Bucket=self.bucket, Prefix=prefix, **marker)
            with _readable():
                found = [Found(each["Key"], each["VersionId"], False) for each in answer.get("Versions", [])]
                found += [Found(each["Key"], each["VersionId"], True) for each in answer.get("DeleteMarkers", [])]
                more = bool(answer["IsTruncated"])
                if more:
                    marker = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
            yield from sorted(found, key=lambda each: each.key)
            if not more:
                return

    def _call(self, operation: str, **given: Any) -> Mapping[str, Any]:
        """The answer. No error carries what was sent or received, so none is chained."""
        try:
            answer: Mapping[str, Any] = getattr(self._s3, operation)(**given)
        except CircuitOpen:
            failure: PlaceError = PlaceDown("circuit_open")
        except httpx.TransportError as error:
            failure = PlaceDown(type(error).__name__)
        except ClientError as error:
            failure = _meaning(error)
        except (NoCredentialsError, PartialCredentialsError):
            failure = PlaceRefused("no_credentials")
        except UNREADABLE:
            failure = PlaceDisagrees("unreadable_answer")
        else:
            return answer
        raise failure


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UNREADABLE:
        raise PlaceDisagrees("unreadable_answer") from None


def _version(answer: Mapping[str, Any]) -> str:
    found = answer.get("VersionId")
    if not isinstance(found, str) or found in {"", NO_VERSION}:
        raise PlaceDisagrees("version_id_missing")
    return found


def _parts(place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix(SCHEME).partition("/")
    return bucket, key


def _meaning(error: ClientError) -> PlaceError:
    """What S3 said, in words of ours. An answer without a body has its status for a code."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status == 412 or code == "PreconditionFailed":
        return Taken("taken")
    if code in ABSENT:
        return NothingThere("gone")
    if code in BUSY | CONFLICTS or status == 429 or status >= 500:
        return PlaceDown(_named(code, status))
    return PlaceRefused(_named(code, status))


def _named(code: str, status: int) -> str:
    """The code, if it looks like one."""
    return code if code.isascii() and code.isalpha() and len(code) <= 64 else f"HTTP_{status}"
