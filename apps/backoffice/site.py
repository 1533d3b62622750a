"""The admin site: staff with an officer's role, in Django's own session."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from apps.accounts.selectors.members import acting_member
from apps.accounts.services.login import record_session_login
from apps.accounts.types import STAFF_ROLES
from apps.backoffice.selectors.labels import LABELS
from apps.core import request_id
from apps.core.actor import Actor
from apps.core.errors import DomainError
from apps.core.http.client import client_address, client_agent
from apps.core.http.codes import STATUS
from apps.core.http.throttles import spend
from apps.core.rate_limits import Bucket, key_of_address, key_of_name
from apps.core.rate_limits.errors import LoginsClosed, RateLimited
from apps.vault.errors import KeyUnavailable

# Columns without a foreign key whose values are keys of another page, by the end of their name.
KEYS = {
    "isin": "securities.Security",
    "party_id": "accounts.Party",
    "party_key": "accounts.Party",
    "user_id": "accounts.User",
    "intent_id": "chain.TxIntent",
    "order_id": "dex.Order",
    "account_id": "ledger.LedgerAccount",
}


class CountedLogin(AuthenticationForm):
    """Django's login form: address and name are counted before any password is hashed."""

    # What the request was refused for, left on it for the answer's status.
    REFUSAL = "login_refusal"

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError beyond the limit, too."""
        try:
            spend(Bucket.LOGINS, key_of_address(client_address(self.request)))
            if username := self.cleaned_data.get("username"):
                spend(Bucket.LOGINS, key_of_name(username))
            cleaned: dict[str, Any] = super().clean()
        except (RateLimited, LoginsClosed, KeyUnavailable) as refusal:
            setattr(self.request, self.REFUSAL, refusal)
            raise ValidationError(refusal.message) from refusal
        return cleaned


class OfficersSite(UnfoldAdminSite):
    """What officers see. It knows who acts, and by which name a row of another room is called."""

    index_template = "backoffice/index.html"
    index_title = "Today"
    login_form = CountedLogin

    def actor(self, request: HttpRequest) -> Actor | None:
        """Whoever is logged in, as services know them: read once a request, so a lost role is lost at once."""
        held = vars(request)
        if "officer" not in held:
            user = request.user
            member = acting_member(user.pk) if user.is_authenticated and user.is_staff else None
            held["officer"] = member and replace(
                member[1],
                request_id=request_id.current(),
                ip_address=client_address(request),
                user_agent=client_agent(request),
            )
        found: Actor | None = held["officer"]
        return found

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff with a role of the platform's own party."""
        actor = self.actor(request)
        return actor is not None and bool(actor.roles & STAFF_ROLES)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's own login for staff, counted, with a row in the audit trail for each attempt that may be made."""
        answer: HttpResponse = super().login(request, extra_context)
        if refusal := getattr(request, CountedLogin.REFUSAL, None):
            answer.status_code = STATUS[refusal.kind]
            for name, value in {**refusal.headers, "Retry-After": str(refusal.retry_after)}.items():
                answer[name] = value
        elif request.method == "POST":
            opened = answer.status_code == HTTPStatus.FOUND
            record_session_login(
                user_id=request.user.pk if opened else None,
                ip_address=client_address(request),
                user_agent=client_agent(request),
            )
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's page would write past every service."""
        raise PermissionDenied("Passwords are not changed on this site.")

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """A refusal is a page that says so, with the way back."""

        @wraps(view)
        def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                answer: HttpResponse = view(request, *args, **kwargs)
            except PermissionDenied as refusal:
                return self._refused(request, 403, str(refusal) or "Your role does not allow this.")
            except DomainError as refusal:
                return self._refused(request, STATUS[refusal.kind], refusal.message)
            return answer

        inner: Callable[..., HttpResponse] = super().admin_view(told, cacheable)
        return inner

    def _refused(self, request: HttpRequest, status: int, message: str) -> HttpResponse:
        context = {**self.each_context(request), "title": "Refused", "message": message}
        return TemplateResponse(request, "backoffice/refused.html", context, status=status).render()

    def labels(self, model: str, keys: Collection[Any]) -> Mapping[Any, str]:
        """The names of those rows of `model` ("accounts.Party") that have one."""
        read = LABELS.get(model)
        return read(set(keys)) if read else {}

    def refers_to(self, field: models.Field) -> str | None:
        """The page a field's values are keys of: by its foreign key, or by its name."""
        related = field.related_model
        if isinstance(related, type):
            return related._meta.label if related in self._registry else None
        if field.primary_key:
            return None
        return next((model for end, model in KEYS.items() if field.name.endswith(end)), None)
