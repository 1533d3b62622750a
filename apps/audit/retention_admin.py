"""Officers' pages of what is kept and what has expired; legal holds and endings are placed and taken away here."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from apps.audit.models import AuditEnding, AuditExpiry, AuditExpiryRun, AuditExport, AuditHold, AuditRetention
from apps.audit.services import holds
from apps.audit.services.holds import HoldDraft
from apps.audit.types import HoldKind, HoldReason
from apps.core import clock
from apps.core.officers import ReadOnlyAdmin, act, ask_and_act

PLACE = "From now on no event that this names expires. One officer places a hold; two release it."
ASK = "Another compliance officer can then end the hold."
RELEASE = "Ends the hold: events that nothing else keeps may expire from tonight on."
REFUSE = "The hold stays as if nobody had asked."
TELL = "Once another officer has confirmed it, the period of what is kept beyond its end begins with that day."
CONFIRM = "The period of what is kept beyond the end begins with the day that was told."
WITHDRAW = "What belongs to it is kept as if it had not ended."
EMPTY = forms.Form


def _text(**options: Any) -> forms.CharField:
    return forms.CharField(required=False, widget=UnfoldAdminTextInputWidget, **options)


def _instant(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        required=False, label=label, widget=UnfoldAdminSingleDateWidget({"type": "datetime-local"}), help_text="UTC"
    )


class HoldForm(forms.Form):
    """What is held, and for which matter."""

    kind = forms.ChoiceField(choices=HoldKind.choices, widget=UnfoldAdminSelectWidget)
    subject = forms.UUIDField(required=False, widget=UnfoldAdminTextInputWidget, help_text="Of a party or user: the id")
    resource_type = _text(max_length=64, help_text="Of a resource: as events name it, like issuance")
    resource_id = _text(max_length=128, help_text="Empty: all resources of that type")
    since = _instant("From")
    until = _instant("Until before")
    reason = forms.ChoiceField(choices=HoldReason.choices, widget=UnfoldAdminSelectWidget)
    reference = forms.CharField(
        max_length=64, widget=UnfoldAdminTextInputWidget, help_text="The matter's id. No names: it stands in the log."
    )


class EndingForm(forms.Form):
    """What has ended, and when."""

    record = forms.CharField(max_length=128, widget=UnfoldAdminTextInputWidget, help_text="A party's or resource's id")
    ended_at = forms.DateTimeField(widget=UnfoldAdminSingleDateWidget({"type": "datetime-local"}), help_text="UTC")
    reference = forms.CharField(max_length=64, widget=UnfoldAdminTextInputWidget, help_text="The matter's id")


class TwoPeopleAdmin(ReadOnlyAdmin):
    """A page whose acts are compliance officers'."""

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Compliance officers."""
        actor = self.admin_site.actor(request)
        return actor is not None and "COMPLIANCE" in actor.roles

    def _step(self, request: HttpRequest, object_id: str, *, title: str, explanation: str, done: str, call: Any) -> Any:
        """Ask, and take one step with the row."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        number: UUID = row.pk

        def perform(_: forms.Form) -> str:
            call(self.admin_site.actor(request), number)
            return done

        return ask_and_act(
            self,
            request,
            form=EMPTY(request.POST if request.method == "POST" else None),
            title=title,
            verb=title,
            explanation=explanation,
            perform=perform,
            back=reverse(f"admin:audit_{self.opts.model_name}_change", args=[number]),
            danger=title == "Release",
        )

    def _list_page(self) -> str:
        return reverse(f"admin:audit_{self.opts.model_name}_changelist")


