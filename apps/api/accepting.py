"""Which form of an answer `Accept` prefers (RFC 9110, 12.5.1): the most specific range that fits a form decides."""

from collections.abc import Sequence

from django.http.request import MediaType


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The offered form of the best quality, the first of several as good; None if none is accepted."""
    asked = [MediaType(entry) for entry in accept.split(",") if entry.strip()] or [MediaType("*/*")]
    best = max(offered, key=lambda form: _quality(form, asked))
    return best if _quality(best, asked) else None


def entries_for(accept: str, form: str) -> str:
    """The entries that name just this form, with their parameters."""
    return ",".join(entry for entry in accept.split(",") if entry.split(";")[0].strip().lower() == form)


def _quality(form: str, asked: Sequence[MediaType]) -> float:
    main, _, sub = form.partition("/")
    fitting = [
        (entry.main_type != "*", entry.sub_type != "*", entry.quality)
        for entry in asked
        if entry.main_type in {main, "*"} and entry.sub_type in {sub, "*"}
    ]
    return max(fitting)[2] if fitting else 0.0
