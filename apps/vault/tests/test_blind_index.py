"""The keyed hash that finds a text by its exact words."""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.vault.blind_index import blind, normalised


def mac_of(key: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(key, message, hashlib.sha256)


KEY = bytes(range(32))
MAC = mac_of(KEY)


class TestBlind:
    def test_is_the_cut_hmac_of_the_folded_text(self) -> None:
        assert blind(MAC, "Ada@Example.COM") == hmac.new(KEY, b"ada@example.com", hashlib.sha256).digest()[:16]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("ADA", "ada"),
            ("\uff21da", "ada"),
            ("stra\u00dfe", "STRASSE"),
            ("e\u0301", "\u00e9"),
            ("\ufb01", "fi"),
            ("\u03a3", "\u03c2"),
        ],
    )
    def test_is_one_for_what_reads_alike(self, one: str, other: str) -> None:
        assert blind(MAC, one) == blind(MAC, other)

    @pytest.mark.parametrize(("one", "other"), [("ada", "ida"), ("ada", "ada "), ("a", "\u0430"), ("", "\u200b")])
    def test_differs_for_what_differs(self, one: str, other: str) -> None:
        assert blind(MAC, one) != blind(MAC, other)

    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
    def test_does_not_change_with_spelling(self, text: str) -> None:
        folded = normalised(text).decode()
        assert normalised(folded) == folded.encode() == normalised(unicodedata.normalize("NFD", text))

    @given(st.binary(min_size=32, max_size=32))
    def test_needs_the_key(self, other: bytes) -> None:
        assume(other != KEY)
        assert blind(MAC, "ada") != blind(mac_of(other), "ada")

    @pytest.mark.parametrize("bits", [64, 72, 96, 128])
    def test_has_the_length_that_is_asked_for(self, bits: int) -> None:
        assert blind(MAC, "ada", bits=bits) == blind(MAC, "ada")[: bits // 8]

    @pytest.mark.parametrize("bits", [0, 56, 63, 65, 136, 256])
    def test_refuses_one_too_short_too_long_or_uneven(self, bits: int) -> None:
        with pytest.raises(ValueError, match="64 to 128"):
            blind(MAC, "ada", bits=bits)

    def test_refuses_half_a_character_and_does_not_show_the_text(self) -> None:
        with pytest.raises(ValueError, match="half a character") as refused:
            blind(MAC, "secret\ud800")
        assert "secret" not in str(refused.value)
        assert refused.value.__suppress_context__
