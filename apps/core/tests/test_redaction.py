"""Secrets and personal data are taken out; what an operator needs to read stays."""

import time

import pytest

from apps.core.redaction import WITHHELD, Redactor, is_secret_name, withheld

CANARY = "hunter2Canary9"
ADDRESS = "0x" + "ab" * 20
TX_HASH = "0x" + "cd" * 32


class TestText:
    @pytest.mark.parametrize(
        "text",
        [
            f"password={CANARY}",
            f"PASSWORD: {CANARY}",
            f"db_password = '{CANARY}'",
            f'{{"password": "{CANARY}"}}',
            f"{{'new_password': '{CANARY} with blanks, and a comma'}}",
            f'{{"password": "a \\" {CANARY}"}}',
            f'{{"newPassword": "{CANARY}"}}',
            f"api_key={CANARY}&next=1",
            f"X-Api-Key: {CANARY}",
            f"access_token={CANARY}",
            f"token={CANARY}",
            f"client_secret={CANARY}",
            f"Authorization: Bearer {CANARY}",
            f"'HTTP_AUTHORIZATION': 'Token {CANARY}'",
            f"authorization=Basic {CANARY}",
            f"sent Bearer {CANARY}{CANARY}",
            f"Cookie: sessionid={CANARY}; csrftoken={CANARY}",
            f"postgres://app:{CANARY}@db.example.com/books",
            f"postgres://app:p@{CANARY}@db.example.com/books",
            f"rediss://:{CANARY}@10.0.0.1:6379/0",
            f"GET https://vendor.example.com/v1?token={CANARY}",
            f"GET https://vendor.example.com/v1?a=1&api_key={CANARY}#x",
            f"https://hooks.slack.com/services/T000/B000/{CANARY}",
            f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
            f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}",
            f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{CANARY}",
            f"SG.{CANARY}abcdef.{CANARY}abcdef",
            f"whsec_{CANARY}",
            f"sk_live_{CANARY}",
            f"{CANARY}@example.com wrote",
            f"from=Ada <{CANARY}.b+c@mail.example.co.uk>",
            f"document_number={CANARY}",
            f"passport number: {CANARY}",
            f"Passport {CANARY}",
            f"otp=123456 then {CANARY}".replace(f" then {CANARY}", f"{CANARY}"),
        ],
    )
    def test_is_told_without_the_secret(self, text: str) -> None:
        told = Redactor().text(text)
        assert CANARY not in told
        assert WITHHELD in told

    def test_is_told_without_numbers_of_persons(self) -> None:
        assert Redactor().text("ssn 123-45-6789.") == f"ssn {WITHHELD}."

    @pytest.mark.parametrize(
        "text",
        [
            f"token={ADDRESS}",
            "token=USDX",
            "tokens=12, token=3",
            "token registered",
            "the token's key is missing",
            "basic configuration of the passport office",
            "JWT_SECRET_KEY is not set",
            f"tx_hash={TX_HASH} block=12",
            "2026-01-31 12:00:00.000",
            "0198e4a2-3d5c-7bd1-9aef-111122223333",
            "GET /api/dex/orders?isin=US0378331005&cursor=abc 200",
            "http://127.0.0.1:8545/ answered 503",
            "US0378331005",
            "mailbox full",
            "email is not verified",
        ],
    )
    def test_keeps_what_is_no_secret(self, text: str) -> None:
        assert Redactor().text(text) == text

    def test_loses_the_process_own_secrets_wherever_they_stand(self) -> None:
        redactor = Redactor(["a$ecret/value", "a$ecret/value-longer", "short"])
        assert redactor.text("x a$ecret/value-longer y a$ecret/value z short") == f"x {WITHHELD} y {WITHHELD} z short"

    @pytest.mark.parametrize(
        "part",
        ["a", "a.", "a@", "@a.", "password", "password='", "eyJ", '"', "://", "Bearer ", "\\", " ", "passport ", "0-"],
    )
    def test_takes_no_time_to_speak_of_however_it_is_built(self, part: str) -> None:
        began = time.process_time()
        Redactor(["a-secret-of-ours"]).text(part * (100_000 // len(part)))
        assert time.process_time() - began < 2


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "newPassword",
            "X-Auth-Token",
            "HTTP_AUTHORIZATION",
            "apiKey",
            "API_KEY",
            "private_key",
            "JWT_SECRET_KEY",
            "refresh_token",
            "Cookie",
            "client-secret",
            "documentNumber",
            "passport_number",
            "email",
            "contactEmail",
            "legal_name",
            "date_of_birth",
            "SSN",
            "otp",
            "DATABASE_PASSWORD",
        ],
    )
    def test_of_secrets(self, name: str) -> None:
        assert is_secret_name(name)
        assert withheld(name, CANARY)

    @pytest.mark.parametrize(
        "name",
        [
            "name",
            "engine",
            "isin",
            "tx_hash",
            "key_count",
            "number",
            "block_number",
            "status",
            "tokens",
            "authority",
            "session_id",
            "keyboard",
        ],
    )
    def test_of_what_may_be_told(self, name: str) -> None:
        assert not is_secret_name(name)

    def test_of_a_token_on_the_chain_tell_its_address(self) -> None:
        assert not withheld("token", ADDRESS)
        assert not withheld("token", 3)
        assert not withheld("token", None)
        assert withheld("token", TX_HASH)
        assert withheld("otp", 123456)
