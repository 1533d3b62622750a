"""Where heads are anchored: S3 here, other kinds by the rooms above that know them."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from apps.audit.errors import PlaceError, PlaceRefused
from apps.audit.places import choosing
from apps.audit.selectors.anchors import waiting_since
from apps.audit.types import Anchor, AnchorKind
from apps.core.alerts import settle_alerts
from apps.core.db import unit_of_work
from apps.core.types import Condition, Severity

log = logging.getLogger(__name__)

SOURCE = "audit.anchors"


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """What stands where anchors are, and our books do not know: the line of a head of ours, or why it is none."""

    place: str
    line: bytes
    error: PlaceError | None = None


@dataclass(frozen=True, slots=True)
class AnchorPlace:
    """How heads are anchored in places of one kind.

    `anchor(now=)` anchors the newest head if it is due, and records it once it is sure; it tells failures by alerts.
    `fetch(anchor)` gives the bytes as they are there, having seen that they stay; raises PlaceError.
    `unrecorded()` gives what stands there besides; raises PlaceError.
    """

    anchor: Callable[..., object]
    fetch: Callable[[Anchor], bytes]
    unrecorded: Callable[[], Iterable[Unrecorded]] = tuple


_places: dict[AnchorKind, AnchorPlace] = {}


def anchor_place(kind: AnchorKind, place: AnchorPlace) -> None:
    """Have heads anchored in places of this kind, too."""
    _places[kind] = place


def anchor_places() -> Mapping[AnchorKind, AnchorPlace]:
    """All of them."""
    return _places


def fetch_anchor(anchor: Anchor, places: Mapping[AnchorKind, AnchorPlace] = _places) -> bytes:
    """The bytes as they are in the anchor's place, by its very version. Raises PlaceError."""
    if anchor.kind not in places:
        raise PlaceRefused("not_configured")
    return places[anchor.kind].fetch(anchor)


def anchor_heads(*, now: datetime) -> None:
    """Anchor the newest head wherever it is due. One place that fails does not keep the others from theirs."""
    for kind, place in _places.items():
        try:
            place.anchor(now=now)
        except Exception:
            log.exception("anchoring failed", extra={"kind": kind.value})
    watch_anchors(now=now)


def watch_anchors(*, now: datetime) -> None:
    """Have an alert open for each kind of place that a head has waited for too long, and for no other."""
    found = {}
    for kind, limit in limits().items():
        since = waiting_since(kind)
        if since is not None and now - since > limit:
            hours = int((now - since).total_seconds() // 3600)
            summary = f"A head of the audit log has waited {hours} hours for its anchor ({kind.label})."
            found[f"{SOURCE}:{kind.value.lower()}"] = Condition(Severity.ERROR, summary)
    with unit_of_work():
        settle_alerts(source=SOURCE, conditions=found, now=now)


def limits() -> dict[AnchorKind, timedelta]:
    """The kinds of places this installation anchors in, and how long a head may wait for each."""
    policy, found = settings.SECURITY.audit.anchoring, {}
    if choosing.is_anchored():
        found[AnchorKind.S3] = timedelta(seconds=policy.alert_seconds)
    if policy.chain.enabled:
        found[AnchorKind.EVM] = timedelta(seconds=policy.chain.alert_seconds)
    return found
