"""Bar charts of officers' pages, as unfold's chart component draws them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

# unfold's own colours: they follow its light and dark theme.
COLOURS = {
    "0 to 7 days": "var(--color-primary-300)",
    "8 to 30 days": "var(--color-primary-500)",
    "over 30 days": "var(--color-primary-800)",
    "CRITICAL": "#dc2626",
    "ERROR": "#f97316",
    "WARNING": "#facc15",
    "CLEAN": "#16a34a",
    "BREAKS": "#dc2626",
    "INCOMPLETE": "#f97316",
    "VOID": "#9ca3af",
}
OPTIONS = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "plugins": {"legend": {"position": "bottom", "align": "start", "labels": {"boxWidth": 12, "color": "#9ca3af"}}},
    "scales": {
        "x": {"stacked": True, "grid": {"display": False}, "ticks": {"color": "#9ca3af"}},
        "y": {"stacked": True, "beginAtZero": True, "grid": {}, "ticks": {"precision": 0, "color": "#9ca3af"}},
    },
}


def stacked(title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]], *, none: str) -> dict[str, Any]:
    """A chart as reconciliation/charts.html reads it; the numbers are said in words too, for who cannot see it."""
    drawn = {name: numbers for name, numbers in series.items() if any(numbers)}
    datasets = [
        {"label": name, "data": list(numbers), "backgroundColor": COLOURS[name], "maxBarThickness": 48}
        for name, numbers in drawn.items()
    ]
    return {
        "title": title,
        "data": json.dumps({"labels": list(labels), "datasets": datasets}),
        "options": json.dumps(OPTIONS),
        "total": sum(map(sum, drawn.values())),
        "said": ", ".join(f"{name}: {sum(numbers)}" for name, numbers in drawn.items()),
        "none": none,
    }
