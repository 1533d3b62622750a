"""manage.py error_codes"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.http.code_docs import errors_page


class Command(BaseCommand):
    """Writes docs/errors.md from the registry of error codes; --check only says whether it is as it should be."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is out of date")

    def handle(self, *, check: bool, **_: Any) -> None:
        page, path = errors_page(), settings.BASE_DIR / "docs" / "errors.md"
        if not check:
            path.write_text(page)
        elif not path.exists() or path.read_text() != page:
            raise CommandError("docs/errors.md is out of date: run manage.py error_codes")
