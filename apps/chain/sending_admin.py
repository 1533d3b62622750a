"""Officers' pages of what we send and of the keys we send with, with what may be done there."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.chain.acting_admin import ActingAdmin, ReasonForm, upon_row
from apps.chain.models import (
    Intervention,
    Signer,
    SignerNonce,
    SignerRelease,
    SignerUse,
    TxAttempt,
    TxAttemptOutcome,
    TxIntent,
    TxIntentEvent,
)
from apps.chain.services import approving, intervening
from apps.chain.types import IntentState
from apps.core import clock
from apps.core.actor import Actor
from apps.core.officers import ReadOnlyAdmin, ReadOnlyInline, act

GWEI = 10**9
APPROVE_DRAFT = "It has its nonce from then on, and is sent. Whoever drafted it may not approve it."
REFUSE_DRAFT = "It ends as DROPPED and is never sent; who asked for it is told that it failed."
AGAIN = "The same bytes are sent to the node once more. Nothing is signed."
BUMP = (
    "It is signed anew with these fees, under the same nonce. Whichever is mined decides. Above what the engine may "
    "offer by itself another officer has to agree first."
)
CANCEL = (
    "Its nonce is spent on nothing instead, if that is mined first: it may be too late. What needed two people to send "
    "needs two to be called off."
)
RELEASE = (
    "Another officer has to agree. Find out first whose transaction it was: if the key is stolen, move the role to "
    "another key instead. What the other transaction took the place of ends as DROPPED."
)
AGREE = "The sender does it with its next step."
WITHDRAW = "Nothing is done, if the sender has not done it yet."


def _gwei(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, max_digits=18, decimal_places=9, widget=UnfoldAdminDecimalFieldWidget
    )


class BumpForm(ReasonForm):
    """Fees in gwei a unit of gas."""

    max_fee = _gwei("Most for a unit of gas (gwei)")
    max_priority_fee = _gwei("Of it to the proposer (gwei)")


class AttemptsInline(ReadOnlyInline):
    """Every set of signed bytes made for an intent."""

    model = TxAttempt
    table = ("number", "purpose", "hash", "gas_limit", "max_fee", "max_priority_fee", "created_at")


class PassagesInline(ReadOnlyInline):
    """The states an intent came through."""

    model = TxIntentEvent
    table = ("at", "state", "reason", "tx_hash", "block_hash")


class InterventionsInline(ReadOnlyInline):
    """What people wanted done with an intent."""

    model = Intervention
    table = ("id", "asked_at", "kind", "max_fee", "needs_two", "asked_by", "approved_by", "end")


@admin.register(TxIntent)
class TxIntentAdmin(ActingAdmin):
    """What we mean to send."""

    table = ("id", "created_at", "kind", "signer_id", "nonce", "state", "reason", "gas_used", "tx_hash", "business_key")
    list_filter = ("state", "signer")
    search_fields = ("id", "business_key", "tx_hash", "to", "party_id", "kind")
    inlines = (AttemptsInline, PassagesInline, InterventionsInline)
    dangerous = frozenset({"Refuse", "Call off"})
    actions_detail = ("approve", "refuse", "send_again", "bump", "cancel")
    offered: ClassVar[Mapping[str, Collection[str]]] = {
        "approve": [IntentState.DRAFT],
        "refuse": [IntentState.DRAFT, IntentState.APPROVED],
        "again": intervening.SENT,
        "bump": intervening.SENT,
        "cancel": intervening.UNMINED,
    }

    @act(title="Approve", path="approve", permission="second", icon="done_all", variant=ActionVariant.SUCCESS)
    @upon_row(title="Approve", explanation=APPROVE_DRAFT, done="It is approved.")
    def approve(self, actor: Actor, intent: UUID, _: dict[str, Any]) -> None:
        """Of a draft."""
        approving.approve_intent(actor=actor, intent_id=intent, now=clock.now())

    @act(title="Refuse", path="refuse", permission="second", icon="block", variant=ActionVariant.DANGER)
    @upon_row(title="Refuse", explanation=REFUSE_DRAFT, done="It is dropped.", form=ReasonForm)
    def refuse(self, actor: Actor, intent: UUID, filled: dict[str, Any]) -> None:
        """Of a draft."""
        approving.drop_intent(actor=actor, intent_id=intent, now=clock.now(), **filled)

    @act(title="Send again", path="again", permission="operate", icon="refresh", variant=ActionVariant.PRIMARY)
    @upon_row(title="Send again", explanation=AGAIN, done="It is sent again.", form=ReasonForm)
    def send_again(self, actor: Actor, intent: UUID, filled: dict[str, Any]) -> None:
        """The bytes there are."""
        intervening.send_again(actor=actor, intent_id=intent, **filled)

    @act(title="Pay more", path="bump", permission="operate", icon="local_gas_station", variant=ActionVariant.WARNING)
    @upon_row(title="Pay more", explanation=BUMP, done="The sender does it once enough people agree.", form=BumpForm)
    def bump(self, actor: Actor, intent: UUID, filled: dict[str, Any]) -> None:
        """Than the engine offered."""
        fees = {name: int(filled[name] * GWEI) for name in ("max_fee", "max_priority_fee")}
        now, reason = clock.now(), filled["reason"]
        intervening.ask_bump(actor=actor, intent_id=intent, reason=reason, now=now, **fees)

    @act(title="Call off", path="cancel", permission="operate", icon="cancel", variant=ActionVariant.DANGER)
    @upon_row(
        title="Call off", explanation=CANCEL, done="The sender does it once enough people agree.", form=ReasonForm
    )
    def cancel(self, actor: Actor, intent: UUID, filled: dict[str, Any]) -> None:
        """What is not in a block."""
        intervening.ask_cancel(actor=actor, intent_id=intent, now=clock.now(), **filled)


class AskedAdmin(ActingAdmin):
    """What one person asked for, and another may agree to."""

    actions_detail = ("agree", "withdraw")

    @act(title="Agree", path="agree", permission="second", icon="done_all", variant=ActionVariant.SUCCESS)
    @upon_row(title="Agree", explanation=AGREE, done="It is agreed.")
    def agree(self, actor: Actor, number: int, _: dict[str, Any]) -> None:
        """As the second of two people."""
        intervening.approve(actor=actor, asked=self.model(pk=number), now=clock.now())

    @act(title="Withdraw", path="withdraw", permission="second", icon="undo", variant=ActionVariant.DEFAULT)
    @upon_row(title="Withdraw", explanation=WITHDRAW, done="It is withdrawn.")
    def withdraw(self, actor: Actor, number: int, _: dict[str, Any]) -> None:
        """Or refuse."""
        intervening.withdraw(actor=actor, asked=self.model(pk=number), now=clock.now())


@admin.register(Intervention)
class InterventionAdmin(AskedAdmin):
    """What people want done with transactions on their way."""

    table = (
        "id",
        "asked_at",
        "kind",
        "intent_id",
        "max_fee",
        "needs_two",
        "asked_by",
        "approved_by",
        "end",
        "ended_at",
    )
    list_filter = ("end", "kind", "needs_two")
    search_fields = ("id", "intent_id")


@admin.register(SignerRelease)
class SignerReleaseAdmin(AskedAdmin):
    """Frozen signers that people want to send again."""

    table = ("id", "asked_at", "signer_id", "reason", "asked_by", "approved_by", "end", "ended_at")
    list_filter = ("end",)
    search_fields = ("id", "signer_id")


@admin.register(TxAttempt)
class TxAttemptAdmin(ReadOnlyAdmin):
    """What was signed for an intent."""

    table = ("id", "created_at", "intent", "number", "purpose", "hash", "gas_limit", "max_fee")
    list_filter = ("purpose",)
    search_fields = ("id", "hash", "intent_id")


@admin.register(TxAttemptOutcome)
class TxAttemptOutcomeAdmin(ReadOnlyAdmin):
    """What became of attempts whose intents have ended."""

    table = ("id", "attempt_id", "outcome", "at")
    list_filter = ("outcome",)
    search_fields = ("id", "attempt__hash")


@admin.register(TxIntentEvent)
class TxIntentEventAdmin(ReadOnlyAdmin):
    """Every state an intent came into."""

    table = ("id", "at", "intent_id", "state", "reason", "tx_hash", "block_hash")
    list_filter = ("state",)
    search_fields = ("id", "intent_id", "tx_hash", "block_hash")


@admin.register(Signer)
class SignerAdmin(ActingAdmin):
    """The keys we send with, by role."""

    table = ("role", "address", "frozen_at", "frozen_reason", "created_at")
    search_fields = ("role", "address")
    dangerous = frozenset({"Release"})
    actions_detail = ("release",)

    @act(title="Release", path="release", permission="operate", icon="lock_open", variant=ActionVariant.DANGER)
    @upon_row(title="Release", explanation=RELEASE, done="Another officer can agree now.", form=ReasonForm)
    def release(self, actor: Actor, role: str, filled: dict[str, Any]) -> None:
        """A frozen one."""
        intervening.ask_release(actor=actor, role=role, now=clock.now(), **filled)


@admin.register(SignerNonce)
class SignerNonceAdmin(ReadOnlyAdmin):
    """The next nonce of each signer."""

    table = ("signer_id", "next")


@admin.register(SignerUse)
class SignerUseAdmin(ReadOnlyAdmin):
    """What signers have used of their limits since their periods began."""

    table = ("signer_id", "measure", "token", "used", "most", "started_at")
    list_filter = ("measure",)
