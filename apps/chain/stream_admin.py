"""Officers' pages of nodes, of the stream's cursors and of logs that did not decode, with what may be done there."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from apps.chain.acting_admin import ActingAdmin, ReasonForm, upon_row
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
    @upon_row(title="Release", explanation=RELEASE, done="It is asked again.", form=ReasonForm)
    def release(self, actor: Actor, name: str, filled: dict[str, Any]) -> None:
        """Have it asked again."""
        endpoints.release_endpoint(actor=actor, name=name, now=clock.now(), **filled)

    @act(title="Quarantine", path="quarantine", permission="operate", icon="timer", variant=ActionVariant.WARNING)
    @upon_row(title="Quarantine", explanation=QUARANTINE, done="It is not asked for that time.", form=QuarantineForm)
    def quarantine(self, actor: Actor, name: str, filled: dict[str, Any]) -> None:
        """Have it asked no more for some hours."""
        now = clock.now()
        until = now + timedelta(hours=filled["hours"])
        endpoints.quarantine_endpoint(actor=actor, name=name, reason=filled["reason"], until=until, now=now)

    @act(title="Disable", path="disable", permission="operate", icon="block", variant=ActionVariant.DANGER)
    @upon_row(title="Disable", explanation=DISABLE, done="It is not asked until it is released.", form=ReasonForm)
    def disable(self, actor: Actor, name: str, filled: dict[str, Any]) -> None:
        """Have it asked no more until it is released."""
        endpoints.disable_endpoint(actor=actor, name=name, now=clock.now(), **filled)


@admin.register(StreamCursor)
class StreamCursorAdmin(ActingAdmin):
    """How far the chain has been read, and its balances folded."""

    table = ("name", "number", "hash", "halted", "moved_at")
    search_fields = ("name",)
    search_help_text = "Exact: a name."
    dangerous = frozenset({"Resume"})
    actions_detail = ("resume",)

    @act(title="Resume", path="resume", permission="operate", icon="play_arrow", variant=ActionVariant.DANGER)
    @upon_row(title="Resume", explanation=RESUME, done="The stream goes on, if it was halted.", form=ReasonForm)
    def resume(self, actor: Actor, name: str, filled: dict[str, Any]) -> None:
        """Let a halted stream go on."""
        cursors.resume(actor=actor, name=name, reason=filled["reason"])


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
    @upon_row(title="Try again", explanation=RETRY, done="The log is read.")
    def retry(self, actor: Actor, letter: int, _: dict[str, Any]) -> None:
        """Decode it now."""
        dead_letters.retry_letter(actor=actor, letter_id=letter, now=clock.now())

    @act(title="Ask to dismiss", path="ask", permission="operate", icon="pan_tool", variant=ActionVariant.DEFAULT)
    @upon_row(title="Ask to dismiss", explanation=ASK, done="Another officer can dismiss it now.", form=ReasonForm)
    def ask_dismissal(self, actor: Actor, letter: int, filled: dict[str, Any]) -> None:
        """The first of two people."""
        dead_letters.ask_dismissal(actor=actor, letter_id=letter, now=clock.now(), **filled)

    @act(title="Dismiss", path="dismiss", permission="second", icon="done_all", variant=ActionVariant.DANGER)
    @upon_row(title="Dismiss", explanation=DISMISS, done="It is dismissed.")
    def dismiss(self, actor: Actor, letter: int, _: dict[str, Any]) -> None:
        """The second of two people."""
        dead_letters.dismiss_letter(actor=actor, letter_id=letter, now=clock.now())

    @act(title="Keep", path="keep", permission="second", icon="undo", variant=ActionVariant.DEFAULT)
    @upon_row(title="Keep", explanation=KEEP, done="It stays open.")
    def keep(self, actor: Actor, letter: int, _: dict[str, Any]) -> None:
        """Let it stay open."""
        dead_letters.keep_letter(actor=actor, letter_id=letter)
