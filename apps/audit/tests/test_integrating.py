"""Numbered events are hashed, all of them, or nothing goes on."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings

from apps.audit.engines import TREE, UNHASHED
from apps.audit.errors import NotSequencedYet, TreeDiffers
from apps.audit.models import AuditLeaf
from apps.audit.selectors.entries import EntryOutcome, check_entry
from apps.audit.selectors.tree import event_proof, leaf_count
from apps.audit.testing import Led, sequence
from apps.audit.tests.tampering import changed
from apps.audit.tests.test_sequencing import require_whole, write
from apps.core import clock
from apps.core.db import fetch_all
from apps.core.models import Alert


@pytest.mark.usefixtures("books")
class TestANumberWithoutAHash:
    def numbered(self) -> int:
        """An event that the integrator has not seen yet."""
        sequence()
        (event,) = write(1)
        assert fetch_all("SELECT audit_number_events(10)") == [(1,)]
        return event

    def test_is_hashed_later_and_not_proven_before(self) -> None:
        event = self.numbered()
        with pytest.raises(NotSequencedYet):
            event_proof(event)
        found = check_entry(event)
        assert (found.outcome, [step.seen for step in found.steps]) == (
            EntryOutcome.WAITING,
            [f"It is leaf {found.index}, which is hashed next."],
        )
        sequence()
        assert require_whole()[-1] == event
        assert check_entry(event).outcome == EntryOutcome.VERIFIED

    def test_that_waits_too_long_is_told_to_operators(self) -> None:
        self.numbered()
        limit = settings.SECURITY.audit.signing.lag_seconds
        threading.Event().wait(limit + 0.2)
        log, now = Led(), clock.now()
        log.step(now)
        assert "the integrator is behind" in Alert.objects.get(dedup_key=UNHASHED, resolved_at=None).summary
        log.step(now + timedelta(seconds=2))
        assert not Alert.objects.filter(dedup_key=UNHASHED, resolved_at=None).exists()
        require_whole()

    @pytest.mark.parametrize("others", [0, 1])
    def test_whose_event_has_gone_is_not_passed_over(self, others: int) -> None:
        event = self.numbered()
        write(others)
        log = Led()
        size = leaf_count()
        with changed(("DELETE FROM audit_auditlog WHERE id = %s", [event]), tables=("audit_auditlog",)):
            with pytest.raises(TreeDiffers, match="gone before it was hashed"):
                log.step(clock.now())
            assert leaf_count() == size
            assert Alert.objects.filter(dedup_key=TREE, resolved_at=None).exists()
        sequence()
        require_whole()

    def test_goes_on_over_nothing_that_has_gone_from_under_its_hash(self) -> None:
        """Else its number would be given again, to an event that nobody hashes."""
        log = Led()
        write(1)
        log.step(clock.now())
        last = AuditLeaf.objects.latest("index").index
        write(1)
        with changed(("DELETE FROM audit_leaf WHERE index = %s", [last]), tables=("audit_leaf",)):
            with pytest.raises(TreeDiffers, match="leaves that were hashed have gone"):
                log.step(clock.now())
            assert Alert.objects.filter(dedup_key=TREE, resolved_at=None).exists()
            assert AuditLeaf.objects.latest("index").index == last - 1
        sequence()
        assert not Alert.objects.filter(dedup_key=TREE, resolved_at=None).exists()
        require_whole()
