"""What is asked for about a break on officers' pages, and how its severity and age read."""

from typing import Any

from django import forms
from django.template.loader import render_to_string
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from apps.accounts.selectors.members import usernames, users_of_parties
from apps.core import clock
from apps.core.actor import Actor
from apps.core.officers import Column
from apps.reconciliation.models import Break
from apps.reconciliation.types import SEVERITIES, UNSETTLED, BreakKind, ResolutionKind

TONES = {"CRITICAL": "danger", "ERROR": "warning", "WARNING": "info"}
NO_NAMES = "No names: it is kept for ever."


class SeverityOf(Column):
    """How soon a person must act, by the break's kind."""

    def value(self, row: Break) -> str:
        return SEVERITIES[BreakKind(row.kind)].value

    def shown(self, value: str, row: Break) -> str:
        return render_to_string("unfold/helpers/label.html", {"text": value, "type": TONES[value]})


class AgeOf(Column):
    """Calendar days since the first sight, while it is open."""

    def value(self, row: Break) -> str | None:
        if row.state not in UNSETTLED:
            return None
        days = (clock.now().date() - row.first_seen_at.date()).days
        return f"{days} day{'' if days == 1 else 's'}"


class OwnerForm(forms.Form):
    """An officer of the same party."""

    owner = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, data: Any, actor: Actor) -> None:
        super().__init__(data)
        party = actor.require_party()
        names = usernames(set(users_of_parties({party}).get(party, [])))
        self.fields["owner"].choices = [(str(pk), name) for pk, name in names.items()]  # type: ignore[attr-defined]


class TextForm(forms.Form):
    """What an officer says."""

    text = forms.CharField(max_length=1000, widget=UnfoldAdminTextareaWidget, help_text=NO_NAMES)


class ProposalForm(forms.Form):
    """How to close it, and why."""

    kind = forms.ChoiceField(choices=ResolutionKind.choices, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(max_length=1000, widget=UnfoldAdminTextareaWidget, help_text=NO_NAMES)


class DecisionForm(forms.Form):
    """Which proposal: another may have taken its place since it was shown."""

    resolution = forms.UUIDField(widget=forms.HiddenInput)


class RejectionForm(DecisionForm, TextForm):
    """Why not."""
