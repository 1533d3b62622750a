"""Creating and activating securities: services and the constraints under them."""

from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.accounts.tests.factories import actor_of, make_actor, make_party, make_user
from apps.accounts.types import Role
from apps.audit.selectors.trail import audit_logs
from apps.core import clock
from apps.core.actor import Actor, system_actor
from apps.core.db import run_sql, unit_of_work
from apps.core.errors import DomainError, RoleRequired
from apps.core.money import cash_amount
from apps.securities import errors
from apps.securities.models import Issuer, Security, TradingTerms
from apps.securities.selectors.securities import securities, securities_named, security
from apps.securities.services.securities import activate_security, create_security
from apps.securities.tests.factories import make_draft, make_isin, make_security


def counts() -> tuple[int, ...]:
    return Security.objects.count(), TradingTerms.objects.count(), Issuer.objects.count(), audit_logs().count()


@pytest.mark.usefixtures("books")
class TestCreateSecurity:
    def test_belongs_to_the_actors_own_party_as_a_draft(self) -> None:
        actor, draft = make_actor(role=Role.ISSUER), make_draft()
        view = create_security(actor=actor, draft=draft, now=clock.now())
        assert (view.issuer_party_id, view.status) == (actor.party_id, "DRAFT")
        assert security(draft.isin) == view
        assert (view.terms.cash_decimals, view.terms.tick) == (6, draft.terms.tick)

    def test_makes_the_party_an_issuer_once(self) -> None:
        actor = make_actor(role=Role.ISSUER)
        for _ in range(2):
            create_security(actor=actor, draft=make_draft(), now=clock.now())
        assert Issuer.objects.filter(party_id=actor.party_id).count() == 1

    def test_is_recorded_with_its_terms(self) -> None:
        actor, draft = make_actor(role=Role.ISSUER), make_draft(authorized_quantity=10**37)
        create_security(actor=actor, draft=draft, now=clock.now())
        row = audit_logs(action="securities.security_created", resource_id=draft.isin).get()
        assert row.user_id == actor.user_id
        assert row.after["authorized_quantity"] == str(10**37)
        assert (row.after["tick"], row.after["lot"]) == ("10000", "1")

    @pytest.mark.parametrize("role", [Role.INVESTOR, Role.COMPLIANCE, Role.OPS])
    def test_is_for_issuers_alone(self, role: Role) -> None:
        actor, before = make_actor(role=role), counts()
        with pytest.raises(RoleRequired):
            create_security(actor=actor, draft=make_draft(), now=clock.now())
        with pytest.raises(RoleRequired):
            create_security(actor=system_actor(), draft=make_draft(), now=clock.now())
        assert counts() == before

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"isin": "US0378331006"}, errors.InvalidIsin),
            ({"isin": "us0378331005"}, errors.InvalidIsin),
            ({"isin": "US0378331005 "}, errors.InvalidIsin),
            ({"isin": ""}, errors.InvalidIsin),
            ({"cfi": "XXXXXX"}, errors.InvalidCfi),
            ({"cfi": "esvufr"}, errors.InvalidCfi),
            ({"terms": {"cash_asset": "DOGE"}}, errors.UnknownCashAsset),
            ({"terms": {"lot": 0}}, errors.TermsNotPositive),
            ({"terms": {"tick": 0}}, errors.TermsNotPositive),
            ({"terms": {"tick": -1}}, errors.TermsNotPositive),
            ({"terms": {"min_quantity": 0}}, errors.TermsNotPositive),
            ({"terms": {"min_quantity": 10, "max_quantity": 9}}, errors.TermsOutOfOrder),
            ({"terms": {"lot": 2, "min_quantity": 3, "max_quantity": 4}}, errors.TermsNotInLots),
            ({"terms": {"lot": 2, "min_quantity": 2, "max_quantity": 5}}, errors.TermsNotInLots),
            ({"quantity_decimals": 5, "terms": {"tick": 10_000, "lot": 1}}, errors.TickTimesLotNotWhole),
        ],
        ids=str,
    )
    def test_refuses_what_breaks_a_rule_and_writes_nothing(
        self, changes: dict[str, Any], refusal: type[DomainError]
    ) -> None:
        actor, draft, before = make_actor(role=Role.ISSUER), make_draft(**changes), counts()
        with pytest.raises(refusal):
            create_security(actor=actor, draft=draft, now=clock.now())
        assert counts() == before

    def test_refuses_an_isin_that_exists_even_of_the_same_issuer(self) -> None:
        actor, draft = make_actor(role=Role.ISSUER), make_draft()
        create_security(actor=actor, draft=draft, now=clock.now())
        before = counts()
        with pytest.raises(errors.DuplicateIsin):
            create_security(actor=actor, draft=draft, now=clock.now())
        assert counts() == before

    def test_lets_one_of_many_at_once_have_an_isin(self) -> None:
        actors = [make_actor(role=Role.ISSUER) for _ in range(4)]
        isin, barrier, outcomes = make_isin(), Barrier(4), []

        def create(actor: Any) -> None:
            barrier.wait()
            try:
                outcomes.append(create_security(actor=actor, draft=make_draft(isin=isin), now=clock.now()))
            except errors.DuplicateIsin:
                outcomes.append(None)
            connections.close_all()

        threads = [Thread(target=create, args=(actor,)) for actor in actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (created,) = [outcome for outcome in outcomes if outcome]
        assert len(outcomes) == 4
        assert security(isin) == created

    def test_lets_two_users_of_a_new_issuer_create_at_once(self) -> None:
        party, barrier, outcomes = make_party(), Barrier(2), []
        actors = [actor_of(make_user(role=Role.ISSUER, party=party)) for _ in range(2)]

        def create(actor: Any) -> None:
            barrier.wait()
            outcomes.append(create_security(actor=actor, draft=make_draft(), now=clock.now()).issuer_party_id)
            connections.close_all()

        threads = [Thread(target=create, args=(actor,)) for actor in actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == [party.pk, party.pk]


@pytest.fixture(scope="class")
def actor(books: str) -> Actor:
    """One issuer for the many examples of a property."""
    return make_actor(role=Role.ISSUER)


@pytest.mark.usefixtures("books")
class TestNoFillEverRounds:
    @settings(max_examples=60, deadline=None)
    @given(
        decimals=st.integers(0, 18),
        tick=st.integers(1, 10**12),
        lot=st.integers(1, 10**18),
        price=st.integers(1, 99),
        lots=st.integers(1, 99),
    )
    def test_for_any_terms_the_database_accepts(
        self, actor: Actor, decimals: int, tick: int, lot: int, price: int, lots: int
    ) -> None:
        terms = {"tick": tick, "lot": lot, "min_quantity": lot, "max_quantity": lot}
        whole = (tick * lot) % 10**decimals == 0
        try:
            view = make_security(actor=actor, quantity_decimals=decimals, terms=terms, active=False)
        except errors.TickTimesLotNotWhole:
            assert not whole
            return
        assert whole
        amount = cash_amount(
            price=view.terms.tick * price, quantity=view.terms.lot * lots, quantity_scale=10**view.quantity_decimals
        )
        assert amount * 10**decimals == tick * price * lot * lots

    @settings(max_examples=40, deadline=None)
    @given(decimals=st.integers(0, 18), tick=st.integers(1, 10**6), power=st.integers(0, 18))
    def test_terms_that_divide_are_accepted(self, actor: Actor, decimals: int, tick: int, power: int) -> None:
        lot = 10**power
        assume((tick * lot) % 10**decimals == 0)
        terms = {"tick": tick, "lot": lot, "min_quantity": lot, "max_quantity": lot}
        assert make_security(actor=actor, quantity_decimals=decimals, terms=terms, active=False).terms.tick == tick


@pytest.mark.usefixtures("books")
class TestConstraints:
    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ("isin = 'us0378331005'", "security_isin_shape"),
            ("isin = 'US037833100X'", "security_isin_shape"),
            ("cfi = 'ESVUF1'", "security_cfi_shape"),
            ("name = ''", "security_named"),
            ("exemption = 'NONE'", "security_exemption_known"),
            ("status = 'LIVE', activated_at = now()", "security_status_known"),
            ("quantity_decimals = 19", "security_decimals_range"),
            ("authorized_quantity = 0", "security_authorized_positive"),
            ("authorized_quantity = 'NaN'", "authorized_quantity"),
            ("status = 'ACTIVE', activated_at = NULL", "security_activated_once_live"),
            ("quantity_decimals = quantity_decimals + 1", "terms_scale_of_security"),
        ],
    )
    def test_hold_securities_against_raw_sql(self, change: str, constraint: str) -> None:
        view = make_security(active=False)
        with pytest.raises(IntegrityError, match=constraint):
            run_sql(f"UPDATE securities_security SET {change} WHERE isin = %s", [view.isin])

    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ("tick = 'NaN'", "tick"),
            ("tick = 0", "terms_all_positive"),
            ("lot = 0", "terms_all_positive"),
            ("min_quantity = 0", "terms_all_positive"),
            ("max_quantity = min_quantity - 1", "terms_min_to_max"),
            ("lot = 7", "terms_in_lots"),
            ("cash_asset = 'usd'", "terms_cash_shape"),
            ("days_to_settle = 31", "terms_settlement_days"),
            ("quantity_decimals = 3", "terms_scale_of_security|terms_tick_times_lot_whole"),
        ],
    )
    def test_hold_trading_terms_against_raw_sql(self, change: str, constraint: str) -> None:
        view = make_security(active=False)
        with pytest.raises(IntegrityError, match=constraint):
            run_sql(f"UPDATE securities_tradingterms SET {change} WHERE security_id = %s", [view.isin])

    def test_keep_a_security_from_being_deleted(self) -> None:
        view = make_security()
        with pytest.raises(DatabaseError):
            Security.objects.get(pk=view.isin).delete()


