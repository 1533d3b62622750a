"""The trail, for officers."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.audit import retention_admin  # noqa: F401 (its pages)
from apps.audit.explorer import Changes, ShowsState, VerifiesEntry
from apps.audit.models import (
    AuditAnchor,
    AuditHead,
    AuditLeaf,
    AuditLeafHash,
    AuditLog,
    AuditOrigin,
    AuditSigningKey,
    AuditTile,
    AuditVerification,
)
from apps.audit.narrowing import Narrowed
from apps.audit.services.disclosure import disclose, disclosure_file
from apps.core.errors import NotFound
from apps.core.officers import Column, ReadOnlyAdmin, act, ask_and_act

DISCLOSING = (
    "Gives a file with the address and user agent of these events and the salts that prove them, for the offline "
    "verifier (--disclosure). That you took it is recorded first. Give it to nobody but those who may know."
)


class DiscloseForm(forms.Form):
    """Which events."""

    events = forms.RegexField(
        r"^\s*[0-9]{1,18}(?:[\s,]+[0-9]{1,18}){0,99}\s*$",
        label="Events",
        help_text="Their numbers, set off by blanks or commas.",
        widget=UnfoldAdminTextInputWidget,
        strip=True,
    )

    def numbers(self) -> list[int]:
        """As they were typed."""
        return [int(number) for number in re.split(r"[\s,]+", self.cleaned_data["events"].strip())]


@admin.register(AuditLog)
class AuditLogAdmin(ShowsState, VerifiesEntry):
    """Who did what to which resource."""

    actions_detail = ("verify_entry", "disclose_entry")
    actions_list = ("disclose_entries",)
    table = ("id", "created_at", "user_id", "party_id", "action", "resource_type", "resource_id", "request_id")
    hidden = ("before", "after")
    columns: ClassVar[Mapping[str, Column]] = {
        "changes": Changes("changes"),
        "ip": Column("ip"),
        "user_agent": Column("user_agent"),
    }
    list_filter = (Narrowed,)
    list_filter_submit = True
    search_fields = ("id", "action", "resource_id", "user_id", "party_id", "request_id")
    search_help_text = "Exact: an id of a row, resource, user, party or request, or an action."

    def has_disclose_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Officers of compliance."""
        actor = self.admin_site.actor(request)
        return actor is not None and "COMPLIANCE" in actor.roles

    @act(title="Disclose", path="disclose", permission="disclose", icon="key", variant=ActionVariant.DEFAULT)
    def disclose_entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and give the file of this event."""
        self.event_of(object_id)
        return self._disclose(request, object_id, reverse("admin:audit_auditlog_change", args=[object_id]))

    @act(title="Disclose events", path="disclose", permission="disclose", icon="key", variant=ActionVariant.DEFAULT)
    def disclose_entries(self, request: HttpRequest) -> HttpResponse:
        """Ask which, and give their file."""
        return self._disclose(request, "", reverse("admin:audit_auditlog_changelist"))

    def _disclose(self, request: HttpRequest, asked: str, back: str) -> HttpResponse:
        form = DiscloseForm(request.POST or None, initial={"events": asked})

        def perform(_: forms.Form) -> HttpResponse:
            found = disclose(actor=self.admin_site.actor(request), events=form.numbers())
            headers = {"Content-Disposition": 'attachment; filename="disclosure.json"'}
            return HttpResponse(disclosure_file(found), content_type="application/json", headers=headers)

        return ask_and_act(
            self,
            request,
            form=form,
            title="Disclose personal values of events",
            verb="Take the file",
            explanation=DISCLOSING,
            perform=perform,
            back=back,
        )


@admin.register(AuditOrigin)
class AuditOriginAdmin(ReadOnlyAdmin):
    """From where people came."""

    table = ("id", "created_at", "user_id", "session_id")
    hidden = ("committed", "salts")
    search_fields = ("id", "user_id", "session_id")
    search_help_text = "Exact: an id of an origin, user or session."


@admin.register(AuditHead)
class AuditHeadAdmin(ShowsState):
    """Signed roots of the tree."""

    table = ("size", "at", "log", "key_id")
    list_filter = ("at",)
    search_fields = ("size", "key_id")
    search_help_text = "Exact: a number of leaves, or a key's id."


@admin.register(AuditLeaf)
class AuditLeafAdmin(VerifiesEntry):
    """Which place an event has in the tree."""

    table = ("index", "event_id", "stream", "stream_seq", "prev")
    search_fields = ("index", "event__id", "stream")
    search_help_text = "Exact: the number of a leaf or of an event, or a resource's type and id with a slash between."

    def event_of(self, object_id: str) -> int:
        """The event of the leaf, which may have expired. Raises NotFound."""
        event = AuditLeaf.objects.filter(pk=super().event_of(object_id)).values_list("event_id", flat=True).first()
        if event is None:
            raise NotFound
        return event


@admin.register(AuditLeafHash)
class AuditLeafHashAdmin(ReadOnlyAdmin):
    """The hashes that the tree is made of."""

    table = ("index",)
    search_fields = ("index",)
    search_help_text = "Exact: the number of a leaf."


@admin.register(AuditTile)
class AuditTileAdmin(ReadOnlyAdmin):
    """Full tiles of hashes."""

    table = ("level", "number")
    search_fields = ("number",)
    search_help_text = "Exact: a tile's number."


@admin.register(AuditSigningKey)
class AuditSigningKeyAdmin(ReadOnlyAdmin):
    """Keys that sign heads, or did."""

    table = ("key_id", "created_at")
    search_fields = ("key_id",)
    search_help_text = "Exact: a key's id."


@admin.register(AuditAnchor)
class AuditAnchorAdmin(ReadOnlyAdmin):
    """Heads kept where we cannot change them."""

    table = ("size", "kind", "anchored_at", "retained_until", "place")
    list_filter = ("kind", "anchored_at")
    search_fields = ("size", "version_id", "tx_hash")
    search_help_text = "Exact: a number of leaves, an object's version, or a transaction's hash."


@admin.register(AuditVerification)
class AuditVerificationAdmin(ShowsState):
    """Runs that verified the stored log."""

    table = ("id", "at", "kind", "outcome", "start", "stop", "bad_index", "fault", "seconds")
    list_filter = ("outcome", "kind")
    search_fields = ("id", "bad_index")
    search_help_text = "Exact: a run's number, or the index at which it failed."
