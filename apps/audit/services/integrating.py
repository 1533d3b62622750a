"""Numbered events are hashed into the tree, in one commit a batch; and the tree, now and then, gets a signed head."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from apps.audit.errors import TreeDiffers
from apps.audit.heads import Head, SignsHeads, WrongSignature, verify_head
from apps.audit.models import AuditHead, AuditSigningKey, AuditTile
from apps.audit.selectors.tree import StoredNodes, last_head, leaf_count
from apps.audit.tree import Growth, Tile, split_hashes
from apps.core.db import copy_rows, fetch_one, unit_of_work, within_unit_of_work

# Leaves read at once while the tree is loaded.
LOADED = 50_000


@dataclass(slots=True)
class Grown:
    """How far the tree has grown, and its last head. Of one leader, who forgets it when anything fails."""

    tree: Growth
    log: str
    head_size: int = 0
    head_at: datetime | None = None
    # When this leader last signed, by its own clock, which may have been set back since.
    signed_at: datetime | None = None

    def is_head_due(self, now: datetime) -> bool:
        """Whether leaves wait for a head, and the pause after the last one is over."""
        if self.tree.size == self.head_size:
            return False
        pause = timedelta(seconds=settings.SECURITY.audit.signing.head_seconds)
        return self.signed_at is None or not self.signed_at <= now < self.signed_at + pause

    def copy(self) -> "Grown":
        """One that grows for itself."""
        return replace(self, tree=self.tree.copy())


def load_tree() -> Grown:
    """The tree as it is stored. Raises TreeDiffers if it is not what was signed: nobody shall sign a second past."""
    size, head = leaf_count(), last_head()
    try:
        tree = Growth.load(StoredNodes(), head.size if head else 0)
    except LookupError:
        raise TreeDiffers("leaves under the last signed head are missing") from None
    found = Grown(tree, settings.AUDIT_LOG.origin)
    if head is not None:
        _require_signed(head, tree)
        found.log, found.head_size, found.head_at = head.log, head.size, head.at
    while tree.size < size:
        tree.append(StoredNodes().leaves(tree.size, min(LOADED, size - tree.size)))
    return found


def hash_leaves(grown: Grown, *, limit: int, fence: Callable[[], None]) -> tuple[Grown, int]:
    """Hash the next numbered events into the tree, `limit` at most: the tree then, and how many.

    `fence` is called first within the commit, and raises if somebody else leads. Raises TreeDiffers if there are
    hashes that `grown` does not know, or one of the events has gone.
    """
    made = grown.copy()
    with unit_of_work():
        fence()
        hashes = _hash(limit, made.tree.size)
        _store_tiles(made.tree.append(hashes))
    return made, len(hashes)


def sign_head(grown: Grown, *, now: datetime, signer: SignsHeads, fence: Callable[[], None]) -> Grown:
    """Sign the tree as it has grown. The key may be far away: no transaction waits for it.

    Time does not go back from head to head, whatever the clock does. Raises SigningKeyUnavailable, and as `fence` does.
    """
    at = max(now, grown.head_at or now)
    head = Head(grown.log, grown.tree.size, grown.tree.root(), at)
    signature = signer.sign(head)
    with unit_of_work():
        fence()
        AuditHead.objects.create(
            size=head.size, log=head.log, root=head.root, at=at, key_id=signer.key_id, signature=signature
        )
    return replace(grown, head_size=head.size, head_at=at, signed_at=now)


def keep_key(signer: SignsHeads, now: datetime) -> None:
    """Keep the public half of the key that signs, so that its heads can be verified when another has followed."""
    AuditSigningKey.objects.get_or_create(
        key_id=signer.key_id, defaults={"public_key": signer.public_key, "created_at": now}
    )


@within_unit_of_work
def _hash(limit: int, size: int) -> list[bytes]:
    """The hashes that were made; of which text, the database alone decides."""
    statement = "SELECT numbered, first, stop, hashes FROM audit_hash_leaves(%s)"
    numbered, first, stop, joined = fetch_one(statement, [limit]) or (0, None, None, None)
    if numbered < size:
        raise TreeDiffers("leaves that were hashed have gone")
    hashes = split_hashes(bytes(joined or b""))
    whole = min(limit, numbered - size)
    if len(hashes) != whole or (hashes and (first, stop) != (size, size + whole)):
        raise TreeDiffers("an event has gone before it was hashed, or somebody else hashed")
    return hashes


def _store_tiles(tiles: Sequence[Tile]) -> None:
    if tiles:
        copy_rows(AuditTile, ("level", "number", "data"), [(tile.level, tile.number, tile.data) for tile in tiles])


def _require_signed(stored: AuditHead, tree: Growth) -> None:
    """The last head is of this tree, and signed by the key it names."""
    head = Head(stored.log, tree.size, tree.root(), stored.at)
    try:
        verify_head(head, bytes(stored.signature), bytes(stored.key.public_key))
    except WrongSignature:
        raise TreeDiffers("the stored leaves are not those of the last signed head") from None
