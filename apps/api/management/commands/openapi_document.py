"""manage.py openapi_document"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.api.documentation import document


class Command(BaseCommand):
    """Writes docs/openapi.yaml, the API as clients were promised it; --check only says whether it still is that."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail where it is out of date")

    def handle(self, *, check: bool, **_: Any) -> None:
        made, path = document()["yaml"], settings.BASE_DIR / "docs" / "openapi.yaml"
        if not check:
            path.write_bytes(made)
        elif not path.exists() or path.read_bytes() != made:
            raise CommandError("docs/openapi.yaml is out of date: run manage.py openapi_document and read the diff")
