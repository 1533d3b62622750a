"""Onboarding on a real chain: approved and proved, in either order, until the wallet may hold the token."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

from django.db import connections
from eth_account import Account

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import actor_of, make_user
from apps.accounts.types import Role
from apps.chain import calls
from apps.chain.selectors.tokens import binding
from apps.chain.services.intents import submit
from apps.chain.services.tokens import deploy_token
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import anything
from apps.chain.types import SignerRole
from apps.compliance.models import WalletRegistration
from apps.compliance.services.investors import ensure_profile
from apps.compliance.services.wallets import prove_wallet as prove_wallet_now
from apps.compliance.tests.test_wallets import challenge, prove, sign
from apps.core import clock
from apps.core.db import unit_of_work
from apps.securities.tests.factories import make_security


def new_investor() -> User:
    user = make_user()
    with unit_of_work():
        ensure_profile(party_id=user.memberships.get().party_id, now=clock.now())
    return user


def approve(user: User) -> None:
    officer = api_client(make_user(role=Role.COMPLIANCE))
    body = {"status": "APPROVED", "reason": "seen", "accredited": True}
    party_id = user.memberships.get().party_id
    assert officer.post(f"/api/compliance/investors/{party_id}/kyc", body).status_code == 200


def prove_wallet(user: User) -> str:
    client, account = api_client(user), Account.create()
    asked = challenge(client, account)
    assert prove(client, asked["challenge_id"], sign(account, asked["message"]))[0] == 201
    return account.address.lower()


def wallets(user: User) -> list[dict]:
    return api_client(user).get("/api/dex/wallets").json()["data"]["results"]


class TestOnboarding:
    def test_leads_from_either_side_to_a_registered_wallet(self, chain_platform: ChainPlatform) -> None:
        isin = make_security().isin
        approved_first, proved_first, never_approved = new_investor(), new_investor(), new_investor()
        approve(approved_first)
        for user in (approved_first, proved_first, never_approved):
            prove_wallet(user)
        approve(proved_first)
        assert [wallets(u)[0]["claim_status"] for u in (approved_first, never_approved)] == ["REQUESTED", "NONE"]

        chain_platform.run_until_quiet()
        assert wallets(proved_first)[0]["claim_status"] == "FINAL"
        assert wallets(proved_first)[0]["registered_isins"] == []

        with unit_of_work():
            deploy_token(isin=isin, name="Example", symbol="EXA", decimals=0, now=clock.now())
        chain_platform.run_until_quiet()
        found = [wallets(u)[0] for u in (approved_first, proved_first, never_approved)]
        assert [w["claim_status"] for w in found] == ["FINAL", "FINAL", "NONE"]
        assert [w["registered_isins"] for w in found] == [[isin], [isin], []]

        later = new_investor()
        prove_wallet(later)
        approve(later)
        chain_platform.run_until_quiet()
        assert wallets(later)[0]["registered_isins"] == [isin]

    def test_starts_when_approval_and_proof_come_at_the_same_instant(self, chain_platform: ChainPlatform) -> None:
        """The proof has seen no approval yet; the approval must wait for its wallet."""
        user, account = new_investor(), Account.create()
        asked = challenge(api_client(user), account)

        def approve_apart() -> None:
            try:
                approve(user)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            with unit_of_work():
                prove_wallet_now(
                    actor=actor_of(user),
                    challenge_id=UUID(asked["challenge_id"]),
                    signature=sign(account, asked["message"]),
                    now=clock.now(),
                )
                approval = pool.submit(approve_apart)
                with suppress(TimeoutError):
                    approval.result(2)
            approval.result(20)
        assert wallets(user)[0]["claim_status"] == "REQUESTED"


class TestARegistrationThatFailed:
    def call_registry(self, platform: ChainPlatform, isin: str, signature: str) -> None:
        """As the registry's owner, with our agent as the argument."""
        agent = platform.account(1).address
        with anything(), unit_of_work():
            submit(
                signer=SignerRole.DEPLOYER,
                to=binding(isin).identity_registry,
                data=calls._call(signature)(agent),
                kind="test",
                business_key=signature,
                now=clock.now(),
            )
        platform.run_until_quiet()

    def test_is_tried_again_by_the_next_approval(self, chain_platform: ChainPlatform) -> None:
        isin, user = make_security().isin, new_investor()
        with unit_of_work():
            deploy_token(isin=isin, name="Example", symbol="EXB", decimals=0, now=clock.now())
        chain_platform.run_until_quiet()
        self.call_registry(chain_platform, isin, "removeAgent(address)")
        approve(user)
        prove_wallet(user)
        chain_platform.run_until_quiet()
        registration = WalletRegistration.objects.get(wallet__party=user.memberships.get().party_id, isin=isin)
        assert registration.status == "FAILED"
        self.call_registry(chain_platform, isin, "addAgent(address)")
        approve(user)
        chain_platform.run_until_quiet()
        assert wallets(user)[0]["registered_isins"] == [isin]
