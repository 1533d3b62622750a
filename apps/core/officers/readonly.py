"""The base of every page of the admin site: officers read; writes are action views that call one service."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import NotRelationField, get_fields_from_path
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from apps.core.officers.columns import Column, Reference, column_of, ends_of

OFFICERS = frozenset({"COMPLIANCE", "OPS"})
ISIN_LENGTH = 12


class PreparedChangeList(ChangeList):
    """A list whose columns read what they need once a page, not once a row."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        for column in self.list_display:
            if isinstance(column, Column):
                column.prepare(self.result_list, self.model_admin.admin_site)


class Titled:
    """A row under the name officers know it by: models print ids alone, so that names stay out of logs."""

    def __init__(self, row: models.Model, title: str) -> None:
        self._row, self._title = row, title

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)

    def __str__(self) -> str:
        return self._title


class Viewer:
    """Permissions of what can be seen by officers and changed by nobody, whatever Django's own flags say."""

    roles: ClassVar[frozenset[str]] = OFFICERS
    admin_site: Any

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Officers in one of `roles`. A superuser without a role sees nothing."""
        actor = self.admin_site.actor(request)
        return actor is not None and bool(actor.roles & self.roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(Viewer, ModelAdmin):
    """A list and a detail page of a model.

    `table` names the list's columns; the detail page shows every field but those in `hidden`. `columns` says
    how a name reads where its type does not say it, and adds what is no field. `search_fields` match exactly,
    unless they name a lookup.
    """

    table: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[Mapping[str, Column]] = {}
    actions = None
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_fullwidth = True
    ordering = ("-pk",)
    # Newest first is the one order every table has an index for.
    sortable_by = ()
    search_help_text = "Exact: an id, ISIN, address or hash."

    def column(self, name: str, *, in_list: bool) -> Column:
        """How the field or column of this name reads."""
        if name in self.columns:
            return self.columns[name]
        field = self.model._meta.get_field(name)
        return column_of(field, in_list=in_list, refers_to=self.admin_site.refers_to(field))

    def get_list_display(self, request: HttpRequest) -> list[Column]:
        first, *others = (self.column(name, in_list=True) for name in self.table)
        # The first column leads to the row's own page, so it cannot be a link elsewhere.
        return [first.name_only() if isinstance(first, Reference) else first, *others]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Column]:
        stored = [field.name for field in self.model._meta.concrete_fields if field.name not in self.hidden]
        names = [*stored, *(name for name in self.columns if name not in stored)]
        return [self.column(name, in_list=False) for name in names]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Column]:
        return self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Bytes stay in the database until a detail page counts them."""
        binary = [f.name for f in self.model._meta.concrete_fields if isinstance(f, models.BinaryField)]
        return super().get_queryset(request).defer(*binary)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PreparedChangeList]:
        return PreparedChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            for column in self.get_fields(request, row):
                column.prepare([row], self.admin_site)
        return row

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = context["original"]
        names = self.admin_site.labels(self.model._meta.label, {row.pk})
        context["original"] = Titled(row, names.get(row.pk) or ends_of(str(row.pk)))
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(pk__in=[])
        for name in self.search_fields:
            found |= self._matches(name, term)
        return queryset.filter(found), False

    def _matches(self, name: str, term: str) -> Q:
        """The condition that `name` is the term, in the case hex and ISINs are stored in; none if it cannot be."""
        try:
            field = get_fields_from_path(self.model, name)[-1]
        except (FieldDoesNotExist, NotRelationField):
            return Q(**{name: term})
        found = Q(pk__in=[])
        for spelling in _spellings(term):
            try:
                found |= Q(**{name: field.to_python(spelling)})
            except ValidationError:
                continue
        return found

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What happened to the object is in the audit trail."""
        return HttpResponseRedirect(f"{reverse('admin:audit_auditlog_changelist')}?resource_id={object_id}")


class PreparedFormSet(PaginationInlineFormSet):
    """A page of an inline's rows, with what its columns need read once."""

    columns: ClassVar[Collection[Column]] = ()
    site: ClassVar[Any] = None
    _queryset: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queryset = list(self._queryset)
        for column in self.columns:
            column.prepare(self._queryset, self.site)


class ReadOnlyInline(Viewer, TabularInline):
    """Rows that belong to the row of a detail page, named as in ReadOnlyAdmin."""

    table: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[Mapping[str, Column]] = {}
    formset = PreparedFormSet
    ordering = ("pk",)
    extra = 0
    max_num = 0
    can_delete = False
    per_page = 50
    hide_title = True

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Collection[Column]:
        fields = {name: self.model._meta.get_field(name) for name in self.table if name not in self.columns}
        return [
            self.columns.get(name)
            or column_of(fields[name], in_list=True, refers_to=self.admin_site.refers_to(fields[name]))
            for name in self.table
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Collection[Column]:
        return self.get_fields(request, obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> type[PreparedFormSet]:
        formset: type[PreparedFormSet] = super().get_formset(request, obj, **kwargs)
        formset.columns, formset.site = self.get_fields(request, obj), self.admin_site
        return formset


def _spellings(term: str) -> set[str]:
    """The term, in lower case if it is hex and in upper case if it may be an ISIN."""
    spellings = {term.lower() if term.lower().startswith("0x") else term}
    return spellings | ({term.upper()} if len(term) == ISIN_LENGTH else set())