@pytest.mark.usefixtures("books")
class TestActivateSecurity:
    def test_makes_a_draft_active_and_records_it(self) -> None:
        view = make_security(active=False)
        with unit_of_work():
            active = activate_security(isin=view.isin, now=clock.now())
        assert (active.status, security(view.isin).status) == ("ACTIVE", "ACTIVE")
        row = audit_logs(action="securities.security_activated", resource_id=view.isin).get()
        assert (row.before, row.after) == ({"status": "DRAFT"}, {"status": "ACTIVE"})

    def test_repeated_changes_nothing(self) -> None:
        view = make_security()
        first = Security.objects.get(pk=view.isin).activated_at
        with unit_of_work():
            activate_security(isin=view.isin, now=clock.now())
        assert Security.objects.get(pk=view.isin).activated_at == first
        assert audit_logs(action="securities.security_activated", resource_id=view.isin).count() == 1

    def test_refuses_a_halted_one(self) -> None:
        view = make_security()
        Security.objects.filter(pk=view.isin).update(status="HALTED")
        with pytest.raises(errors.SecurityNotDraft), unit_of_work():
            activate_security(isin=view.isin, now=clock.now())
        assert security(view.isin).status == "HALTED"

    def test_refuses_an_unknown_one(self) -> None:
        with pytest.raises(errors.UnknownSecurity), unit_of_work():
            activate_security(isin=make_isin(), now=clock.now())

    def test_is_a_part_of_its_callers_unit_of_work(self) -> None:
        with pytest.raises(RuntimeError, match="unit of work"):
            activate_security(isin=make_isin(), now=clock.now())


@pytest.mark.usefixtures("books")
class TestReadingSecurities:
    def test_finds_those_named_or_those_of_an_issuer(self) -> None:
        actor = make_actor(role=Role.ISSUER)
        first, second = make_security(actor=actor), make_security(actor=actor)
        other = make_security()
        assert securities(issuer_party_id=actor.party_id) == [first, second]
        found = securities_named([other.isin, first.isin, make_isin()])
        assert found == sorted([first, other], key=lambda view: view.isin)
        assert securities_named([]) == []
        assert {first, second, other} <= set(securities())

    def test_refuses_an_unknown_one(self) -> None:
        with pytest.raises(errors.UnknownSecurity):
            security(make_isin())
