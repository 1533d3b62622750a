"""The first page: what waits, who lives, what happened last."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from apps.accounts.selectors.members import usernames
from apps.accounts.selectors.parties import party_names
from apps.audit.selectors.trail import audit_logs
from apps.backoffice.selectors.figures import EngineLine, Figure, engines, figures
from apps.core import clock
from config.environment import is_development, profile

LATEST = 10


def environment(_request: HttpRequest) -> list[str]:
    """The badge at the top: which installation this is."""
    return [f"Development · {profile()}", "info"] if is_development() else ["Production", "danger"]


def dashboard(_request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows, added to its context."""
    return {
        **context,
        "figures": [_figure(figure) for figure in figures()],
        "engines": {
            "headers": ["Engine", "State", "Last heartbeat", "Epoch", "Where", "Last error"],
            "rows": [_engine(line) for line in engines(clock.now())],
        },
        "trail": {"headers": ["When (UTC)", "Who", "What", "Resource"], "rows": _trail()},
    }


def _figure(figure: Figure) -> dict[str, Any]:
    of = figure.of
    return {
        "title": of.title,
        "shown": figure.shown,
        "note": of.note,
        "alarming": figure.alarming,
        "url": reverse(of.page) + (f"?{of.query}" if of.query else ""),
    }


def _engine(line: EngineLine) -> list[Any]:
    text, tone = ("leads", "success") if line.alive else ("silent", "danger")
    badge = render_to_string("unfold/helpers/label.html", {"text": text, "type": tone})
    return [line.name, badge, _ago(line.age), line.epoch or "-", line.place or "-", line.last_error or "-"]


def _ago(age: timedelta | None) -> str:
    if age is None:
        return "never"
    seconds = max(0, int(age.total_seconds()))
    return f"{seconds} s ago" if seconds < 120 else f"{timedelta(seconds=seconds)} ago"


def _trail() -> list[list[Any]]:
    rows = list(audit_logs()[:LATEST])
    names = usernames({row.user_id for row in rows if row.user_id})
    subjects = party_names({key for row in rows if (key := row.party_id)})
    return [
        [
            f"{row.created_at:%Y-%m-%d %H:%M:%S}",
            _who(names.get(row.user_id) if row.user_id else None, subjects.get(row.party_id) if row.party_id else None),
            row.action,
            f"{row.resource_type} {row.resource_id}",
        ]
        for row in rows
    ]


def _who(user: str | None, party: str | None) -> str:
    if user is None:
        return "system"
    return f"{user} ({party})" if party else user
