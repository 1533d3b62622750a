"""Anchoring in S3: put under object lock, read back by its version, and only then written down.

Killed between the two, the next run finds the object and takes it up, if it is ours: everything under the log's name
that is newer than the last anchor in our books is looked at before anything is added.
"""

import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from apps.audit.errors import LogDiffers, PlaceDisagrees, PlaceDown, PlaceError, PlaceRefused, Taken
from apps.audit.heads import Head, WrongSignature, read_line, verify_head
from apps.audit.models import AuditSigningKey
from apps.audit.places import choosing
from apps.audit.selectors.anchors import is_recorded, last_anchor, newest_head
from apps.audit.services.anchor_places import Unrecorded
from apps.audit.services.anchoring import due_head, record_anchor, require_same_log
from apps.audit.types import Anchor, AnchorKind, SignedHead
from apps.core.alerts import raise_alert, settle_alerts
from apps.core.db import in_unit_of_work, unit_of_work
from apps.core.types import Condition, Severity

if TYPE_CHECKING:
    from apps.audit.places.s3 import Found, S3Place

log = logging.getLogger(__name__)

SOURCE, FOREIGN = "audit.anchors.s3", "audit.anchors.foreign"
NEWEST, LAST = f"{SOURCE}:newest", f"{SOURCE}:last"


def anchor_in_s3(*, now: datetime, store: "S3Place | None" = None) -> None:
    """Keep the newest head in the bucket if it is due, and see that the last anchor still is there.

    What goes wrong is told by alerts, nothing is recorded then, and the log goes on. RuntimeError in a unit of work.
    """
    if in_unit_of_work():
        raise RuntimeError("S3 is never called in a unit of work")
    if store is None and not choosing.is_anchored():
        return
    found: dict[str, Condition] = {}
    try:
        head = due_head(AnchorKind.S3, every_seconds=settings.SECURITY.audit.anchoring.every_seconds, now=now)
        if head is None:
            return
        store = store or choosing.store()
        found |= _look_at_last(store)
        _take_up(store, head, now)
        _keep(store, head, now)
    except LogDiffers as error:
        found[NEWEST] = Condition(Severity.CRITICAL, f"Nothing is anchored, for {error}. See docs/audit-anchors.md.")
    except PlaceError as error:
        found[NEWEST] = _condition(error, "The newest head of the audit log is not anchored in S3")
    with unit_of_work():
        settle_alerts(source=SOURCE, conditions=found, now=now)


def require_kept(store: "S3Place", anchor: Anchor) -> bytes:
    """The bytes of an anchor by its version, if they are those that were recorded, and stay. Raises PlaceError."""
    content, until = store.read(anchor.place, anchor.reference)
    if hashlib.sha256(content).digest() != anchor.digest:
        raise PlaceDisagrees("other_bytes")
    if anchor.retained_until is not None and until < anchor.retained_until:
        raise PlaceDisagrees("retention_short")
    return content


def fetch_from_s3(anchor: Anchor) -> bytes:
    """An anchor's bytes, from the configured service. Raises PlaceError."""
    if not choosing.is_anchored():
        raise PlaceRefused("not_configured")
    return require_kept(choosing.store(), anchor)


def unrecorded_in_s3(store: "S3Place | None" = None) -> Iterator[Unrecorded]:
    """All that stands in the bucket under the log's name and our books do not know. Raises PlaceError."""
    if store is None and not choosing.is_anchored():
        return
    store, head = store or choosing.store(), newest_head()
    name = head.log if head else settings.AUDIT_LOG.origin
    for each in unrecorded(store, name, 0):
        try:
            _head, line, _until = read_unrecorded(store, name, each)
        except PlaceDisagrees as error:
            yield Unrecorded(store.place(each.key), b"", error)
        else:
            yield Unrecorded(store.place(each.key), line)


def folder(name: str) -> str:
    """What the names of a log's anchors begin with."""
    return f"{name}/heads/"


def key_of(name: str, size: int) -> str:
    """The name of a head's object: it sorts by size."""
    return f"{folder(name)}{size:020d}.json"


def unrecorded(store: "S3Place", name: str, after: int) -> "list[Found]":
    """What stands in the bucket under the log's name beyond a size, and our books do not know. Raises PlaceError."""
    begin = key_of(name, after) if after else ""
    found = store.versions(folder(name), begin)
    return [each for each in found if not is_recorded(place=store.place(each.key), reference=each.version)]


