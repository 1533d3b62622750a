"""AWS KMS: what it gives is taken as it is, and each of its failures has one meaning."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from apps.core.providers.factory import guarded_client
from apps.core.providers.policy import policy_of
from apps.vault.kms import Disagreement, NewKey, ProviderDown, ProviderRefused, context_of
from apps.vault.kms.aws import AwsKms
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.conftest import Bench
from apps.vault.tests.fake_kms import REGION, FakeKms
from apps.vault.types import Purpose

PERSONAL, SECRETS = context_of(Purpose.PERSONAL), context_of(Purpose.SECRETS)


@pytest.fixture
def kms(bench: Bench) -> FakeKms:
    return bench.kms


@pytest.fixture
def aws(bench: Bench) -> AwsKms:
    return bench.aws


def opened(aws: AwsKms, new: NewKey, context: Any = PERSONAL) -> bytes:
    return aws.unwrap(new.wrapped, provider_key=new.provider_key, context=context)


@pytest.mark.usefixtures("books")
class TestAnHonestKms:
    def test_makes_a_key_and_opens_it_again(self, kms: FakeKms, aws: AwsKms) -> None:
        new = aws.generate(PERSONAL)
        assert (len(new.plain), new.provider_key) == (32, kms.key)
        assert opened(aws, new) == new.plain
        assert aws.generate(PERSONAL).plain != new.plain
        assert kms.seen == ["GenerateDataKey", "Decrypt", "GenerateDataKey"]

    def test_opens_under_the_same_context_alone(self, aws: AwsKms) -> None:
        new = aws.generate(PERSONAL)
        for context in (SECRETS, {}, {**PERSONAL, "more": "1"}):
            with pytest.raises(Disagreement, match="InvalidCiphertextException"):
                opened(aws, new, context)

    def test_opens_no_key_of_another_name(self, kms: FakeKms, aws: AwsKms) -> None:
        new = aws.generate(PERSONAL)
        with pytest.raises(Disagreement, match="IncorrectKeyException"):
            aws.unwrap(new.wrapped, provider_key=kms.add_key(), context=PERSONAL)

    def test_wraps_the_same_key_under_another(self, kms: FakeKms, aws: AwsKms) -> None:
        new = aws.generate(PERSONAL)
        with guarded_client("kms", policy_of("kms")) as client:
            successor = AwsKms(client, key=kms.add_key(), region=REGION, endpoint=kms.url)
            wrapped, name = successor.rewrap(new.wrapped, provider_key=new.provider_key, context=PERSONAL)
            assert name != new.provider_key
            assert successor.unwrap(wrapped, provider_key=name, context=PERSONAL) == new.plain

    def test_is_told_apart_by_our_signature(self, kms: FakeKms, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        with (
            guarded_client("kms", policy_of("kms")) as client,
            pytest.raises(ProviderRefused, match="InvalidSignature"),
        ):
            AwsKms(client, key=kms.key, region=REGION, endpoint=kms.url).generate(PERSONAL)

    def test_shows_no_key_in_logs_at_any_level(self, aws: AwsKms, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            new = aws.generate(PERSONAL)
            opened(aws, new)
        assert base64.b64encode(new.plain).decode() not in caplog.text
        assert base64.b64encode(new.wrapped).decode() not in caplog.text
        assert new.plain.hex() not in repr(new)
        assert "plain" not in repr(new)


@pytest.mark.usefixtures("books")
class TestAFailingKms:
    @pytest.mark.parametrize(
        ("behave", "kind", "reason"),
        [
            (fake.says("DisabledException"), ProviderRefused, "DisabledException"),
            (fake.says("AccessDeniedException"), ProviderRefused, "AccessDeniedException"),
            (fake.says("NotFoundException"), ProviderRefused, "NotFoundException"),
            (fake.says("KMSInvalidStateException"), ProviderRefused, "KMSInvalidStateException"),
            (fake.says("hunter2"), ProviderRefused, "unknown_error"),
            (fake.says("InvalidCiphertextException"), Disagreement, "InvalidCiphertextException"),
            (fake.says("ThrottlingException"), ProviderDown, "ThrottlingException"),
            (fake.says("KMSInternalException", 500), ProviderDown, "KMSInternalException"),
            (fake.answers(503, b"<html>busy</html>"), ProviderDown, "server_error"),
            (fake.answers(200, b"<html>garbage</html>"), Disagreement, "unreadable_answer"),
            (fake.answers(200, b""), Disagreement, "unreadable_answer"),
            (fake.answers(200, b"{}"), Disagreement, "unreadable_answer"),
            (
                fake.answers(200, b'{"Plaintext": "!", "CiphertextBlob": 3, "KeyId": []}'),
                Disagreement,
                "unreadable_answer",
            ),
            (fake.answers(200, b"[]"), Disagreement, "unreadable_answer"),
            (fake.answers(200, b'{"a":' * 10_000), Disagreement, "unreadable_answer"),
            (fake.answers(200, b"{" * 100_000), ProviderDown, "AnswerTooLong"),
            (fake.late(4), ProviderDown, "ReadTimeout"),
            (fake.hangs_up, ProviderDown, "ReadError"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_is_told_in_a_word(
        self, kms: FakeKms, aws: AwsKms, behave: Callable[[fake.Handler], None], kind: type[Exception], reason: str
    ) -> None:
        kms.behave = behave
        for ask in (
            lambda: aws.generate(PERSONAL),
            lambda: aws.unwrap(b"w" * 90, provider_key=kms.key, context=PERSONAL),
        ):
            with pytest.raises(kind) as raised:
                ask()
            assert str(raised.value) == reason
            assert raised.value.__cause__ is raised.value.__context__ is None

    def test_that_is_not_there(self, kms: FakeKms) -> None:
        nowhere = AwsKms(
            guarded_client("kms", policy_of("kms")), key=kms.key, region=REGION, endpoint="http://127.0.0.1:1"
        )
        with pytest.raises(ProviderDown, match="ConnectError"):
            nowhere.generate(PERSONAL)

    def test_is_left_alone_after_a_while_and_says_when_to_ask(self, kms: FakeKms, aws: AwsKms) -> None:
        kms.behave = fake.says("KMSInternalException", 500)
        for _ in range(settings.SECURITY.providers["kms"].breaker.failures):
            with pytest.raises(ProviderDown):
                aws.generate(PERSONAL)
        asked = len(kms.seen)
        with pytest.raises(ProviderDown, match="circuit_open") as refused:
            aws.generate(PERSONAL)
        assert len(kms.seen) == asked
        assert refused.value.retry_after in range(1, 6)

    def test_is_not_left_alone_for_saying_no(self, kms: FakeKms, aws: AwsKms) -> None:
        kms.behave = fake.says("AccessDeniedException")
        for _ in range(20):
            with pytest.raises(ProviderRefused):
                aws.generate(PERSONAL)
        assert len(kms.seen) == 20


@pytest.mark.usefixtures("books")
class TestALyingKms:
    @pytest.mark.parametrize(
        ("part", "value"),
        [("KeyId", "arn:aws:kms:eu-central-1:111122223333:key/other"), ("Plaintext", ""), ("KeyId", "")],
    )
    def test_that_opens_by_another_key_is_caught(self, kms: FakeKms, aws: AwsKms, part: str, value: str) -> None:
        new = aws.generate(PERSONAL)
        kms.bend = fake.replaced("Decrypt", part, value)
        with pytest.raises(Disagreement):
            opened(aws, new)

    @pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
    def test_that_makes_a_key_of_another_length_is_caught(self, kms: FakeKms, aws: AwsKms, length: int) -> None:
        kms.bend = fake.replaced("GenerateDataKey", "Plaintext", base64.b64encode(b"k" * length).decode())
        with pytest.raises(Disagreement, match="unreadable_answer"):
            aws.generate(PERSONAL)
