"""The books against a plain model of them, in any order of acts: the invariants hold after every one."""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from apps.ledger.errors import AlreadyResolved, HoldOverReleased, IdempotencyConflict, InsufficientBalance
from apps.ledger.selectors.balances import balances, control_totals
from apps.ledger.selectors.fold import fold_check
from apps.ledger.selectors.transfers import states_of
from apps.ledger.services.assets import register_asset
from apps.ledger.services.batches import write_batch
from apps.ledger.services.holds import apply_holds
from apps.ledger.services.transfers import expire_many, pend_many, post_many, transfer_many, void_many
from apps.ledger.tests import factories as make
from apps.ledger.types import AccountKey, AccountKind, Balance, HoldEntry, PendingTransfer, Transfer

WALLETS = 4
ENDS: dict[str, Callable[..., Any]] = {"POSTED": post_many, "VOIDED": void_many, "EXPIRED": expire_many}

# Account 0 is the control account; amounts are small, so that shortages are common.
accounts = st.integers(0, WALLETS)
amounts = st.integers(1, 30)
legs = st.lists(st.tuples(accounts, accounts, amounts).filter(lambda leg: leg[0] != leg[1]), min_size=1, max_size=3)
entries = st.lists(st.tuples(st.integers(1, WALLETS), st.integers(-20, 20).filter(bool)), min_size=1, max_size=4)


def hold_many(group: list[HoldEntry]) -> bool:
    apply_holds(group)
    return True


def batch_of(holds: list[HoldEntry], group: list[PendingTransfer]) -> bool:
    write_batch(holds=holds, pendings=group)
    return True


OUTCOMES = [
    *(f"{name}_many done" for name in ("transfer", "pend", "post", "void", "expire", "hold")),
    *(f"{name} short" for name in ("transfer_many", "pend_many", "hold_many", "batch_of")),
    *("batch_of done", "hold_many released", "already resolved"),
]


