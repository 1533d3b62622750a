"""How officers look through the trail: what an event changed as a table, one event verified, the state of the log."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from apps.audit.models import AuditLog
from apps.audit.selectors.entries import EntryOutcome, check_entry
from apps.audit.selectors.verification import LogState, log_state
from apps.core.errors import NotFound
from apps.core.officers import Column, ReadOnlyAdmin, act

Change = tuple[str, str, str]
ROW = (
    '<tr class="{}"><th class="align-top font-semibold pr-4 py-1 text-left">{}</th>'
    '<td class="align-top break-all pr-4 py-1">{}</td><td class="align-top break-all py-1">{}</td></tr>'
)
HEAD = '<tr class="text-left text-subtle"><th></th><th class="pr-4">before</th><th>after</th></tr>'
SAME = "="
TONES = {EntryOutcome.VERIFIED: "success", EntryOutcome.WAITING: "info", EntryOutcome.FAILED: "danger"}


class Changes(Column):
    """What is different, name by name; a name that is not changed is told once."""

    def value(self, row: AuditLog) -> list[Change]:
        return changes(row.before, row.after)

    def shown(self, value: list[Change], row: AuditLog) -> str:
        if not value:
            return "nothing"
        return format_html(
            '<table class="font-mono text-xs">{}{}</table>',
            SafeString(HEAD),
            format_html_join("", ROW, (_cells(change) for change in value)),
        )


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Change]:
    """(name, before, after) in the order of names; "=" stands after what stayed as it was."""
    old, new = before or {}, after or {}
    return [
        (name, _said(old, name), SAME if name in old and name in new and old[name] == new[name] else _said(new, name))
        for name in sorted({*old, *new})
    ]


def _cells(change: Change) -> tuple[str, str, str, str]:
    name, before, after = change
    if after == SAME:
        return "text-subtle", name, before, "unchanged"
    struck = format_html('<span class="line-through text-red-600 dark:text-red-400">{}</span>', before)
    added = format_html('<span class="text-green-700 dark:text-green-400">{}</span>', after)
    return "text-important", name, struck if before else "", added if after else ""


def _said(held: dict[str, Any], name: str) -> str:
    if name not in held:
        return ""
    value = held[name]
    if value is None:
        return "null"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


class ShowsState(ReadOnlyAdmin):
    """A list below the state of the log."""

    list_before_template = "audit/state.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "state": state_shown(log_state())})


class VerifiesEntry(ReadOnlyAdmin):
    """A page of one event, which can be verified there and then."""

    actions_detail: ClassVar[tuple[str, ...]] = ("verify_entry",)

    def event_of(self, object_id: str) -> int:
        """The event that the page's row is, or stands for. Raises NotFound."""
        if not (object_id.isascii() and object_id.isdigit() and len(object_id) < 19):
            raise NotFound
        return int(object_id)

    @act(
        title="Verify this entry",
        path="verify-entry",
        permission="view",
        icon="verified",
        variant=ActionVariant.PRIMARY,
    )
    def verify_entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Text, leaf, path, head and signature, as they are at this moment."""
        check = check_entry(self.event_of(object_id))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Event {check.event}: {check.outcome.label}",
            "check": check,
            "tone": TONES.get(check.outcome),
            "again": request.path,
            "back": reverse(f"admin:audit_{self.model._meta.model_name}_change", args=[object_id]),
        }
        return TemplateResponse(request, "audit/entry.html", context)


def state_shown(state: LogState) -> dict[str, Any]:
    """As audit/state.html reads it."""
    runs = {run.pk: run for run in (state.last, state.last_full) if run is not None}
    for run in runs.values():
        vars(run)["url"] = reverse("admin:audit_auditverification_change", args=[run.pk])
    return {
        "head": state.head,
        "head_size": f"{state.head.size:,}" if state.head else "",
        "root": bytes(state.head.root).hex() if state.head else "",
        "waiting": state.waiting,
        "waiting_shown": state.waiting_shown,
        "unsigned": f"{state.unsigned:,}",
        "lag": state.lag,
        "is_late": state.is_late,
        "is_held": state.is_held and state.waiting > 0,
        "is_in_order": state.is_in_order,
        "runs": runs.values(),
        "failure": state.failure,
        "anchor": state.anchor,
        "anchored_size": f"{state.anchor.size:,}" if state.anchor else "",
    }
