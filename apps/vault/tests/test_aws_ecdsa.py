"""secp256k1 keys of KMS: an honest signature is taken in Ethereum's form, and of any other nothing is."""

import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from coincurve import PublicKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from apps.core.db import unit_of_work
from apps.core.secp256k1 import HIGHEST_S, ORDER
from apps.vault.errors import SigningKeyUnavailable
from apps.vault.kms import Disagreement, ProviderDown, ProviderRefused
from apps.vault.services.signing import EcdsaKey, ecdsa_key
from apps.vault.tests import fake_ecdsa
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.conftest import Bench
from apps.vault.tests.fake_ecdsa import Bend, high_s, low_s, signing, text
from apps.vault.tests.fake_kms import replaced

DIGEST = bytes(range(32))


class Held:
    """A key of the fake, and its name."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.kms, self.name = bench, bench.kms, bench.kms.add_ecdsa_key()
        self.point = self.kms.ecdsa_keys[self.name].point
        self.aws = bench.aws.ecdsa_key(self.name)

    def sign(self, digest: bytes = DIGEST) -> Any:
        return self.aws.sign(digest, public_key=self.point)

    def door(self) -> EcdsaKey:
        return EcdsaKey(lambda: self.bench.aws.ecdsa_key(self.name))


@pytest.fixture
def key(bench: Bench) -> Held:
    return Held(bench)


def recovered(signature: Any, digest: bytes = DIGEST) -> bytes:
    """By libsecp256k1, without our own words around it."""
    compact = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([signature.parity])
    point: bytes = PublicKey.from_signature_and_message(compact, digest, hasher=None).format(compressed=False)
    return point


def public_der(curve: ec.EllipticCurve) -> bytes:
    return ec.generate_private_key(curve).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


GOOD_DER = public_der(ec.SECP256K1())
HYBRID = bytes([6 + GOOD_DER[-1] % 2])  # libsecp256k1 reads this form, too


@pytest.mark.usefixtures("books")
class TestAnHonestKey:
    def test_tells_its_point(self, key: Held) -> None:
        assert key.aws.public_key() == key.point
        assert key.kms.seen == ["GetPublicKey"]

    @pytest.mark.parametrize("twin", [high_s, low_s])
    def test_signs_with_the_lower_s_whichever_twin_it_gives(self, key: Held, twin: Callable[[int, int], bytes]) -> None:
        key.kms.bend = signing(twin)
        parities = set()
        for number in range(16):
            digest = number.to_bytes(32, "big")
            signature = key.sign(digest)
            assert 0 < signature.s <= HIGHEST_S
            assert recovered(signature, digest) == key.point
            parities.add(signature.parity)
        assert parities == {0, 1}

    def test_signs_a_digest_of_zeros(self, key: Held) -> None:
        assert recovered(key.sign(bytes(32)), bytes(32)) == key.point

    @pytest.mark.parametrize("length", [0, 31, 33, 64])
    def test_is_asked_for_digests_alone(self, key: Held, length: int) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            key.sign(bytes(length))
        assert key.kms.seen == []

    def test_shows_no_digest_and_no_signature_in_logs(self, key: Held, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            signature = key.sign()
        assert text(DIGEST) not in caplog.text
        assert DIGEST.hex() not in caplog.text
        assert text(signature.compact)[:40] not in caplog.text


OTHER_KINDS: list[tuple[str, Bend]] = [
    ("another spec", replaced("GetPublicKey", "KeySpec", "ECC_NIST_P256")),
    ("no spec", replaced("GetPublicKey", "KeySpec", None)),
    ("another use", replaced("GetPublicKey", "KeyUsage", "KEY_AGREEMENT")),
    ("no use", replaced("GetPublicKey", "KeyUsage", None)),
    ("another curve", replaced("GetPublicKey", "PublicKey", text(public_der(ec.SECP256R1())))),
    ("a longer curve", replaced("GetPublicKey", "PublicKey", text(public_der(ec.SECP384R1())))),
    ("nothing", replaced("GetPublicKey", "PublicKey", "")),
    ("no bytes", replaced("GetPublicKey", "PublicKey", None)),
    ("a number", replaced("GetPublicKey", "PublicKey", 7)),
    ("the point alone", replaced("GetPublicKey", "PublicKey", text(GOOD_DER[-65:]))),
    ("a byte less", replaced("GetPublicKey", "PublicKey", text(GOOD_DER[:-1]))),
    ("a byte more", replaced("GetPublicKey", "PublicKey", text(GOOD_DER + b"\0"))),
    ("a byte before", replaced("GetPublicKey", "PublicKey", text(b"\0" + GOOD_DER))),
    ("no point", replaced("GetPublicKey", "PublicKey", text(GOOD_DER[:-1] + bytes([GOOD_DER[-1] ^ 1])))),
    (
        "the point in its hybrid form",
        replaced("GetPublicKey", "PublicKey", text(GOOD_DER[:23] + HYBRID + GOOD_DER[24:])),
    ),
    ("infinity", replaced("GetPublicKey", "PublicKey", text(GOOD_DER[:24] + bytes(64)))),
]


@pytest.mark.usefixtures("books")
class TestAKeyOfAnotherKind:
    @pytest.mark.parametrize("bend", [bend for _, bend in OTHER_KINDS], ids=[name for name, _ in OTHER_KINDS])
    def test_is_refused_when_it_is_asked_for(self, key: Held, bend: Bend) -> None:
        key.kms.bend = bend
        with pytest.raises(Disagreement):
            key.aws.public_key()
        with pytest.raises(SigningKeyUnavailable):
            key.door()

    def test_is_refused_whatever_real_key_it_is(self, key: Held) -> None:
        with pytest.raises(Disagreement, match="not_a_secp256k1_key"):
            key.bench.aws.ecdsa_key(key.kms.add_signing_key()).public_key()
        with pytest.raises(ProviderRefused, match="NotFoundException"):
            key.bench.aws.ecdsa_key(key.kms.key).public_key()


def flipped(r: int, s: int) -> bytes:
    return encode_dss_signature(r ^ 1, s)


def lengthened(r: int, s: int) -> bytes:
    """r with a zero byte that need not be: BER, not DER."""
    r_bytes = b"\0" + r.to_bytes((r.bit_length() + 8) // 8, "big")
    s_bytes = s.to_bytes((s.bit_length() + 8) // 8, "big")
    body = b"\x02" + bytes([len(r_bytes)]) + r_bytes + b"\x02" + bytes([len(s_bytes)]) + s_bytes
    return b"\x30" + bytes([len(body)]) + body


def negative(r: int, s: int) -> bytes:
    body = b"\x02\x20" + (r | 1 << 255).to_bytes(32, "big") + b"\x02\x01\x01"
    return b"\x30" + bytes([len(body)]) + body


WRONG: list[tuple[str, Callable[[int, int], bytes]]] = [
    ("another r", flipped),
    ("another s", lambda r, s: encode_dss_signature(r, s ^ 1)),
    ("r and s exchanged", lambda r, s: encode_dss_signature(s, r)),
    ("r zero", lambda _r, s: encode_dss_signature(0, s)),
    ("s zero", lambda r, _s: encode_dss_signature(r, 0)),
    ("r of the order", lambda _r, s: encode_dss_signature(ORDER, s)),
    ("s of the order", lambda r, _s: encode_dss_signature(r, ORDER)),
    ("r beyond the order", lambda r, s: encode_dss_signature(r + ORDER, s)),
    ("s beyond the order", lambda r, s: encode_dss_signature(r, s + ORDER)),
    ("r with a zero too many", lengthened),
    ("r negative", negative),
    ("a byte after it", lambda r, s: encode_dss_signature(r, s) + b"\0"),
    ("its last byte missing", lambda r, s: encode_dss_signature(r, s)[:-1]),
    ("its length in the long form", lambda r, s: b"\x30\x81" + encode_dss_signature(r, s)[1:]),
    ("no DER at all", lambda r, s: r.to_bytes(32, "big") + s.to_bytes(32, "big")),
    ("nothing", lambda _r, _s: b""),
]


@pytest.mark.usefixtures("books")
class TestAWrongSignature:
    @pytest.mark.parametrize("wrong", [wrong for _, wrong in WRONG], ids=[name for name, _ in WRONG])
    def test_is_refused_and_nothing_is_returned(self, key: Held, wrong: Callable[[int, int], bytes]) -> None:
        key.kms.bend = signing(wrong)
        with pytest.raises(Disagreement, match="wrong_signature") as refused:
            key.sign()
        assert refused.value.__cause__ is refused.value.__context__ is None

    def test_of_another_key_is_refused(self, key: Held) -> None:
        other = fake_ecdsa.EcdsaKey()
        key.kms.bend = signing(lambda _r, _s: other.signature(DIGEST))
        with pytest.raises(Disagreement, match="wrong_signature"):
            key.sign()

    def test_of_another_digest_is_refused(self, key: Held) -> None:
        """So neither parity recovers the key: a replayed answer, say."""
        own = key.kms.ecdsa_keys[key.name]
        key.kms.bend = signing(lambda _r, _s: own.signature(bytes(32)))
        with pytest.raises(Disagreement, match="wrong_signature"):
            key.sign()

    @pytest.mark.parametrize("value", [None, 7, [], {}])
    def test_that_is_no_text_is_refused(self, key: Held, value: Any) -> None:
        key.kms.bend = replaced("Sign", "Signature", value)
        with pytest.raises(Disagreement):
            key.sign()


@pytest.mark.usefixtures("books")
class TestAKeyThatIsAway:
    @pytest.mark.parametrize(
        ("behave", "kind", "reason"),
        [
            (fake.says("DisabledException"), ProviderRefused, "DisabledException"),
            (fake.says("AccessDeniedException"), ProviderRefused, "AccessDeniedException"),
            (fake.says("KMSInvalidStateException"), ProviderRefused, "KMSInvalidStateException"),
            (fake.says("InvalidKeyUsageException"), ProviderRefused, "InvalidKeyUsageException"),
            (fake.says("ThrottlingException"), ProviderDown, "ThrottlingException"),
            (fake.says("KMSInternalException", 500), ProviderDown, "KMSInternalException"),
            (fake.answers(200, b"<html>"), Disagreement, "unreadable_answer"),
            (fake.answers(200, b"{}"), Disagreement, "unreadable_answer"),
            (fake.hangs_up, ProviderDown, "ReadError"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_gives_a_reason_that_quotes_nothing(
        self, key: Held, behave: Callable[[fake.Handler], None], kind: type[Exception], reason: str
    ) -> None:
        door = key.door()
        key.kms.behave = behave
        with pytest.raises(kind) as refused:
            key.sign()
        assert str(refused.value) == reason
        with pytest.raises(SigningKeyUnavailable) as told:
            door.sign(DIGEST)
        assert told.value.reason == reason
        assert told.value.__cause__ is told.value.__context__ is None

    def test_is_one_key_and_not_its_neighbour(self, key: Held) -> None:
        other = Held(key.bench)
        key.kms.ecdsa_keys[key.name].enabled = False
        with pytest.raises(ProviderRefused, match="DisabledException"):
            key.sign()
        assert recovered(other.sign()) == other.point


@pytest.mark.usefixtures("books")
class TestTheDoor:
    def test_signs_for_the_key_it_asked_for(self, key: Held) -> None:
        door = key.door()
        assert door.public_key == key.point
        assert recovered(door.sign(DIGEST)) == key.point
        assert key.kms.seen == ["GetPublicKey", "Sign"]

    def test_holds_to_the_public_half_it_began_with(self, key: Held) -> None:
        door = key.door()
        key.kms.ecdsa_keys[key.name] = fake_ecdsa.EcdsaKey()
        with pytest.raises(SigningKeyUnavailable, match="wrong_signature"):
            door.sign(DIGEST)

    def test_is_shut_where_this_installation_has_no_kms(self) -> None:
        assert not settings.SECURITY.encryption.kms_key.is_set
        with pytest.raises(SigningKeyUnavailable, match="provider_not_configured"):
            ecdsa_key("arn:aws:kms:eu-central-1:111122223333:key/0")

    def test_is_not_gone_through_in_a_unit_of_work(self, key: Held) -> None:
        door = key.door()
        with pytest.raises(RuntimeError, match="unit of work"), unit_of_work():
            door.sign(DIGEST)
        assert key.kms.seen == ["GetPublicKey"]

    def test_is_not_pickled(self, key: Held) -> None:
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(key.door())
