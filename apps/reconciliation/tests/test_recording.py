"""What runs make of breaks: raised, seen, reopened, cleared, and left alone where they were accepted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.core import clock
from apps.core.models import Alert, OutboxEvent
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.selectors.runs import run as run_view_of
from apps.reconciliation.services.fingerprints import fingerprint_of
from apps.reconciliation.tests.factories import (
    approve,
    make_asset,
    make_break,
    make_run,
    make_wallet,
    missing,
    propose,
    state_finding,
)
from apps.reconciliation.types import BreakKind, ResolutionKind, RunDepth


def changes(row: Break) -> list[str]:
    return list(BreakEvent.objects.filter(found=row).order_by("pk").values_list("change", flat=True))


@pytest.mark.usefixtures("books")
class TestRecording:
    def test_raises_with_the_remedy_the_run_found(self) -> None:
        isin, wallet = make_asset(), make_wallet()
        row = make_break(missing(isin, wallet))
        (event,) = row.events.all()
        assert (row.state, row.kind, row.wallet_address, row.owner_id) == ("OPEN", "MISSING_IN_BOOKS", wallet, None)
        assert event.remedy == {
            "debit": {"kind": "ISSUANCE", "wallet_address": None},
            "credit": {"kind": "POSITION", "wallet_address": wallet},
            "amount": "25",
        }
        assert (event.change, event.user_id, event.run_id) == ("RAISED", None, row.first_run_id)
        assert event.fingerprint == fingerprint_of(missing(isin, wallet))
        payload = OutboxEvent.objects.get(topic="reconciliation.breaks_found", key=str(row.first_run_id)).payload
        assert payload == {"run_id": str(row.first_run_id), "isin": isin, "breaks": 1, "new": 1}

    def test_says_how_grave_it_is(self) -> None:
        isin = make_asset()
        make_run(isin, state_finding(isin))
        alert = Alert.objects.get(dedup_key=f"reconciliation.breaks:{isin}", resolved_at=None)
        assert alert.severity == "ERROR"
        make_run(isin, state_finding(isin), missing(isin, make_wallet()))
        alert.refresh_from_db()
        assert alert.severity == "CRITICAL"

    def test_sees_again_and_keeps_the_first_sight(self) -> None:
        isin, wallet = make_asset(), make_wallet()
        row = make_break(missing(isin, wallet))
        run = make_run(isin, missing(isin, wallet, 30, kind=BreakKind.AMOUNT))
        again = Break.objects.get(pk=row.pk)
        assert (again.state, again.kind, again.first_seen_at) == ("OPEN", "AMOUNT", row.first_seen_at)
        assert again.last_seen_at == run.finished_at
        assert changes(row) == ["RAISED", "SEEN"]

    def test_clears_what_is_gone_and_reopens_with_the_original_age(self) -> None:
        isin, wallet = make_asset(), make_wallet()
        row = make_break(missing(isin, wallet))
        run = make_run(isin)
        gone = Break.objects.get(pk=row.pk)
        assert (run.status, gone.state, gone.cleared_at) == ("CLEAN", "CLEARED", run.finished_at)
        assert not Alert.objects.filter(dedup_key=f"reconciliation.breaks:{isin}", resolved_at=None).exists()
        make_run(isin, missing(isin, wallet))
        back = Break.objects.get(pk=row.pk)
        assert (back.state, back.cleared_at, back.first_seen_at) == ("OPEN", None, row.first_seen_at)
        assert changes(row) == ["RAISED", "CLEARED", "REOPENED"]

    def test_concludes_nothing_from_an_incomplete_run(self) -> None:
        isin, wallet, other = make_asset(), make_wallet(), make_wallet()
        row = make_break(missing(isin, wallet))
        run = make_run(isin, missing(isin, other), incomplete=True)
        assert (run.status, run.breaks_found) == ("INCOMPLETE", 1)
        assert Break.objects.get(pk=row.pk).state == "OPEN"
        assert changes(Break.objects.get(wallet_address=other)) == ["RAISED"]

    def test_clears_only_what_it_looked_at(self) -> None:
        isin, alice, bob = make_asset(), make_wallet(), make_wallet()
        paused = state_finding(isin)
        make_run(isin, missing(isin, alice), missing(isin, bob), paused)
        run = make_run(isin, paused, looked_at=frozenset({alice}))
        assert run.status == "BREAKS"
        states = dict(Break.objects.filter(isin=isin).values_list("identity", "state"))
        assert states == {
            f"{isin}:position:{alice}": "CLEARED",
            f"{isin}:position:{bob}": "OPEN",
            paused.identity: "OPEN",
        }
        assert Alert.objects.filter(dedup_key=f"reconciliation.breaks:{isin}", resolved_at=None).exists()
        make_run(isin, looked_at=frozenset())
        assert Break.objects.get(identity=paused.identity).state == "CLEARED"
        assert Break.objects.get(wallet_address=bob).state == "OPEN"
        make_run(isin)
        assert Break.objects.get(wallet_address=bob).state == "CLEARED"

    def test_clears_what_only_the_tokens_answers_show_when_they_were_asked_for(self) -> None:
        isin, alice = make_asset(), make_wallet()
        found = replace(missing(isin, alice), identity=f"{isin}:stored:balance:{alice}")
        make_run(isin, found)
        make_run(isin, depth=RunDepth.FOLD)
        assert Break.objects.get(wallet_address=alice).state == "OPEN"
        make_run(isin, depth=RunDepth.FULL)
        assert Break.objects.get(wallet_address=alice).state == "CLEARED"

    def test_leaves_breaks_of_other_securities_alone(self) -> None:
        isin, other = make_asset(), make_asset()
        row = make_break(missing(isin, make_wallet()))
        make_run(other)
        assert Break.objects.get(pk=row.pk).state == "OPEN"

    def test_lapses_what_was_proposed_for_a_break_that_is_gone(self) -> None:
        isin = make_asset()
        row = make_break(missing(isin, make_wallet()))
        made = Resolution.objects.get(pk=propose(row, make_actor(role=Role.OPS)))
        run = make_run(isin)
        made.refresh_from_db()
        assert (made.state, made.decided_by, made.decided_at) == ("LAPSED", None, run.finished_at)
        assert Break.objects.get(pk=row.pk).state == "CLEARED"

    def test_keeps_a_proposal_while_the_break_is_still_there(self) -> None:
        isin = make_asset()
        found = missing(isin, make_wallet())
        row = make_break(found)
        made = propose(row, make_actor(role=Role.OPS))
        make_run(isin, found)
        assert Break.objects.get(pk=row.pk).state == "PROPOSED"
        assert Resolution.objects.get(pk=made).state == "PROPOSED"
        assert changes(row) == ["RAISED", "PROPOSED", "SEEN"]

    def test_asks_no_more_of_the_database_for_more_breaks(self) -> None:
        def asked(number: int) -> int:
            isin = make_asset()
            findings = [missing(isin, make_wallet()) for _ in range(number)]
            make_run(isin, *findings[: number // 2])
            with CaptureQueriesContext(
                connection,
            ) as queries:
                make_run(isin, *findings[number // 4 :])
            return len(queries)

        assert asked(8) == asked(80)


@pytest.mark.usefixtures("books")
class TestAfterAResolution:
    @pytest.fixture
    def paused(self) -> Break:
        """A break that two people accepted."""
        row = make_break(state_finding(make_asset()))
        approve(propose(row, make_actor(role=Role.OPS), ResolutionKind.ACCEPT), make_actor(role=Role.COMPLIANCE))
        return Break.objects.get(pk=row.pk)

    def test_what_is_found_as_it_was_accepted_is_no_break_of_the_run(self, paused: Break) -> None:
        run = make_run(paused.isin, state_finding(paused.isin, message="Said otherwise."))
        assert (run.status, run.breaks_found, run_view_of(run.pk).breaks) == ("CLEAN", 0, ())
        row = Break.objects.get(pk=paused.pk)
        assert (row.state, row.accepted, row.last_seen_at) == ("RESOLVED", paused.accepted, run.finished_at)
        assert changes(row) == ["RAISED", "PROPOSED", "RESOLVED"]

    def test_another_break_beside_it_counts_alone(self, paused: Break) -> None:
        run = make_run(paused.isin, state_finding(paused.isin), missing(paused.isin, make_wallet()))
        assert (run.status, run.breaks_found) == ("BREAKS", 1)
        assert Break.objects.get(pk=paused.pk).state == "RESOLVED"

    @pytest.mark.parametrize(
        "other",
        [{"details": {"chain": False}}, {"kind": BreakKind.FROZEN_STATE}, {"chain": 1}, {"tx_hash": "0x" + "1" * 64}],
    )
    def test_what_is_found_otherwise_reopens(self, paused: Break, other: dict) -> None:
        run = make_run(paused.isin, state_finding(paused.isin, **other))
        row = Break.objects.get(pk=paused.pk)
        assert (run.status, row.state, row.accepted, row.resolved_at) == ("BREAKS", "OPEN", "", None)
        assert row.first_seen_at == paused.first_seen_at
        assert changes(row)[-1] == "REOPENED"

    def test_it_stays_resolved_when_it_is_no_longer_found(self, paused: Break) -> None:
        make_run(paused.isin)
        assert Break.objects.get(pk=paused.pk).state == "RESOLVED"
        assert changes(paused) == ["RAISED", "PROPOSED", "RESOLVED"]

    def test_a_posted_break_that_is_found_again_reopens(self) -> None:
        isin = make_asset()
        found = missing(isin, make_wallet())
        row = make_break(found)
        approve(propose(row, make_actor(role=Role.OPS)), make_actor(role=Role.OPS))
        make_run(isin, found)
        again = Break.objects.get(pk=row.pk)
        assert (again.state, again.first_seen_at) == ("OPEN", row.first_seen_at)
        assert changes(row) == ["RAISED", "PROPOSED", "RESOLVED", "REOPENED"]

    @pytest.mark.parametrize("behind", [{"sequence": 0}, {"started_at": clock.now() - timedelta(hours=1)}])
    def test_a_run_that_read_the_books_before_the_entry_is_void(self, behind: dict) -> None:
        isin = make_asset()
        found = missing(isin, make_wallet())
        row = make_break(found)
        approve(propose(row, make_actor(role=Role.OPS)), make_actor(role=Role.OPS))
        run = make_run(isin, replace(found), **behind)
        assert (run.status, run.problems) == (
            "VOID",
            ["A break was resolved while this run read books and chain."],
        )
        assert Break.objects.get(pk=row.pk).state == "RESOLVED"
        assert changes(row) == ["RAISED", "PROPOSED", "RESOLVED"]
