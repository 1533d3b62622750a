"""Write the list of metrics into docs/metrics.md."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.api.metrics import declared

BEGIN = "<!-- written by manage.py metrics_doc -->\n"


def page(text: str) -> str:
    """The page with its list as it is declared now: whatever follows the mark is replaced."""
    head, _, _ = text.partition(BEGIN)
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for _, metric in sorted(declared().items())
    ]
    return f"{head}{BEGIN}\n| Name | Type | Labels | What it says |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


class Command(BaseCommand):
    help = "Write the list of metrics into docs/metrics.md."

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(settings.BASE_DIR) / "docs" / "metrics.md"
        file.write_text(page(file.read_text()))
        self.stdout.write(f"{file}: {len(declared())} metrics")
