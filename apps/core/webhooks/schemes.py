"""How providers sign what they send, as data."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.core.webhooks.errors import BadSignature, StaleWebhook, WebhookWithoutId

SECRET_PREFIX = "whsec_"  # noqa: S105 (how such secrets begin)
# Without a dot, so that "id.timestamp.body" has one meaning.
EVENT_ID = re.compile(r"[!-\-/-~]{1,200}", re.ASCII)
SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
MAX_SIGNATURES = 16
# What the standard asks of a secret: fewer can be guessed, more are no stronger.
SHORTEST_KEY, LONGEST_KEY = 24, 64


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _standard_key(secret: str) -> bytes:
    key = _base64(secret.removeprefix(SECRET_PREFIX))
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError("a key of another length")
    return key


@dataclass(frozen=True, slots=True)
class Scheme:
    """A provider's way of signing with HMAC-SHA256.

    With `id_header` and `timestamp_header` the signature is of "id.timestamp.body", else of the body alone: then the
    event's id is made of `id_fields` (dotted, all required) and `version_field`, or a digest of the body where that is
    missing, and it is the id, taken once for ever, that no replay passes.
    """

    signature_header: str
    decode: Callable[[str], bytes]
    # From a secret as its variable holds it; ValueError for what is none of this scheme's, told in `key_form`.
    key: Callable[[str], bytes] = str.encode
    key_form: str = "a word"
    # What each signature begins with; others in the same header are of another version.
    version: str = ""
    id_header: str = ""
    timestamp_header: str = ""
    id_fields: tuple[str, ...] = ()
    version_field: str = ""


# https://www.standardwebhooks.com
STANDARD_WEBHOOKS = Scheme(
    signature_header="webhook-signature",
    decode=_base64,
    key=_standard_key,
    key_form=f"{SECRET_PREFIX} and the base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes",
    version="v1,",
    id_header="webhook-id",
    timestamp_header="webhook-timestamp",
)
ONFIDO = Scheme(
    signature_header="X-SHA2-Signature",
    decode=binascii.unhexlify,
    id_fields=("payload.resource_type", "payload.action", "payload.object.id"),
    version_field="payload.object.completed_at_iso8601",
)


@dataclass(frozen=True, slots=True)
class Signed:
    """What a genuine call says about itself outside its body; empty where its scheme has no headers for it."""

    event_id: str
    signed_at: datetime | None


def prove(
    scheme: Scheme,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str],
    tolerance: timedelta,
    now: datetime,
) -> Signed:
    """Who signed it is one of those who know a secret, and just now. Raises BadSignature and StaleWebhook."""
    signed, message = _message(scheme, headers, body)
    offered = _signatures(scheme, headers.get(scheme.signature_header, ""))
    genuine = False
    for secret in secrets:
        expected = hmac.digest(scheme.key(secret), message, hashlib.sha256)
        for signature in offered:
            # All are compared, each in constant time: how long it takes tells nothing.
            genuine |= hmac.compare_digest(signature, expected)
    if not genuine:
        raise BadSignature
    if signed.signed_at and abs(signed.signed_at - now) > tolerance:
        raise StaleWebhook
    return signed


def event_id_of(scheme: Scheme, signed: Signed, payload: Mapping[str, Any], body: bytes) -> str:
    """What tells this event from every other of its provider. Raises WebhookWithoutId."""
    if signed.event_id:
        return signed.event_id
    version = _field(payload, scheme.version_field) or hashlib.sha256(body).hexdigest()
    found = ":".join([*(_field(payload, path) for path in scheme.id_fields), version])
    if not EVENT_ID.fullmatch(found.replace(".", "-")) or not all(_field(payload, path) for path in scheme.id_fields):
        raise WebhookWithoutId
    return found


def _message(scheme: Scheme, headers: Mapping[str, str], body: bytes) -> tuple[Signed, bytes]:
    if not scheme.id_header:
        return Signed("", None), body
    event_id, seconds = headers.get(scheme.id_header, ""), headers.get(scheme.timestamp_header, "")
    if not EVENT_ID.fullmatch(event_id) or not SECONDS.fullmatch(seconds):
        raise BadSignature
    signed_at = datetime.fromtimestamp(int(seconds), UTC)
    return Signed(event_id, signed_at), f"{event_id}.{seconds}.".encode() + body


def _signatures(scheme: Scheme, header: str) -> list[bytes]:
    found = []
    for text in header.split(" ")[:MAX_SIGNATURES]:
        if text.startswith(scheme.version):
            try:
                found.append(scheme.decode(text.removeprefix(scheme.version)))
            except ValueError:  # not of this encoding, so no signature of ours
                continue
    return found


def _field(payload: Any, path: str) -> str:
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload if isinstance(payload, str) else ""
