"""AWS KMS as moto plays it: that our requests are what others understand by KMS, too."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from moto.server import ThreadedMotoServer

from apps.core.ids import new_id
from apps.core.providers.factory import guarded_client
from apps.core.providers.policy import policy_of
from apps.vault.keys import Keyring
from apps.vault.kms import Disagreement, KeyProvider, context_of
from apps.vault.kms.aws import SECP256K1, SPKI_OF_POINT, AwsKms
from apps.vault.models import PurposeKey
from apps.vault.types import ProviderName, Purpose

REGION = "eu-central-1"


@pytest.fixture(scope="class")
def endpoint(books: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            yield "http://{}:{}".format(*server.get_host_and_port())
        finally:
            server.stop()


@pytest.fixture(scope="class")
def admin(endpoint: str) -> Any:
    """boto3 as it comes, for what an operator does."""
    return boto3.session.Session(region_name=REGION).client("kms", endpoint_url=endpoint)


@pytest.fixture(scope="class")
def use(endpoint: str) -> Iterator[Callable[[str], AwsKms]]:
    with guarded_client("kms", policy_of("kms")) as client:
        yield lambda key: AwsKms(client, key=key, region=REGION, endpoint=endpoint)


def new_kms_key(admin: Any, **kind: str) -> str:
    arn: str = admin.create_key(**kind)["KeyMetadata"]["Arn"]
    return arn


def new_ecdsa_key(admin: Any) -> str:
    return new_kms_key(admin, KeySpec=SECP256K1, KeyUsage="SIGN_VERIFY")


def point_of(answer: Any) -> bytes:
    """Of GetPublicKey, read by cryptography."""
    public = load_der_public_key(answer["PublicKey"])
    assert isinstance(public, EllipticCurvePublicKey)
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.usefixtures("books")
class TestKmsAsMotoPlaysIt:
    @pytest.mark.parametrize("named_by", ["arn", "id", "alias"])
    def test_makes_and_opens_keys_however_its_key_is_named(
        self, admin: Any, use: Callable[[str], AwsKms], named_by: str
    ) -> None:
        arn = new_kms_key(admin)
        admin.create_alias(AliasName=f"alias/books-{named_by}", TargetKeyId=arn)
        names = {"arn": arn, "id": arn.rpartition("/")[2], "alias": f"alias/books-{named_by}"}
        aws = use(names[named_by])
        new = aws.generate(context_of(Purpose.PERSONAL))
        assert new.provider_key == arn
        assert aws.unwrap(new.wrapped, provider_key=arn, context=context_of(Purpose.PERSONAL)) == new.plain

    def test_opens_under_the_same_context_alone(self, admin: Any, use: Callable[[str], AwsKms]) -> None:
        aws = use(new_kms_key(admin))
        new = aws.generate(context_of(Purpose.PERSONAL))
        with pytest.raises(Disagreement, match="InvalidCiphertextException"):
            aws.unwrap(new.wrapped, provider_key=new.provider_key, context=context_of(Purpose.SECRETS))

    def test_wraps_the_same_key_under_another(self, admin: Any, use: Callable[[str], AwsKms]) -> None:
        context, successor = context_of(Purpose.PERSONAL), new_kms_key(admin)
        new = use(new_kms_key(admin)).generate(context)
        wrapped, name = use(successor).rewrap(new.wrapped, provider_key=new.provider_key, context=context)
        assert name == successor
        assert use(successor).unwrap(wrapped, provider_key=successor, context=context) == new.plain

    def test_serves_a_keyring(self, admin: Any, use: Callable[[str], AwsKms]) -> None:
        arn = new_kms_key(admin)

        def provider_named(_name: str) -> KeyProvider:
            return use(arn)

        subject = new_id()
        made = Keyring(provider_named=provider_named, present=lambda: ProviderName.KMS).current(
            Purpose.SECRETS, subject
        )
        row = PurposeKey.objects.get(pk=made.kek_id)
        assert (row.provider, row.provider_key) == ("KMS", arn)
        found = Keyring(provider_named=provider_named).current(Purpose.SECRETS, subject)
        assert found.cipher.decrypt(b"n" * 12, made.cipher.encrypt(b"n" * 12, b"seed", b""), b"") == b"seed"

    def test_encodes_secp256k1_keys_as_we_expect_it_and_does_not_name_their_spec(
        self, admin: Any, use: Callable[[str], AwsKms]
    ) -> None:
        """KMS answers KeySpec as well; moto only the name of old, which is not enough for us."""
        arn = new_ecdsa_key(admin)
        answer = admin.get_public_key(KeyId=arn)
        assert answer["PublicKey"] == SPKI_OF_POINT + point_of(answer)
        assert (answer["CustomerMasterKeySpec"], answer["KeyUsage"]) == (SECP256K1, "SIGN_VERIFY")
        with pytest.raises(Disagreement, match="not_a_secp256k1_key"):
            use(arn).ecdsa_key(arn).public_key()

    def test_takes_our_request_to_sign_and_is_not_believed(self, admin: Any, use: Callable[[str], AwsKms]) -> None:
        """Moto hashes the digest once more, whatever the type of message: a good signature, of something else."""
        arn = new_ecdsa_key(admin)
        point = point_of(admin.get_public_key(KeyId=arn))
        with pytest.raises(Disagreement, match="wrong_signature"):
            use(arn).ecdsa_key(arn).sign(bytes(32), public_key=point)
