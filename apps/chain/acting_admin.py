"""What pages with acts upon their rows share."""

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.core.db import unit_of_work
from apps.core.officers import OFFICERS, ReadOnlyAdmin, ask_and_act

Call = Callable[..., None]
View = Callable[..., HttpResponse]


class NoForm(forms.Form):
    """Nothing to say."""


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="No names: it stands in the audit log."
    )


class ActingAdmin(ReadOnlyAdmin):
    """A page with acts upon its rows."""

    dangerous: ClassVar[frozenset[str]] = frozenset()  # titles of acts that are asked for in red
    # By its path, the states of a row in which an act is shown; the others always are. The service decides.
    offered: ClassVar[Mapping[str, Collection[str]]] = {}

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Operations."""
        actor = self.admin_site.actor(request)
        return actor is not None and "OPS" in actor.roles

    def has_second_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may be the second person."""
        actor = self.admin_site.actor(request)
        return actor is not None and bool(actor.roles & OFFICERS)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        acts = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id)) if self.offered else None
        return [each for each in acts if row is None or row.state in self.offered.get(each.path, [row.state])]


def upon_row(*, title: str, explanation: str, done: str, form: type[forms.Form] = NoForm) -> Callable[[Call], View]:
    """Make a method that calls one service the view of an act: `form` is asked for, then it is called, `done` is said.

    The method is given the actor, the row's key and what was filled in.
    """

    def made(call: Call) -> View:
        @wraps(call)
        def view(page: ActingAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
            row = page.get_object(request, object_id)
            if row is None:
                raise Http404

            def perform(filled: forms.Form) -> str:
                with unit_of_work():
                    call(page, page.admin_site.actor(request), row.pk, filled.cleaned_data)
                return done

            return ask_and_act(
                page,
                request,
                form=form(request.POST if request.method == "POST" else None),
                title=title,
                verb=title,
                explanation=explanation,
                perform=perform,
                back=reverse(f"admin:chain_{page.opts.model_name}_change", args=[row.pk]),
                danger=title in page.dangerous,
            )

        return view

    return made
