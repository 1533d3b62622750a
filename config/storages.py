"""Where encrypted documents lie: a folder, or a bucket of S3."""

import re
from pathlib import Path
from typing import Any

from config.variables import Variables

S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9][A-Za-z0-9/_.=-]*?))?/?")
EXPECTED = "an absolute path of a folder, or s3://<bucket>/<prefix>"
CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 15, 3


def documents_storage(variables: Variables, development: Path) -> dict[str, Any]:
    """The storage of DOCUMENTS_LOCATION, for Django's STORAGES."""
    location = variables.required("DOCUMENTS_LOCATION", str(development))
    if found := S3.fullmatch(location):
        return bucket(found["bucket"], found["prefix"] or "")
    if not location.startswith("/"):
        variables.wrong("DOCUMENTS_LOCATION", EXPECTED)
    return folder(location)


def folder(path: str) -> dict[str, Any]:
    """A folder that only this process's user reads."""
    options = {"location": path, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}


def bucket(name: str, prefix: str) -> dict[str, Any]:
    """A bucket, whose credentials and region are found as any AWS client finds them."""
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 (only who keeps documents in S3 waits for it)
    from botocore.config import Config  # noqa: PLC0415

    retries = {"mode": "standard", "total_max_attempts": TRIES}
    options = {
        "bucket_name": name,
        "location": prefix,
        "default_acl": None,
        "file_overwrite": False,
        "client_config": Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries=retries),
        # One part at a time in memory.
        "transfer_config": TransferConfig(use_threads=False),
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
