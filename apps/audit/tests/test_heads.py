"""Signed heads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from apps.audit.heads import Head, HeadSigner, WrongSignature, key_id, verify_head

# RFC 8032, 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
HEAD = Head("books.example.com/audit", 3, bytes(range(32)), datetime(2026, 11, 22, 4, 53, 24, tzinfo=UTC))


class TestAHead:
    def test_is_signed_as_one_canonical_text(self) -> None:
        assert HEAD.text() == (
            b"bookentry-audit-head-v1\n"
            b'{"log":"books.example.com/audit",'
            b'"root":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
            b'"size":3,"time":"2026-11-22T04:53:24.000000Z"}'
        )

    def test_has_one_text_for_an_instant_in_whatever_zone(self) -> None:
        there = HEAD.at.astimezone(timezone(timedelta(hours=-5)))
        assert replace(HEAD, at=there).text() == HEAD.text()

    def test_verifies_under_the_key_that_signed_it(self) -> None:
        signer = HeadSigner(SEED)
        assert signer.public_key == PUBLIC
        assert signer.key_id == key_id(PUBLIC) == "21fe31dfa154a261"
        verify_head(HEAD, signer.sign(HEAD), PUBLIC)

    @pytest.mark.parametrize(
        "other",
        [
            replace(HEAD, log="books.example.org/audit"),
            replace(HEAD, size=4),
            replace(HEAD, root=bytes(32)),
            replace(HEAD, at=HEAD.at + timedelta(microseconds=1)),
        ],
    )
    def test_refuses_another_head_under_its_signature(self, other: Head) -> None:
        with pytest.raises(WrongSignature):
            verify_head(other, HeadSigner(SEED).sign(HEAD), PUBLIC)

    def test_refuses_another_key_and_a_broken_one(self) -> None:
        signature = HeadSigner(SEED).sign(HEAD)
        for key in (HeadSigner(bytes(32)).public_key, PUBLIC[:-1], b""):
            with pytest.raises(WrongSignature):
                verify_head(HEAD, signature, key)
        for spoiled in (signature[:-1], b"", bytes(64)):
            with pytest.raises(WrongSignature):
                verify_head(HEAD, spoiled, PUBLIC)


class TestASigner:
    @pytest.mark.parametrize("length", [0, 31, 33])
    def test_needs_a_seed_of_32_bytes(self, length: int) -> None:
        with pytest.raises(ValueError, match="32"):
            HeadSigner(bytes(length))