class Books(RuleBasedStateMachine):
    """One asset with a control account and a few wallets, and the same in plain Python."""

    pendings = Bundle("pendings")
    acts = Bundle("acts")
    seen: ClassVar[Counter[str]] = Counter()

    @initialize()
    def open_books(self) -> None:
        asset = make.make_key("A").upper().replace(":", "-")
        make.commit(register_asset, asset, 0)
        kinds = [AccountKey(asset, AccountKind.ISSUANCE)]
        kinds += [AccountKey(asset, AccountKind.POSITION, make.make_wallet()) for _ in range(WALLETS)]
        self.asset = asset
        self.ids: list[UUID] = [make.account_of(key) for key in kinds]
        self.standing: dict[int, list[int]] = {number: [0, 0, 0] for number in range(WALLETS + 1)}
        self.states: dict[str, str] = {}
        self.expect(
            transfer_many,
            [(0, -40 * WALLETS, 0, 0), *((n, 40, 0, 0) for n in range(1, WALLETS + 1))],
            [make.transfer(self.ids[0], account, 40) for account in self.ids[1:]],
        )

    def expect(self, service: Callable[..., Any], changes: list[tuple[int, int, int, int]], *args: Any) -> Any:
        """Run a service that nets to `changes` (account, posted, by holds, by pendings); None if rightly refused."""
        after = {account: list(self.standing[account]) for account, *_ in changes}
        for account, *change in changes:
            after[account] = [have + by for have, by in zip(after[account], change, strict=True)]
        short = {a for a, (posted, holds, pendings) in after.items() if a and posted < holds + pendings}
        released = {a for a, (_, holds, _) in after.items() if holds < 0}
        self.seen[f"{service.__name__} {'short' if short else 'released' if released else 'done'}"] += 1
        if short or released:
            before = make.rows_written()
            with pytest.raises(InsufficientBalance if short else HoldOverReleased) as refused:
                make.commit(service, *args)
            assert refused.value.context["account_ids"] == sorted(str(self.ids[a]) for a in short or released)
            assert make.rows_written() == before
            return None
        answer = make.commit(service, *args)
        self.standing |= after
        return answer

    @rule(target=acts, legs=legs)
    def transfer(self, legs: list[tuple[int, int, int]]) -> Any:
        group = [make.transfer(self.ids[d], self.ids[c], n) for d, c, n in legs]
        changes = [(d, -n, 0, 0) for d, _, n in legs] + [(c, n, 0, 0) for _, c, n in legs]
        answer = self.expect(transfer_many, changes, group)
        return multiple() if answer is None else (transfer_many, group, answer)

    @rule(target=pendings, legs=legs)
    def pend(self, legs: list[tuple[int, int, int]]) -> list[tuple[str, int, int, int]]:
        group = [make.pending(self.ids[d], self.ids[c], n) for d, c, n in legs]
        answer = self.expect(pend_many, [(d, 0, 0, n) for d, _, n in legs], group)
        if answer is None:
            return multiple()
        self.states |= {row.idem_key: "PENDING" for row in group}
        return [(row.idem_key, *leg) for row, leg in zip(group, legs, strict=True)]

    @rule(target=acts, group=pendings, state=st.sampled_from(sorted(ENDS)))
    def end(self, group: list[tuple[str, int, int, int]], state: str) -> Any:
        resolutions = [(key, f"{key}:{state}", make.DAY) for key, *_ in group]
        if any(self.states[key] not in {"PENDING", state} for key, *_ in group):
            with pytest.raises(AlreadyResolved):
                make.commit(ENDS[state], resolutions)
            self.seen["already resolved"] += 1
            return multiple()
        fresh = [row for row in group if self.states[row[0]] == "PENDING"]
        changes = [(d, -n if state == "POSTED" else 0, 0, -n) for _, d, _, n in fresh]
        changes += [(c, n, 0, 0) for _, _, c, n in fresh if state == "POSTED"]
        answer = self.expect(ENDS[state], changes, resolutions)
        assert answer is not None, "what is pending can always be ended"
        self.states |= {key: state for key, *_ in group}
        return (ENDS[state], resolutions, answer)

    @rule(target=acts, entries=entries)
    def hold(self, entries: list[tuple[int, int]]) -> Any:
        group = [make.hold(self.ids[account], amount) for account, amount in entries]
        answer = self.expect(hold_many, [(account, 0, n, 0) for account, n in entries], group)
        return multiple() if answer is None else (hold_many, group, answer)

    @rule(target=pendings, entries=entries, legs=legs)
    def batch(self, entries: list[tuple[int, int]], legs: list[tuple[int, int, int]]) -> list[Any]:
        holds = [make.hold(self.ids[account], amount) for account, amount in entries]
        group = [make.pending(self.ids[d], self.ids[c], n) for d, c, n in legs]
        changes = [(account, 0, n, 0) for account, n in entries] + [(d, 0, 0, n) for d, _, n in legs]
        if self.expect(batch_of, changes, holds, group) is None:
            return multiple()
        self.states |= {row.idem_key: "PENDING" for row in group}
        return [(row.idem_key, *leg) for row, leg in zip(group, legs, strict=True)]

    @rule(act=acts)
    def replay(self, act: tuple[Callable[..., Any], list[Any], Any]) -> None:
        service, group, answer = act
        before = make.rows_written()
        assert make.commit(service, group) == answer
        assert make.rows_written() == before

    @rule(act=acts, more=amounts)
    def reuse_a_key(self, act: tuple[Callable[..., Any], list[Any], Any], more: int) -> None:
        service, group, _ = act
        first = group[0]
        if not isinstance(first, Transfer):
            return
        other = make.transfer(first.debit_account_id, first.credit_account_id, first.amount + more, key=first.idem_key)
        with pytest.raises(IdempotencyConflict):
            make.commit(service, [other])

    @invariant()
    def balances_are_the_models(self) -> None:
        found = balances(self.ids)
        expected = {}
        for number, (posted, holds, pendings) in self.standing.items():
            expected[self.ids[number]] = Balance(posted, holds + pendings)
        assert found == expected

    @invariant()
    def balances_are_the_fold_and_sum_to_zero(self) -> None:
        assert fold_check(self.asset) == []
        assert sum(control_totals(self.asset).values()) == 0

    @invariant()
    def wallets_are_covered(self) -> None:
        assert all(b.posted >= b.held >= 0 for pk, b in balances(self.ids).items() if pk != self.ids[0])

    @invariant()
    def pendings_are_where_the_model_has_them(self) -> None:
        assert states_of(self.states) == self.states


@pytest.mark.usefixtures("books")
class TestLedgerProperties:
    def test_hold_in_any_order_of_acts(self) -> None:
        run_state_machine_as_test(
            Books,
            settings=settings(
                max_examples=20,
                stateful_step_count=25,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert fold_check() == []
        rare = {outcome: Books.seen[outcome] for outcome in OUTCOMES if Books.seen[outcome] < 3}
        assert rare == {}, "the examples must reach every outcome"
