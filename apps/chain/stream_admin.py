"""Officers' pages of nodes, of the stream's cursors and of logs that did not decode, with what may be done there."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from apps.chain.acting_admin import ActingAdmin, NoForm, ReasonForm
from apps.chain.models import DeadLetter, RpcEndpoint, StreamCursor
from apps.chain.services import cursors, dead_letters, endpoints
from apps.core import clock
from apps.core.actor import Actor
from apps.core.officers import Column, Instant, Reference, act

RELEASE = "The engines ask it again with their next step, and learn anew what it takes in one question."
QUARANTINE = "The engines do not ask it before the time is over, not even where no other node is well."
DISABLE = "The engines do not ask it until somebody releases it. Without any other node the stream stands still."
RESUME = (
    "The stream goes on from the block it stands at. Find out first which chain is right: if the nodes still lack a "
    "block that was final, it halts again."
)
RETRY = "Decodes the log with this version. What it then tells changes balances by events from its block on."
ASK = "Another officer can then dismiss it. Say how you know that the log changes nobody's balance."
DISMISS = "Cut-offs wait for the log no more, and it changes no balance: what the first officer found is taken as true."
KEEP = "It stays open as if nobody had asked for its dismissal."
LONGEST_HOURS = 168


class QuarantineForm(ReasonForm):
    """Why, and for how long."""

    hours = forms.IntegerField(min_value=1, max_value=LONGEST_HOURS, initial=1, widget=UnfoldAdminIntegerFieldWidget)


@admin.register(RpcEndpoint)
class RpcEndpointAdmin(ActingAdmin):
    """The nodes, by the names of their settings: how far each is, and whether it is asked."""

    table = ("name", "state", "reason", "until", "head_number", "final_number", "range_blocks", "lies", "checked_at")
    list_filter = ("state",)
    search_fields = ("name",)
    search_help_text = "Exact: the name of the setting."
    dangerous = frozenset({"Quarantine", "Disable"})
    actions_detail = ("release", "quarantine", "disable")

    @act(title="Release", path="release", permission="operate", icon="lock_open", variant=ActionVariant.SUCCESS)
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have it asked again."""

        def call(actor: Actor, name: str, filled: dict[str, Any]) -> None:
            endpoints.release_endpoint(actor=actor, name=name, now=clock.now(), **filled)

        said = {"title": "Release", "explanation": RELEASE, "done": "It is asked again."}
        return self._act(request, object_id, call, form=ReasonForm, **said)

    @act(title="Quarantine", path="quarantine", permission="operate", icon="timer", variant=ActionVariant.WARNING)
    def quarantine(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have it asked no more for some hours."""

        def call(actor: Actor, name: str, filled: dict[str, Any]) -> None:
            now = clock.now()
            until = now + timedelta(hours=filled["hours"])
            endpoints.quarantine_endpoint(actor=actor, name=name, reason=filled["reason"], until=until, now=now)

        said = {"title": "Quarantine", "explanation": QUARANTINE, "done": "It is not asked for that time."}
        return self._act(request, object_id, call, form=QuarantineForm, **said)

    @act(title="Disable", path="disable", permission="operate", icon="block", variant=ActionVariant.DANGER)
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have it asked no more until it is released."""

        def call(actor: Actor, name: str, filled: dict[str, Any]) -> None:
            endpoints.disable_endpoint(actor=actor, name=name, now=clock.now(), **filled)

        said = {"title": "Disable", "explanation": DISABLE, "done": "It is not asked until it is released."}
        return self._act(request, object_id, call, form=ReasonForm, **said)


@admin.register(StreamCursor)
class StreamCursorAdmin(ActingAdmin):
    """How far the chain has been read, and its balances folded."""

    table = ("name", "number", "hash", "halted", "moved_at")
    search_fields = ("name",)
    search_help_text = "Exact: a name."
    dangerous = frozenset({"Resume"})
    actions_detail = ("resume",)

    @act(title="Resume", path="resume", permission="operate", icon="play_arrow", variant=ActionVariant.DANGER)
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a halted stream go on."""

        def call(actor: Actor, name: str, filled: dict[str, Any]) -> None:
            cursors.resume(actor=actor, name=name, reason=filled["reason"])

        said = {"title": "Resume", "explanation": RESUME, "done": "The stream goes on, if it was halted."}
        return self._act(request, object_id, call, form=ReasonForm, **said)


@admin.register(DeadLetter)
class DeadLetterAdmin(ActingAdmin):
    """Logs that did not decode."""

    table = ("id", "found_at", "block_number", "log_index", "address", "reason", "asked_at", "end", "resolved_at")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), ("asked_at", admin.EmptyFieldListFilter), "end")
    columns = {
        "asked_by": Reference("asked_by", "accounts.User", "dismissal asked for by"),
        "asked_at": Instant("asked_at", "dismissal asked for at"),
        "asked_reason": Column("asked_reason", "why to dismiss it"),
        "resolved_by": Reference("resolved_by", "accounts.User"),
    }
    search_fields = ("id", "address", "block_number")
    search_help_text = "Exact: an id, address or block number."
    dangerous = frozenset({"Dismiss"})
    actions_detail = ("retry", "ask_dismissal", "dismiss", "keep")

    @act(title="Try again", path="retry", permission="operate", icon="refresh", variant=ActionVariant.PRIMARY)
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Decode it now."""

        def call(actor: Actor, letter: int, _: dict[str, Any]) -> None:
            dead_letters.retry_letter(actor=actor, letter_id=letter, now=clock.now())

        said = {"title": "Try again", "explanation": RETRY, "done": "The log is read."}
        return self._act(request, object_id, call, form=NoForm, **said)

    @act(title="Ask to dismiss", path="ask", permission="operate", icon="pan_tool", variant=ActionVariant.DEFAULT)
    def ask_dismissal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The first of two people."""

        def call(actor: Actor, letter: int, filled: dict[str, Any]) -> None:
            dead_letters.ask_dismissal(actor=actor, letter_id=letter, now=clock.now(), **filled)

        said = {"title": "Ask to dismiss", "explanation": ASK, "done": "Another officer can dismiss it now."}
        return self._act(request, object_id, call, form=ReasonForm, **said)

    @act(title="Dismiss", path="dismiss", permission="second", icon="done_all", variant=ActionVariant.DANGER)
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The second of two people."""

        def call(actor: Actor, letter: int, _: dict[str, Any]) -> None:
            dead_letters.dismiss_letter(actor=actor, letter_id=letter, now=clock.now())

        said = {"title": "Dismiss", "explanation": DISMISS, "done": "It is dismissed."}
        return self._act(request, object_id, call, form=NoForm, **said)

    @act(title="Keep", path="keep", permission="second", icon="undo", variant=ActionVariant.DEFAULT)
    def keep(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it stay open."""

        def call(actor: Actor, letter: int, _: dict[str, Any]) -> None:
            dead_letters.keep_letter(actor=actor, letter_id=letter)

        said = {"title": "Keep", "explanation": KEEP, "done": "It stays open."}
        return self._act(request, object_id, call, form=NoForm, **said)
