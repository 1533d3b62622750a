"""Verifying one event right now: from its text to the signature of the newest head."""

from dataclasses import dataclass, field

from django.db.models import TextChoices

from apps.audit import tree
from apps.audit.models import AuditHead, AuditLeaf, AuditLog
from apps.audit.selectors.recomputing import is_expired, is_signed
from apps.audit.selectors.tree import StoredNodes, last_head
from apps.core.db import fetch_one
from apps.core.errors import NotFound

TEXT = "SELECT hash, body FROM audit_text WHERE index = %s"


class EntryOutcome(TextChoices):
    """What came of it."""

    VERIFIED = "VERIFIED", "This entry is what was signed."
    WAITING = "WAITING", "This entry is written, and not under a signed head yet: try again in a second."
    EXPIRED = "EXPIRED", "This entry's text was removed after its time; its place in the signed log holds."
    FAILED = "FAILED", "This entry is not what was signed."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at, whether it holds, and what was seen."""

    name: str
    holds: bool
    seen: str


@dataclass(slots=True)
class EntryCheck:
    """What came of verifying an event; `text` is None where it has gone, `index` and `head` before they are."""

    event: int
    outcome: EntryOutcome = EntryOutcome.WAITING
    text: str | None = None
    index: int | None = None
    head: AuditHead | None = None
    path: list[bytes] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def step(self, name: str, seen: str, *, holds: bool = True) -> None:
        """Note one thing that was looked at."""
        self.steps.append(Step(name, holds, seen))


def check_entry(event: int) -> EntryCheck:
    """Verify one event against what is stored now. Raises NotFound where there never was one."""
    found = EntryCheck(event)
    leaf = AuditLeaf.objects.filter(event=event).first()
    if leaf is None:
        if not AuditLog.objects.filter(pk=event).exists():
            raise NotFound
        found.step("Place", "It has no number in the log yet: that is given within a second or so of its commit.")
        return found
    found.index, found.head = leaf.index, last_head()
    row = fetch_one(TEXT, [leaf.index])
    if row is None:
        return _without_hash(found)
    kept, found.text = bytes(row[0]), row[1]
    expired = _check_text(found, kept)
    if found.head is None or leaf.index >= found.head.size:
        found.step("Head", f"It is leaf {leaf.index}, which the next head will sign.")
        found.outcome = EntryOutcome.WAITING if _holds(found) else EntryOutcome.FAILED
        return found
    _check_path(found, kept, found.head)
    signed = is_signed(found.head)
    seen = f"Ed25519 by key {found.head.key_id} over log, size, root and time"
    found.step("Signature", seen if signed else f"{seen}: it does not hold", holds=signed)
    found.outcome = EntryOutcome.FAILED
    if _holds(found):
        found.outcome = EntryOutcome.EXPIRED if expired else EntryOutcome.VERIFIED
    return found


def _without_hash(found: EntryCheck) -> EntryCheck:
    """Of an event that has its number: its hash follows, unless a head covers it already."""
    signed = found.head is not None and (found.index or 0) < found.head.size
    seen = f"leaf {found.index} has lost its hash" if signed else f"It is leaf {found.index}, which is hashed next."
    found.step("Leaf", seen, holds=not signed)
    found.outcome = EntryOutcome.FAILED if signed else EntryOutcome.WAITING
    return found


def _holds(found: EntryCheck) -> bool:
    return all(step.holds for step in found.steps)


def _check_text(found: EntryCheck, kept: bytes) -> bool:
    """Whether the event has expired."""
    if found.text is None:
        expired = is_expired(found.index or 0)
        seen = "removed after its time, as an event audit.expired says" if expired else "gone, and it did not expire"
        found.step("Text", seen, holds=expired)
        found.step("Leaf", f"leaf {found.index} keeps its hash {kept.hex()}")
        return expired
    made = tree.leaf_hash(found.text.encode())
    found.step("Text", f"{len(found.text.encode()):,} bytes of canonical JSON, written anew from the stored row")
    seen = f"SHA-256 {made.hex()} is that of leaf {found.index}"
    if made != kept:
        seen = f"its SHA-256 is {made.hex()}; when leaf {found.index} was numbered it was {kept.hex()}"
    found.step("Leaf", seen, holds=made == kept)
    return False


def _check_path(found: EntryCheck, kept: bytes, head: AuditHead) -> None:
    try:
        found.path = tree.inclusion_proof(StoredNodes(), found.index or 0, head.size)
        tree.verify_inclusion(kept, found.index or 0, head.size, found.path, bytes(head.root))
    except LookupError:
        found.step("Path", "leaves beside it are missing", holds=False)
    except tree.WrongProof:
        found.step("Path", f"{len(found.path)} hashes lead to another root than the signed one", holds=False)
    else:
        seen = f"{len(found.path)} hashes lead to the root {bytes(head.root).hex()} of {head.size:,} leaves"
        found.step("Path", seen)
