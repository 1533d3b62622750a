"""How officers look through the trail: its reports as a filter, and what an event changed as a table."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.models import AuditLog
from apps.audit.selectors.compliance_reports import Report, report_rows
from apps.core.officers import Column

Change = tuple[str, str, str]
ROW = '<tr><th class="pr-4 text-left">{}</th><td class="pr-4 break-all">{}</td><td class="break-all">{}</td></tr>'
HEAD = '<tr><th></th><th class="pr-4 text-left">before</th><th class="text-left">after</th></tr>'


class ReportFilter(admin.SimpleListFilter):
    """One of the compliance reports."""

    title, parameter_name = "report", "report"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(report.value, str(report.label)) for report in Report]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditLog]) -> QuerySet[AuditLog]:
        asked = next((report for report in Report if report == self.value()), None)
        return queryset & report_rows(asked) if asked else queryset


class Changes(Column):
    """What is different, name by name; a name that is not changed is told once."""

    def value(self, row: AuditLog) -> list[Change]:
        return changes(row.before, row.after)

    def shown(self, value: list[Change], row: AuditLog) -> str:
        if not value:
            return "nothing"
        lines = format_html_join("", ROW, value)
        return format_html('<table class="font-mono text-xs">{}{}</table>', SafeString(HEAD), lines)


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Change]:
    """(name, before, after) in the order of names; "=" stands after what stayed as it was."""
    old, new = before or {}, after or {}
    return [
        (name, _said(old, name), "=" if name in old and name in new and old[name] == new[name] else _said(new, name))
        for name in sorted({*old, *new})
    ]


def _said(held: dict[str, Any], name: str) -> str:
    if name not in held:
        return ""
    value = held[name]
    if value is None:
        return "null"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
