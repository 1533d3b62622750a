"""The one way officers write: a page that asks on GET and calls one service on POST."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.enums import ActionVariant

from apps.core.errors import DomainError
from apps.core.http.codes import STATUS

TEMPLATE = "officers/act.html"
View = TypeVar("View", bound=Callable[..., HttpResponse])


def act(*, title: str, path: str, permission: str, icon: str, variant: ActionVariant) -> Callable[[View], View]:
    """Make a method of a page an act at `path`, offered and open to whom `has_<permission>_permission` allows."""
    made: Callable[[View], View] = action(
        description=title, url_path=path, permissions=[permission], icon=icon, variant=variant
    )
    return made


def ask_and_act(
    admin: Any,
    request: HttpRequest,
    *,
    form: Form,
    title: str,
    verb: str,
    explanation: str,
    perform: Callable[[Form], str | HttpResponse],
    back: str,
    danger: bool = False,
) -> HttpResponse:
    """Show `form`; on a valid POST have `perform` call its service and say what was done on the page `back`.

    What `perform` answers itself, such as a file, is the answer. The refusal of a service (DomainError) is shown in the
    form, under its HTTP status.
    """
    if request.method not in {"GET", "HEAD", "POST"}:
        raise PermissionDenied
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                done = perform(form)
                if isinstance(done, HttpResponse):
                    return done
                messages.success(request, done)
                return HttpResponseRedirect(back)
            except DomainError as error:
                form.add_error(None, error.message)
                status = STATUS[error.kind]
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.model._meta,
        "title": title,
        "verb": verb,
        "explanation": explanation,
        "form": form,
        "back": back,
        "danger": danger,
    }
    return TemplateResponse(request, TEMPLATE, context, status=status)
