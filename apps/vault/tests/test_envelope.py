"""The format: what goes in comes out, and nothing else ever does."""

import dataclasses
from dataclasses import dataclass
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.vault.envelope import LARGEST_PLAIN, OVERHEAD, Header, NotOpened, open_sealed, read_header, seal


@dataclass(frozen=True)
class Key:
    id: UUID
    kek_id: int
    cipher: AESGCM


KEY = Key(UUID(int=0x0195C0D16F207B3E9C4D5F60718293A4), 7, AESGCM(bytes(range(32))))
HERE = (b"accounts.accounts_party", b"legal_name", b"row 1")
PARTS = st.lists(st.binary(max_size=12), max_size=5)


class TestSealing:
    @given(st.binary(max_size=300), PARTS)
    def test_opens_to_what_was_sealed_with_fifty_one_bytes_on_top(self, plain: bytes, parts: list[bytes]) -> None:
        sealed = seal(KEY, plain, parts)
        assert open_sealed(KEY, sealed, parts) == plain
        assert len(sealed) == len(plain) + OVERHEAD == len(plain) + 51

    def test_never_seals_alike(self) -> None:
        assert len({seal(KEY, b"same", HERE) for _ in range(1000)}) == 1000

    @given(st.binary(min_size=4, max_size=64))
    def test_does_not_show_the_text(self, plain: bytes) -> None:
        assert plain not in seal(KEY, plain, HERE)

    def test_names_its_keys_in_the_header(self) -> None:
        sealed = seal(KEY, b"text", HERE)
        assert read_header(sealed) == Header(kek_id=7, dek_id=KEY.id)
        assert sealed[:23].hex() == "be0101" + "00000007" + "0195c0d16f207b3e9c4d5f60718293a4"

    def test_reads_what_version_one_wrote(self) -> None:
        """A value written down once: whoever changes the format breaks what is stored."""
        stored = bytes.fromhex(
            "be0101000000070195c0d16f207b3e9c4d5f60718293a4000102030405060708090a0b"
            "0666b73b809da376fd2df2f59994367de471d8e0cac0010af790b7"
        )
        assert open_sealed(KEY, stored, HERE) == b"Ada Example"

    def test_refuses_what_is_too_long_for_one_piece(self) -> None:
        class Long(bytes):
            def __len__(self) -> int:
                return LARGEST_PLAIN + 1

        with pytest.raises(ValueError, match="too long"):
            seal(KEY, Long(), HERE)


class TestOpening:
    @given(st.binary(max_size=40), st.data())
    def test_refuses_a_change_of_any_byte(self, plain: bytes, data: st.DataObject) -> None:
        sealed = bytearray(seal(KEY, plain, HERE))
        at, bits = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(1, 255))
        sealed[at] ^= bits
        with pytest.raises(NotOpened):
            open_sealed(KEY, bytes(sealed), HERE)

    def test_refuses_each_flipped_bit_of_one_value(self) -> None:
        sealed = seal(KEY, b"0123456789abcdef", HERE)
        for bit in range(len(sealed) * 8):
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(NotOpened):
                open_sealed(KEY, bytes(changed), HERE)

    @given(st.binary(max_size=40), st.data())
    def test_refuses_what_was_cut_or_lengthened(self, plain: bytes, data: st.DataObject) -> None:
        sealed = seal(KEY, plain, HERE)
        shorter = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
        longer = sealed + data.draw(st.binary(min_size=1, max_size=20))
        for wrong in (shorter, longer):
            with pytest.raises(NotOpened):
                open_sealed(KEY, wrong, HERE)

    @given(PARTS, PARTS)
    def test_refuses_any_other_parts(self, sealed_with: list[bytes], opened_with: list[bytes]) -> None:
        assume(sealed_with != opened_with)
        with pytest.raises(NotOpened):
            open_sealed(KEY, seal(KEY, b"text", sealed_with), opened_with)

    @pytest.mark.parametrize("parts", [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc"), ()])
    def test_tells_apart_parts_that_join_alike(self, parts: tuple[bytes, ...]) -> None:
        sealed = seal(KEY, b"text", (b"a", b"b", b"c"))
        with pytest.raises(NotOpened):
            open_sealed(KEY, sealed, parts)

    @pytest.mark.parametrize("change", [{"id": UUID(int=1)}, {"cipher": AESGCM(bytes(32))}])
    def test_refuses_another_key(self, change: dict[str, object]) -> None:
        with pytest.raises(NotOpened):
            open_sealed(dataclasses.replace(KEY, **change), seal(KEY, b"text", HERE), HERE)

    @given(st.binary(max_size=200))
    def test_refuses_whatever_it_did_not_write(self, junk: bytes) -> None:
        with pytest.raises(NotOpened):
            open_sealed(KEY, junk, HERE)

    @given(st.text(min_size=8, max_size=40))
    def test_never_says_the_text(self, text: str) -> None:
        sealed = seal(KEY, text.encode(), HERE)
        with pytest.raises(NotOpened) as refused:
            open_sealed(KEY, sealed[:-1] + bytes([sealed[-1] ^ 1]), HERE)
        assert text not in repr(refused.value)
        assert refused.value.__cause__ is None
