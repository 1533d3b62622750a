"""The form that officers narrow the trail with: exact values, which the log's indexes answer."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.audit.models import AuditLog
from apps.audit.selectors.compliance_reports import Report, report_rows
from apps.audit.types import RecordClass, Source

ANY = [("", "any")]


class Moment(UnfoldAdminTextInputWidget):
    """The browser's own field for a day and a time; what it shows is UTC."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> Any:
        """As the browser wants it: without a zone."""
        return str(value).replace(" ", "T")[:16] if value else value


def _text(label: str, length: int) -> forms.CharField:
    return forms.CharField(label=label, max_length=length, required=False, widget=UnfoldAdminTextInputWidget)


def _id(label: str) -> forms.UUIDField:
    return forms.UUIDField(label=label, required=False, widget=UnfoldAdminTextInputWidget)


def _choice(label: str, choices: list[tuple[str, str]]) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=ANY + choices, required=False, widget=UnfoldAdminSelectWidget)


def _moment(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(label=label, required=False, widget=Moment)


class NarrowForm(forms.Form):
    """What an officer looks for. Each field is the lookup of its name, but the report."""

    created_at__gte = _moment("From (UTC)")
    created_at__lt = _moment("Until before (UTC)")
    user_id = _id("User")
    party_id = _id("Party")
    action = _text("Action", 64)
    resource_type = _text("Resource type", 64)
    resource_id = _text("Resource id", 128)
    request_id = _text("Request id", 64)
    report = _choice("Report", [(report.value, str(report.label)) for report in Report])
    record_class = _choice("Record class", [(value, value.replace("_", " ")) for value in RecordClass.values])
    source = _choice("Source", [(value, value) for value in Source.values])

    def clean(self) -> dict[str, Any]:
        """A period begins before it ends."""
        cleaned: dict[str, Any] = super().clean() or {}
        first, end = cleaned.get("created_at__gte"), cleaned.get("created_at__lt")
        if first and end and first >= end:
            self.add_error("created_at__lt", "The period ends before it begins.")
        return cleaned


class Narrowed(admin.ListFilter):
    """The form beside the list. What it cannot read it says, and the list is empty."""

    title = "event"
    template = "audit/narrowing.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in NarrowForm.base_fields:
            if name in params:
                value = params.pop(name)
                self.used_parameters[name] = value[-1] if isinstance(value, list) else value
        self.form = NarrowForm(self.used_parameters)
        self.is_good = self.form.is_valid()
        for name, wrong in self.form.errors.items():
            messages.error(request, f"{NarrowForm.base_fields[name].label}: {' '.join(map(str, wrong))}")

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [*NarrowForm.base_fields]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"form": self.form, "selected": any(self.used_parameters.values())}

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditLog]) -> QuerySet[AuditLog]:
        if not self.is_good:
            return queryset.none()
        asked = {name: value for name, value in self.form.cleaned_data.items() if value not in {None, ""}}
        report = asked.pop("report", None)
        try:
            narrowed = queryset.filter(**asked)
        except (ValueError, ValidationError):
            return queryset.none()
        return narrowed & report_rows(Report(report)) if report else narrowed