@admin.register(AuditHold)
class AuditHoldAdmin(TwoPeopleAdmin):
    """What keeps events from expiring."""

    table = ("id", "kind", "reference", "reason", "placed_at", "placed_by", "release_asked_at", "released_at")
    list_filter = ("kind", "reason", ("released_at", admin.EmptyFieldListFilter))
    search_fields = ("id", "subject", "reference", "resource_id")
    search_help_text = "Exact: an id of a hold, subject or resource, or a reference."
    actions_list = ("place_hold",)
    actions_detail = ("ask_release", "release", "refuse_release")

    @act(title="Place a hold", path="place", permission="decide", icon="gavel", variant=ActionVariant.PRIMARY)
    def place_hold(self, request: HttpRequest) -> HttpResponse:
        """Ask what to hold, and hold it."""

        def perform(filled: forms.Form) -> str:
            draft = HoldDraft(**filled.cleaned_data)
            holds.place_hold(actor=self.admin_site.actor(request), draft=draft, now=clock.now())
            return "The hold is placed."

        return ask_and_act(
            self,
            request,
            form=HoldForm(request.POST or None),
            title="Place a legal hold",
            verb="Place",
            explanation=PLACE,
            perform=perform,
            back=self._list_page(),
        )

    @act(title="Ask for release", path="ask", permission="decide", icon="pan_tool", variant=ActionVariant.DEFAULT)
    def ask_release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The first of two people."""

        def call(actor: Any, number: UUID) -> None:
            holds.ask_release(actor=actor, hold_id=number, now=clock.now())

        said = {"title": "Ask for release", "explanation": ASK, "done": "A second officer can release it now."}
        return self._step(request, object_id, call=call, **said)

    @act(title="Release", path="release", permission="decide", icon="lock_open", variant=ActionVariant.DANGER)
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The second of two people."""

        def call(actor: Any, number: UUID) -> None:
            holds.release_hold(actor=actor, hold_id=number, now=clock.now())

        said = {"title": "Release", "explanation": RELEASE, "done": "The hold is released."}
        return self._step(request, object_id, call=call, **said)

    @act(title="Keep", path="keep", permission="decide", icon="lock", variant=ActionVariant.DEFAULT)
    def refuse_release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it stay."""

        def call(actor: Any, number: UUID) -> None:
            holds.refuse_release(actor=actor, hold_id=number)

        return self._step(request, object_id, title="Keep", explanation=REFUSE, done="The hold stays.", call=call)


@admin.register(AuditEnding)
class AuditEndingAdmin(TwoPeopleAdmin):
    """Accounts and agencies that have ended."""

    table = ("id", "record", "ended_at", "reference", "told_by", "confirmed_by", "confirmed_at", "withdrawn_at")
    list_filter = (("confirmed_at", admin.EmptyFieldListFilter), ("withdrawn_at", admin.EmptyFieldListFilter))
    search_fields = ("id", "record", "reference")
    search_help_text = "Exact: an id of an ending or a record, or a reference."
    actions_list = ("tell",)
    actions_detail = ("confirm", "withdraw")

    @act(title="Tell an ending", path="tell", permission="decide", icon="event_busy", variant=ActionVariant.PRIMARY)
    def tell(self, request: HttpRequest) -> HttpResponse:
        """Ask what has ended, and when."""

        def perform(filled: forms.Form) -> str:
            holds.tell_ending(actor=self.admin_site.actor(request), now=clock.now(), **filled.cleaned_data)
            return "It counts once a second officer has confirmed it."

        return ask_and_act(
            self,
            request,
            form=EndingForm(request.POST or None),
            title="Tell that something has ended",
            verb="Tell",
            explanation=TELL,
            perform=perform,
            back=self._list_page(),
        )

    @act(title="Confirm", path="confirm", permission="decide", icon="done_all", variant=ActionVariant.SUCCESS)
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The second of two people."""

        def call(actor: Any, number: UUID) -> None:
            holds.confirm_ending(actor=actor, ending_id=number, now=clock.now())

        return self._step(request, object_id, title="Confirm", explanation=CONFIRM, done="It is confirmed.", call=call)

    @act(title="Withdraw", path="withdraw", permission="decide", icon="undo", variant=ActionVariant.DANGER)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take it back."""

        def call(actor: Any, number: UUID) -> None:
            holds.withdraw_ending(actor=actor, ending_id=number, now=clock.now())

        return self._step(
            request, object_id, title="Withdraw", explanation=WITHDRAW, done="It is withdrawn.", call=call
        )


@admin.register(AuditRetention)
class AuditRetentionAdmin(ReadOnlyAdmin):
    """How long each class is kept: the security policy as of the last migration."""

    table = ("record_class", "days", "starts", "citation")
    search_fields = ("record_class",)
    search_help_text = "Exact: a class."


@admin.register(AuditExport)
class AuditExportAdmin(ReadOnlyAdmin):
    """Bundles that were written and verified."""

    table = ("id", "created_at", "first", "stop", "head_size", "place", "exported_by")
    search_fields = ("id", "first", "stop")
    search_help_text = "Exact: an export's number, or the first or last index of its range."


@admin.register(AuditExpiry)
class AuditExpiryAdmin(ReadOnlyAdmin):
    """What has expired, transaction by transaction."""

    table = ("id", "created_at", "first", "stop", "removed", "origins", "event")
    search_fields = ("id", "event")
    search_help_text = "Exact: a number of an expiry or of its event."


@admin.register(AuditExpiryRun)
class AuditExpiryRunAdmin(ReadOnlyAdmin):
    """Passes over the log for what has expired, and why the rest stays."""

    table = ("id", "began_at", "ended_at", "looked_at", "removed", "staying")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    search_fields = ("id",)
