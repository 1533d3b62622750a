"""A keyring over the fake KMS, and time that a test moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from apps.core.models import ProviderCircuit
from apps.core.providers.factory import guarded_client
from apps.core.providers.policy import policy_of
from apps.vault.keys import Keyring
from apps.vault.kms.aws import AwsKms
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.fake_kms import ACCESS_KEY, REGION, SECRET_KEY, FakeKms
from apps.vault.types import ProviderName


@dataclass
class Bench:
    """A fake KMS, what speaks to it, and keyrings of as many processes as a test wants."""

    kms: FakeKms
    aws: AwsKms
    now: float = 1_000.0
    rings: list[Keyring] = field(default_factory=list)

    def keyring(self, **more: float) -> Keyring:
        """Of another process. Its clock is the test's."""
        ring = Keyring(
            provider_named=lambda _name: self.aws, present=lambda: ProviderName.KMS, monotonic=lambda: self.now, **more
        )
        self.rings.append(ring)
        return ring


@dataclass
class Hands:
    """A clock that a test moves, and keyrings of as many processes as it wants that go by it."""

    now: float = 1_000.0

    def keyring(self) -> Keyring:
        """Of another process."""
        return Keyring(monotonic=lambda: self.now)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture(scope="class")
def aws_service(books: str) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        with fake.fake_kms() as kms, guarded_client("kms", policy_of("kms")) as client:
            yield Bench(kms, AwsKms(client, key=kms.key, region=REGION, endpoint=kms.url))


@pytest.fixture
def bench(aws_service: Bench) -> Iterator[Bench]:
    aws_service.kms.be_honest()
    aws_service.kms.seen.clear()
    ProviderCircuit.objects.all().delete()
    aws_service.now = 1_000.0
    yield aws_service
    for ring in aws_service.rings:
        ring.forget()
