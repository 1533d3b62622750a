"""Each role has its power and no other, and no more of it in a period than the policy says."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from apps.chain import calls
from apps.chain.errors import CallNotPermitted, SignerLimit
from apps.chain.models import Signer, SignerNonce, SignerUse, TxIntent
from apps.chain.selectors import tokens
from apps.chain.selectors.intents import intent as read
from apps.chain.services.approving import approve_intent, drop_intent
from apps.chain.services.intents import submit
from apps.chain.services.tokens import deploy_token
from apps.chain.services.watching_sending import OFTEN
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import powers
from apps.chain.tests.test_approving import CHECKER, MAKER, actor
from apps.chain.tests.test_journeys import ISIN, provide
from apps.chain.types import IntentState, IntentView, SignerRole
from apps.core import clock
from apps.core.db import run_sql, unit_of_work
from apps.core.ids import new_id
from apps.core.models import Alert
from config.security.types.chain import Power

WHO = "0x" + "cd" * 20
MINT = calls.mint(WHO, 1)
TRADE = calls.Trade(b"\1" * 32, WHO, WHO, WHO, WHO, 1, 1, 1)


@pytest.fixture(scope="class")
def places(chain_platform: ChainPlatform) -> dict[str, str]:
    """Whose functions may be called: a token with its registry, an identity, the platform's contracts, nobody's."""
    with unit_of_work():
        deploy_token(isin=ISIN, name="Example", symbol="EXM", decimals=0, now=clock.now())
    wallet = chain_platform.account(4).address.lower()
    provide(wallet)
    chain_platform.run_until_quiet()
    found = tokens.identity(wallet)
    assert found is not None
    token = tokens.binding(ISIN)
    own = {role.lower(): address for role, address in Signer.objects.values_list("role", "address")}
    return (
        chain_platform.contracts
        | own
        | {
            "token": token.address,
            "registry": token.identity_registry,
            "identity": found.identity,
            "nobody": WHO,
        }
    )


def ask(role: SignerRole, to: str | None, data: bytes, **more: Any) -> IntentView:
    with unit_of_work():
        return submit(signer=role, to=to, data=data, kind="test", business_key=str(new_id()), now=clock.now(), **more)


def state() -> tuple[Any, ...]:
    """All that a refusal leaves as it was."""
    nonces = sorted(SignerNonce.objects.values_list("signer_id", "next"))
    return TxIntent.objects.count(), nonces, sorted(SignerUse.objects.values_list("signer_id", "measure", "used"))


ROLES = SignerRole
CLAIM = calls.add_claim(1, 1, WHO, b"", b"", "")
IDENTITY = calls.create_identity(WHO, WHO, [])
REGISTER = calls.register_identity(WHO, WHO, 840)
# What is said where, and who alone may.
SAID: list[tuple[str | None, bytes, SignerRole | None]] = [
    ("token", MINT, ROLES.MINTER),
    ("token", calls.unpause(), ROLES.AGENT),
    ("token", calls.add_agent(WHO), ROLES.DEPLOYER),
    ("token", calls.burn(WHO, 1), None),
    ("token", calls.pause(), None),
    ("token", calls.transfer_ownership(WHO), None),
    ("token", b"", None),
    ("token", MINT[:3], None),
    ("registry", REGISTER, ROLES.AGENT),
    ("registry", MINT, None),
    ("dvp", calls.settle([TRADE]), ROLES.OPERATOR),
    ("dvp", calls.allow_token(WHO, 1), ROLES.DEPLOYER),
    ("dvp", calls.transfer_ownership(WHO), None),
    ("payment_token", MINT, None),
    ("id_factory", IDENTITY, ROLES.MANAGEMENT),
    ("identity", CLAIM, ROLES.MANAGEMENT),
    ("claim_issuer", calls.add_key(b"\1" * 32, 1, 1), ROLES.DEPLOYER),
    ("nobody", MINT, None),
    ("nobody", calls.settle([TRADE]), None),
    ("nobody", b"", None),
    ("operator", b"bookentry head", ROLES.OPERATOR),
    ("minter", b"bookentry head", None),
    (None, b"\x60\x00", ROLES.DEPLOYER),
]


class TestARole:
    @pytest.mark.parametrize(("place", "data", "whose"), SAID, ids=[f"{at}-{said[:4].hex()}" for at, said, _ in SAID])
    def test_has_its_power_and_no_other(
        self, places: dict[str, str], place: str | None, data: bytes, whose: SignerRole | None
    ) -> None:
        to = places[place] if place else None
        for role in SignerRole:
            before = state()
            if role == whose:
                assert ask(role, to, data, gas_limit=100_000).state == IntentState.NONCED
            else:
                with pytest.raises(CallNotPermitted) as refused:
                    ask(role, to, data)
                assert refused.value.context == {
                    "signer": role.value,
                    "to": to or "",
                    "selector": "0x" + data[:4].hex(),
                }
                assert state() == before

    def test_is_told_whatever_the_spelling_of_the_address(self, places: dict[str, str]) -> None:
        assert ask(ROLES.MINTER, places["token"].upper().replace("0X", "0x"), MINT).to == places["token"]


def told() -> list[str]:
    """Open alerts of what is sent."""
    return list(Alert.objects.filter(source="chain.sending", resolved_at=None).values_list("dedup_key", flat=True))


def minter(**limits: int) -> Power:
    return replace(settings.SECURITY.chain.powers.minter, **limits)


class TestALimit:
    @pytest.fixture(autouse=True)
    def nothing_used(self, places: dict[str, str]) -> Iterator[None]:
        yield
        SignerUse.objects.all().delete()
        TxIntent.objects.filter(state__in=(IntentState.DRAFT, IntentState.APPROVED)).update(state=IntentState.DROPPED)

    def mint(self, places: dict[str, str], units: int, **more: Any) -> IntentView:
        return ask(ROLES.MINTER, places["token"], calls.mint(WHO, units), units=units, **more)

    def test_of_units_makes_a_draft_of_what_goes_beyond(self, places: dict[str, str]) -> None:
        with powers(minter=minter(units=100)):
            found = [self.mint(places, units) for units in (60, 50, 40, 1)]
        states = [IntentState.NONCED, IntentState.DRAFT, IntentState.NONCED, IntentState.DRAFT]
        assert [each.state for each in found] == states
        assert SignerUse.objects.get(measure="UNITS").used == 100

    def test_of_transactions_holds_for_many_at_once(self, places: dict[str, str]) -> None:
        with powers(minter=minter(transactions=2)):
            found = [self.mint(places, 1) for _ in range(3)]
        assert [each.state for each in found] == ["NONCED", "NONCED", "DRAFT"]

    def test_of_a_whole_period_refuses_what_could_never_be_sent(self, places: dict[str, str]) -> None:
        before = state()
        with powers(minter=minter(units=100)), pytest.raises(SignerLimit) as refused:
            self.mint(places, 101)
        assert refused.value.context == {"signer": "MINTER", "measure": "UNITS", "most": "100"}
        with pytest.raises(SignerLimit):
            ask(ROLES.AGENT, places["token"], calls.unpause(), value=1)
        assert state() == before

    def test_keeps_what_is_approved_until_it_has_room(
        self, chain_platform: ChainPlatform, places: dict[str, str]
    ) -> None:
        """What two people decided waits for no third; what one wrote waits for the second, then for room."""
        with powers(minter=minter(units=100)):
            self.mint(places, 100)
            decided = self.mint(places, 30, drafted_by=MAKER, approved_by=CHECKER)
            draft = self.mint(places, 20, drafted_by=MAKER)
            with unit_of_work():
                approved = approve_intent(actor=actor(CHECKER), intent_id=draft.id, now=clock.now())
            assert [(each.state, each.nonce) for each in (decided, approved)] == [(IntentState.APPROVED, None)] * 2
            chain_platform.step("sender", later=OFTEN)
            assert read(decided.id).state == IntentState.APPROVED
            assert told() == ["chain.sending:limit:MINTER"]
            ended = clock.now() - timedelta(seconds=settings.SECURITY.chain.powers.period_seconds + 1)
            SignerUse.objects.update(started_at=ended)
            chain_platform.step("sender", later=2 * OFTEN)
            chain_platform.step("sender", later=3 * OFTEN)
            assert told() == []
            assert read(decided.id).given_nonce + 1 == read(draft.id).given_nonce
            assert SignerUse.objects.get(measure="UNITS").used == 50

    def test_may_be_given_up_waiting_for(self, places: dict[str, str]) -> None:
        with powers(minter=minter(units=10)):
            self.mint(places, 10)
            waiting = self.mint(places, 1, drafted_by=MAKER, approved_by=CHECKER)
            with unit_of_work():
                drop_intent(actor=actor(CHECKER), intent_id=waiting.id, reason="too late", now=clock.now())
        assert (read(waiting.id).state, read(waiting.id).nonce) == (IntentState.DROPPED, None)

    def test_is_given_back_with_a_business_fact_that_fails(self, places: dict[str, str]) -> None:
        before = state()
        with pytest.raises(ZeroDivisionError), unit_of_work():
            submit(
                signer=ROLES.MINTER,
                to=places["token"],
                data=MINT,
                kind="test",
                business_key="fails",
                units=5,
                now=clock.now(),
            )
            raise ZeroDivisionError
        assert state() == before

    def test_is_counted_once_for_a_key_asked_twice(self, places: dict[str, str]) -> None:
        for _ in range(2):
            with unit_of_work():
                submit(
                    signer=ROLES.MINTER,
                    to=places["token"],
                    data=MINT,
                    kind="test",
                    business_key="asked twice",
                    units=7,
                    now=clock.now(),
                )
        assert SignerUse.objects.get(measure="UNITS").used == 7

    def test_is_never_exceeded_by_two_who_race_for_it(self, places: dict[str, str]) -> None:
        each, barrier = 6, threading.Barrier(2)
        with powers(minter=minter(units=7)):
            found = _both(barrier, lambda: [self.mint(places, 1).state for _ in range(each)])
        assert sorted(found) == [IntentState.DRAFT] * 5 + [IntentState.NONCED] * 7
        assert SignerUse.objects.get(measure="UNITS").used == 7

    def test_is_the_databases_too(self, places: dict[str, str]) -> None:
        self.mint(places, 5)
        with pytest.raises(IntegrityError, match="chain_signer_use_within"):
            run_sql("UPDATE chain_signeruse SET used = most + 1 WHERE measure = 'UNITS'", [])


def _both(barrier: threading.Barrier, act: Callable[[], list[IntentState]]) -> list[IntentState]:
    def begin() -> list[IntentState]:
        try:
            barrier.wait(30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return [state for found in [pool.submit(begin) for _ in range(2)] for state in found.result(60)]
