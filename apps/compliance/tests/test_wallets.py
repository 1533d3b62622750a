"""Wallets: proved by the key, once, in time, and by nobody else."""

from datetime import timedelta

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_user
from apps.audit.models import AuditLog
from apps.compliance.models import InvestorProfile, Wallet, WalletChallenge
from apps.ledger.models import LedgerWalletOwner


def sign(account: LocalAccount, message: str) -> str:
    return "0x" + account.sign_message(encode_defunct(text=message)).signature.hex().removeprefix("0x")


def challenge(client: ApiClient, account: LocalAccount) -> dict[str, str]:
    return client.post("/api/dex/wallets/challenge", {"address": account.address}).json()["data"]


def prove(client: ApiClient, challenge_id: str, signature: str) -> tuple[int, dict]:
    answer = client.post("/api/dex/wallets", {"challenge_id": challenge_id, "signature": signature})
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("books")
class TestProvingAWallet:
    @pytest.fixture
    def account(self) -> LocalAccount:
        return Account.create()

    @pytest.fixture
    def client(self) -> ApiClient:
        return api_client(make_user())

    def test_assigns_it_to_the_party_in_books_and_audit(self, client: ApiClient, account: LocalAccount) -> None:
        asked = challenge(client, account)
        status, body = prove(client, asked["challenge_id"], sign(account, asked["message"]))
        address = account.address.lower()
        wallet = Wallet.objects.get(address=address)
        assert (status, body["data"]["address"], body["data"]["claim_status"]) == (201, address, "NONE")
        assert LedgerWalletOwner.objects.get(pk=address).party_id == wallet.party_id
        assert InvestorProfile.objects.get(pk=wallet.party_id).kyc_status == "PENDING"
        assert AuditLog.objects.filter(action="compliance.wallet_proved", resource_id=address).count() == 1

    def test_asks_for_a_message_that_names_site_chain_nonce_and_expiry(
        self, client: ApiClient, account: LocalAccount
    ) -> None:
        message = challenge(client, account)["message"]
        assert message.startswith(f"localhost wants you to sign in with your Ethereum account:\n{account.address}\n")
        assert all(f"\n{name}: " in message for name in ("Chain ID", "Nonce", "Issued At", "Expiration Time"))

    def test_works_once_per_challenge(self, client: ApiClient, account: LocalAccount) -> None:
        asked = challenge(client, account)
        signature = sign(account, asked["message"])
        assert prove(client, asked["challenge_id"], signature)[0] == 201
        status, body = prove(client, asked["challenge_id"], signature)
        assert (status, body["error"]["code"]) == (409, "challenge_expired")

    def test_again_by_its_owner_changes_nothing(self, client: ApiClient, account: LocalAccount) -> None:
        for _ in range(2):
            asked = challenge(client, account)
            assert prove(client, asked["challenge_id"], sign(account, asked["message"]))[0] == 201
        assert Wallet.objects.filter(address=account.address.lower()).count() == 1

    def test_is_refused_after_its_time(self, client: ApiClient, account: LocalAccount) -> None:
        asked = challenge(client, account)
        row = WalletChallenge.objects.get(pk=asked["challenge_id"])
        past = timedelta(hours=1)
        WalletChallenge.objects.filter(pk=row.pk).update(
            created_at=row.created_at - past, expires_at=row.expires_at - past
        )
        status, body = prove(client, asked["challenge_id"], sign(account, asked["message"]))
        assert (status, body["error"]["code"]) == (409, "challenge_expired")

    def test_is_refused_for_another_key_another_message_and_noise(
        self, client: ApiClient, account: LocalAccount
    ) -> None:
        asked = challenge(client, account)
        noise = "0x" + "ff" * 65
        for signature in (sign(Account.create(), asked["message"]), sign(account, asked["message"] + " "), noise):
            status, body = prove(client, asked["challenge_id"], signature)
            assert (status, body["error"]["code"]) == (400, "wrong_signature")
        assert not Wallet.objects.filter(address=account.address.lower()).exists()
        assert prove(client, asked["challenge_id"], sign(account, asked["message"]))[0] == 201

    def test_is_refused_with_another_partys_challenge(self, client: ApiClient, account: LocalAccount) -> None:
        asked = challenge(client, account)
        other = api_client(make_user())
        assert prove(other, asked["challenge_id"], sign(account, asked["message"]))[0] == 409

    def test_is_refused_for_a_wallet_of_another_party(self, client: ApiClient, account: LocalAccount) -> None:
        first = challenge(client, account)
        prove(client, first["challenge_id"], sign(account, first["message"]))
        other = api_client(make_user())
        second = challenge(other, account)
        status, body = prove(other, second["challenge_id"], sign(account, second["message"]))
        assert (status, body["error"]["code"]) in {(409, "wallet_taken"), (409, "wallet_owned")}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"challenge_id": "x", "signature": "0x"},
            {"challenge_id": 1, "signature": "0x" + "00" * 65},
            {"address": 5},
        ],
    )
    def test_refuses_what_is_no_proof(self, client: ApiClient, body: dict[str, object]) -> None:
        assert client.post("/api/dex/wallets", body).status_code == 400
        assert client.post("/api/dex/wallets/challenge", {"address": "0x12"}).status_code == 400
