"""Random faults in a healthy world on a real chain: each is found, named as the oracle says, and no other."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.reconciliation.services.engine import RunOrder
from apps.reconciliation.tests import oracle
from apps.reconciliation.tests.world import FAULTS, IN_TABLES, ON_CHAIN, Done, World
from apps.reconciliation.types import BreakKind, RunDepth

FULL = RunOrder(RunDepth.FULL)


def inject(world: World, chosen: set[int], units: int) -> list[Done]:
    """Do these: on the chain first, until all of it is final and seen, and then in the tables."""
    asked = [fault for number, fault in enumerate(FAULTS) if number in chosen]
    done = [fault(world, units) for fault in asked if fault in ON_CHAIN]
    world.stage.platform.finalize()
    world.stage.settle_down()
    return done + [fault(world, units) for fault in asked if fault in IN_TABLES]


def raised(world: World, done: list[Done]) -> list[tuple[str, str]]:
    run = world.stage.run(order=FULL)
    assert run.problems == ()
    assert run.status == ("BREAKS" if done else "CLEAN")
    return sorted((b.kind, oracle.subject(b.kind, b.wallet_address, b.tx_hash, done)) for b in run.breaks)


class TestFaults:
    def test_of_every_kind_there_is_one(self) -> None:
        assert {kind for kind, _ in oracle.CALLED.values()} == set(BreakKind.values)
        assert len(oracle.CALLED) == len(FAULTS)

    def test_a_healthy_world_has_none(self, healthy: World) -> None:
        with healthy.copy() as copy:
            assert raised(copy, inject(copy, set(), 0)) == []
            assert copy.stage.run(order=RunOrder(incremental=True)).status == "CLEAN"

    def test_all_at_once_are_told_apart(self, healthy: World) -> None:
        with healthy.copy() as copy:
            done = inject(copy, set(range(len(FAULTS))), 2)
            assert raised(copy, done) == oracle.names(done)

    def test_two_that_cancel_out_are_found_by_the_first_run_and_by_those_after_it(self, world: World) -> None:
        with world.copy() as copy:
            log, posting = copy.log_of_ours_is_booked_for_another_reason(4)
            copy.stage.platform.finalize()
            copy.stage.settle_down()
            for order in (RunOrder(), RunOrder(), FULL, RunOrder(incremental=True)):
                found = {b.kind: b for b in copy.stage.run(order=order).breaks}
                assert set(found) == {"MISSING_IN_BOOKS", "MISSING_ON_CHAIN"}
                assert found["MISSING_IN_BOOKS"].tx_hash == log.tx_hash
                assert found["MISSING_ON_CHAIN"].wallet_address in {posting.wallet, copy.stage.alice}

    @pytest.mark.soak
    @pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.__name__ for fault in FAULTS])
    def test_each_is_found_and_named(self, healthy: World, number: int) -> None:
        with healthy.copy() as copy:
            done = inject(copy, {number}, 2)
            assert raised(copy, done) == oracle.names(done)

    @settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.sets(st.integers(0, len(FAULTS) - 1), min_size=2, max_size=6), st.integers(1, 5))
    def test_several_are_told_apart(self, healthy: World, chosen: set[int], units: int) -> None:
        with healthy.copy() as copy:
            done = inject(copy, chosen, units)
            assert raised(copy, done) == oracle.names(done)

    @pytest.mark.soak
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sets(st.integers(0, len(FAULTS) - 1), min_size=1, max_size=len(FAULTS)), st.integers(1, 5))
    def test_any_are_told_apart(self, healthy: World, chosen: set[int], units: int) -> None:
        with healthy.copy() as copy:
            done = inject(copy, chosen, units)
            assert raised(copy, done) == oracle.names(done)
