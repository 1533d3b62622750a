"""Breaks whatever order people and runs act in, and where two act at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import DomainError
from apps.ledger.models import LedgerTransfer
from apps.ledger.selectors.balances import by_wallet
from apps.reconciliation.models import Break, Resolution
from apps.reconciliation.tests.acts import reject
from apps.reconciliation.tests.factories import (
    approve,
    make_asset,
    make_break,
    make_run,
    missing,
    propose,
    state_finding,
)
from apps.reconciliation.types import Finding, ResolutionKind

ACTS = st.lists(st.sampled_from(["found", "changed", "gone", "propose", "approve", "reject", "own"]), max_size=9)
# What each act makes of a break in each state; an act that is not named is refused, or changes nothing.
NEXT = {
    ("OPEN", "gone"): "CLEARED",
    ("OPEN", "propose"): "PROPOSED",
    ("PROPOSED", "gone"): "CLEARED",
    ("PROPOSED", "approve"): "RESOLVED",
    ("PROPOSED", "reject"): "OPEN",
    ("CLEARED", "found"): "OPEN",
    ("CLEARED", "changed"): "OPEN",
    ("RESOLVED", "changed"): "OPEN",
}


class TestAnyOrderOfActs:
    """The states of an acceptable break, whatever runs and people do to it: a model of nine lines beside the books."""

    @pytest.fixture
    def people(self, books: str) -> Iterator[tuple[Actor, Actor]]:
        return make_actor(role=Role.OPS), make_actor(role=Role.COMPLIANCE)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(acts=ACTS)
    def test_ends_where_the_model_does(self, people: tuple[Actor, Actor], acts: list[str]) -> None:
        maker, checker = people
        seen = state_finding(make_asset())
        row, state, proposed_for, made = make_break(seen), "OPEN", "", None
        for number, act in enumerate(acts):
            if act == "changed":
                seen = replace(seen, details={"chain": number})
            stale = act == "approve" and proposed_for != str(seen.details)
            if act == "propose" and state == "OPEN":
                proposed_for = str(seen.details)
            expected = state if stale else NEXT.get((state, act), state)
            made = perform(act, row, seen, made, maker, checker)
            state = expected
            kept = Break.objects.get(pk=row.pk)
            assert (kept.state, kept.first_seen_at) == (state, row.first_seen_at), (acts, act)
            open_ones = Resolution.objects.filter(found=row, state="PROPOSED").count()
            assert open_ones == int(state == "PROPOSED"), (acts, act)


def perform(act: str, row: Break, seen: Finding, made: UUID | None, maker: Actor, checker: Actor) -> UUID | None:
    """Do it, or be refused; the last proposal there is."""
    try:
        if act in {"found", "changed"}:
            make_run(row.isin, seen)
        elif act == "gone":
            make_run(row.isin)
        elif act == "propose":
            return propose(row, maker, ResolutionKind.ACCEPT)
        elif act == "own" and made:
            approve(made, maker)
        elif act == "approve" and made:
            approve(made, checker)
        elif act == "reject" and made:
            reject(made, checker)
    except DomainError:
        pass
    return made


class TestAtOnce:
    def test_two_who_approve_post_one_entry(self, row: Break, maker: Actor) -> None:
        made, people, barrier = propose(row, maker), [make_actor(role=Role.COMPLIANCE) for _ in range(2)], Barrier(2)

        def decide(person: Actor) -> str:
            try:
                barrier.wait(10)
                approve(made, person)
            except DomainError as refusal:
                return refusal.code
            finally:
                connections.close_all()
            return "done"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(decide, people)) == ["done", "resolution_decided"]
        assert LedgerTransfer.objects.filter(source_ref=f"resolution:{made}").count() == 1
        assert by_wallet(row.isin) == {row.wallet_address: 25}

    def test_a_run_and_an_approval_leave_one_of_two_orders(self, row: Break, maker: Actor, checker: Actor) -> None:
        """The run has read the books before: it is written first and clears nothing, or is void."""
        made, began, barrier = propose(row, maker), clock.now(), Barrier(2)

        def run() -> str:
            try:
                barrier.wait(10)
                found = missing(row.isin, row.wallet_address)
                return str(make_run(row.isin, found, started_at=began).status)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run)
            barrier.wait(10)
            approve(made, checker)
            assert running.result() in {"BREAKS", "VOID"}
        assert Break.objects.get(pk=row.pk).state == "RESOLVED"
        assert LedgerTransfer.objects.filter(source_ref=f"resolution:{made}").count() == 1
