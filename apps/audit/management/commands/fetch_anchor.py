"""Fetch an anchor for an auditor: the bytes as they stand in its place."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.errors import PlaceError
from apps.audit.models import AuditAnchor
from apps.audit.selectors.anchors import view
from apps.audit.services.anchor_places import fetch_anchor
from apps.audit.types import Anchor, AnchorKind


class Command(BaseCommand):
    help = (
        "Fetch an anchor from its place by its version or transaction, and write its bytes, which verifier.py takes "
        "with --anchor. Exit status: 0 written, 1 not written: there is none, or it is not what was anchored."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--size", type=int, help="of the head of so many events")
        which.add_argument("--latest", action="store_true", help="of the newest head that is anchored")
        parser.add_argument("--kind", choices=[kind.value.lower() for kind in AnchorKind], help="any if left out")
        parser.add_argument("--out", type=Path, required=True, help="a file that does not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        anchor = self._anchor(options)
        try:
            line = fetch_anchor(anchor)
            with options["out"].open("xb") as file:
                file.write(line)
        except PlaceError as error:
            raise CommandError(f"{anchor.place} ({anchor.reference}): {error.words}") from None
        except OSError as error:
            raise CommandError(f"{options['out']}: {error.strerror}") from None
        self.stdout.write(
            f"{anchor.size} events, {anchor.place} ({anchor.reference}), {anchor.anchored_at:%Y-%m-%dT%H:%M:%SZ}"
        )

    def _anchor(self, options: dict[str, Any]) -> Anchor:
        rows = AuditAnchor.objects.order_by("-size", "-id")
        if options["kind"]:
            rows = rows.filter(kind=options["kind"].upper())
        if options["size"] is not None:
            rows = rows.filter(size=options["size"])
        row = rows.first()
        if row is None:
            raise CommandError("no such head is anchored: see Audit anchors on the admin site for those that are")
        return view(row)