def read_unrecorded(store: "S3Place", name: str, found: "Found") -> tuple[Head, bytes, datetime]:
    """What somebody put there, if it is a head of this log under a key of ours, its bytes, and until when it is kept.

    Raises PlaceDisagrees for anything else, and PlaceDown.
    """
    if found.is_marker:
        raise PlaceDisagrees("deleted")
    line, until = store.read(store.place(found.key), found.version)
    try:
        head, key, signature = read_line(line)
        public = AuditSigningKey.objects.get(pk=key)
        verify_head(head, signature, bytes(public.public_key))
    except (ValueError, WrongSignature, AuditSigningKey.DoesNotExist):
        raise PlaceDisagrees("not_a_head") from None
    if head.log != name or found.key != key_of(name, head.size):
        raise PlaceDisagrees("not_a_head")
    if until < head.at + _lock_time():
        raise PlaceDisagrees("retention_short")
    return head, line, until


def _keep(store: "S3Place", head: SignedHead, now: datetime) -> None:
    last = last_anchor(AnchorKind.S3)
    if last is not None and last.size >= head.size:
        return  # taken up a moment ago
    key, differs = key_of(head.log, head.size), "other_bytes"
    # Whole seconds: S3 keeps no smaller ones.
    least = (now + _lock_time()).replace(microsecond=0) + timedelta(seconds=1)
    try:
        version = store.put(key, head.line, least)
    except Taken:
        # A run beside this one put it there since, or somebody did whom the listing does not show.
        version, least, differs = store.current(key), head.at + _lock_time(), "taken_by_other"
    place = store.place(key)
    content, until = store.read(place, version)
    if content != head.line:
        raise PlaceDisagrees(differs)
    if until < least:
        raise PlaceDisagrees("retention_short")
    _record(head.line, place, version, until, now)


def _take_up(store: "S3Place", newest: SignedHead, now: datetime) -> None:
    """Record what a former run put there and did not live to record; tell of what is not ours. Raises LogDiffers."""
    last = last_anchor(AnchorKind.S3)
    for each in unrecorded(store, newest.log, last.size if last else 0):
        try:
            head, line, until = read_unrecorded(store, newest.log, each)
        except PlaceDisagrees as error:
            _tell_foreign(each, error, now)
            continue
        require_same_log(head.size, head.root)
        _record(line, store.place(each.key), each.version, until, now)


def _record(line: bytes, place: str, version: str, until: datetime, now: datetime) -> None:
    with unit_of_work():
        record_anchor(kind=AnchorKind.S3, line=line, place=place, reference=version, retained_until=until, now=now)
    log.info("head anchored", extra={"place": place})


def _look_at_last(store: "S3Place") -> dict[str, Condition]:
    """What is wrong with the last anchor, if it is in this bucket. That S3 does not answer the next call will say."""
    last = last_anchor(AnchorKind.S3)
    if last is None or not last.place.startswith(store.place("")):
        return {}
    try:
        require_kept(store, last)
    except PlaceDisagrees as error:
        what = f"The anchor of {last.size} events in S3 is not as it was recorded"
        return {LAST: _condition(error, what)}
    except PlaceError:
        return {}
    return {}


def _tell_foreign(found: "Found", error: PlaceError, now: datetime) -> None:
    """Somebody else writes where the anchors are. It stays open until a person resolves it."""
    name = hashlib.sha256(f"{found.key} {found.version}".encode()).hexdigest()[:16]
    summary = f"Somebody else wrote among the audit log's anchors ({found.key[-40:]}): {error.words}."
    with unit_of_work():
        raise_alert(dedup_key=f"{FOREIGN}:{name}", severity=Severity.CRITICAL, summary=summary, now=now, source=FOREIGN)


def _condition(error: PlaceError, what: str) -> Condition:
    severity = Severity.ERROR
    if isinstance(error, PlaceDisagrees):
        severity = Severity.CRITICAL
    elif isinstance(error, PlaceDown):
        severity = Severity.WARNING
    return Condition(severity, f"{what}: {error.words}. It is tried again every minute.")


def _lock_time() -> timedelta:
    return timedelta(days=settings.SECURITY.audit.anchoring.object_lock_days)
