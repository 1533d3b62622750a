"""Our encoder of transactions: byte for byte eth_account's, and it reads back nothing but what it writes."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chain.eip1559 import (
    MOST_NONCE,
    MOST_U64,
    MOST_U256,
    InvalidTransaction,
    Transaction,
    address_of,
    digest_of,
    read_signed,
    read_unsigned,
    sender_of,
    signed_bytes,
    unsigned_bytes,
)
from apps.chain.signers.local import LocalSigner
from apps.core.secp256k1 import HIGHEST_S, ORDER, Signature

SECRET = b"\x5c" * 32
PLAIN = Transaction(
    chain_id=31337, nonce=0, max_priority_fee=1, max_fee=2, gas_limit=21_000, to="0x" + "ab" * 20, value=1, data=b""
)


def theirs(transaction: Transaction, secret: bytes = SECRET) -> Any:
    """eth_account's idea of it, signed."""
    fields = {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.max_priority_fee,
        "maxFeePerGas": transaction.max_fee,
        "gas": transaction.gas_limit,
        "value": transaction.value,
        "data": transaction.data,
    }
    to = {"to": to_checksum_address(transaction.to)} if transaction.to else {}
    return Account.sign_transaction({**fields, **to}, secret)


def numbers(least: int, most: int) -> st.SearchStrategy[int]:
    """Of every length in bits, its borders above all."""
    bits = st.integers(0, most.bit_length()).flatmap(lambda n: st.integers(0, 2**n - 1))
    borders = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**32, 2**64, least, most])
    return (bits | borders).filter(lambda n: least <= n <= most)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    fee = draw(numbers(0, MOST_U256))
    length = draw(st.sampled_from([0, 1, 2, 31, 32, 54, 55, 56, 57, 255, 256, 257, 65_535, 65_536]))
    head = draw(st.binary(max_size=min(length, 40)))
    return Transaction(
        chain_id=draw(numbers(1, MOST_U64)),
        nonce=draw(numbers(0, MOST_NONCE)),
        max_priority_fee=draw(numbers(0, fee)),
        max_fee=fee,
        gas_limit=draw(numbers(21_000, MOST_U64)),
        to=draw(st.none() | st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())),
        value=draw(numbers(0, MOST_U256)),
        data=head + bytes(length - len(head)),
    )


secrets = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


class TestOurBytes:
    @settings(max_examples=100, deadline=None)
    @given(transaction=transactions(), secret=secrets)
    def test_are_eth_accounts(self, transaction: Transaction, secret: bytes) -> None:
        signer, expected = LocalSigner(secret), theirs(transaction, secret)
        signature = signer.sign(digest_of(transaction))
        signed = signed_bytes(transaction, signature)
        assert (signature.parity, signature.r, signature.s) == (expected.v, expected.r, expected.s)
        assert signed.raw == bytes(expected.raw_transaction)
        assert signed.hash == "0x" + bytes(expected.hash).hex()
        assert sender_of(transaction, signature) == signer.address == Account.from_key(secret).address.lower()

    @settings(max_examples=100, deadline=None)
    @given(transaction=transactions(), r=numbers(1, ORDER - 1), s=numbers(1, HIGHEST_S), parity=st.integers(0, 1))
    def test_read_back_as_what_they_were(self, transaction: Transaction, r: int, s: int, parity: int) -> None:
        signature = Signature(r, s, parity)
        assert read_unsigned(unsigned_bytes(transaction)) == transaction
        assert read_signed(signed_bytes(transaction, signature).raw) == (transaction, signature)

    def test_of_a_plain_transfer_are_as_eip_1559_says(self) -> None:
        """Written down by hand: no library stands behind this one."""
        assert unsigned_bytes(PLAIN).hex() == "02e1827a6980010282520894" + "ab" * 20 + "0180c0"

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"to": None, "data": b"\x60\x80" * 10_000}, id="a creation"),
            pytest.param({"to": None}, id="a creation of nothing"),
            pytest.param({"data": b"\0"}, id="one byte of zero"),
            pytest.param({"data": b"\x7f"}, id="one small byte"),
            pytest.param({"data": b"\x80"}, id="one great byte"),
            pytest.param({"value": 2**64}, id="a value of nine bytes"),
            pytest.param({"value": MOST_U256}, id="the greatest value"),
            pytest.param({"value": 0}, id="no value"),
            pytest.param({"chain_id": 2**32 + 1}, id="a chain id of five bytes"),
            pytest.param({"chain_id": MOST_U64}, id="the greatest chain id"),
            pytest.param({"to": "0x" + "00" * 20}, id="to the zero address, which creates nothing"),
            pytest.param({"nonce": MOST_NONCE}, id="the last nonce"),
            pytest.param({"max_fee": 0, "max_priority_fee": 0}, id="free of charge"),
        ],
    )
    def test_are_eth_accounts_at_the_borders(self, change: dict[str, Any]) -> None:
        transaction = replace(PLAIN, **change)
        signature = LocalSigner(SECRET).sign(digest_of(transaction))
        raw = signed_bytes(transaction, signature).raw
        assert raw == bytes(theirs(transaction).raw_transaction)
        assert read_signed(raw) == (transaction, signature)


class TestATransaction:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("chain_id", 0),
            ("chain_id", -1),
            ("chain_id", 2**64),
            ("chain_id", True),
            ("nonce", -1),
            ("nonce", 2**64 - 1),
            ("max_fee", 2**256),
            ("max_priority_fee", 3),
            ("max_priority_fee", -1),
            ("gas_limit", 20_999),
            ("gas_limit", 2**64),
            ("value", -1),
            ("value", 2**256),
            ("value", 1.0),
            ("value", "1"),
            ("to", "0x" + "AB" * 20),
            ("to", "0x" + "ab" * 19),
            ("to", "0x" + "ab" * 20 + "\n"),
            ("to", ""),
            ("to", b"\xab" * 20),
            ("data", memoryview(b"")),
            ("data", "0x"),
            ("data", None),
        ],
    )
    def test_that_no_chain_would_take_is_refused(self, field: str, value: Any) -> None:
        with pytest.raises(InvalidTransaction, match=field):
            replace(PLAIN, **{field: value})


def with_length(content: str) -> bytes:
    """A transaction of this list."""
    body = bytes.fromhex(content)
    return b"\x02" + (bytes([0xC0 + len(body)]) if len(body) < 56 else bytes([0xF8, len(body)])) + body


class TestForeignBytes:
    GOOD = "827a6980010282520894" + "ab" * 20 + "0180c0"

    def test_begin_from_good_ones(self) -> None:
        assert read_unsigned(with_length(self.GOOD)) == PLAIN

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"\x02", id="a type alone"),
            pytest.param(b"\x01" + with_length(GOOD)[1:], id="another type"),
            pytest.param(with_length(GOOD)[1:], id="no type"),
            pytest.param(with_length(GOOD) + b"\0", id="a byte more"),
            pytest.param(with_length(GOOD)[:-1], id="a byte less"),
            pytest.param(b"\x02\xf8\x21" + bytes.fromhex(GOOD), id="a long form where the short serves"),
            pytest.param(b"\x02\xf9\x00\x21" + bytes.fromhex(GOOD), id="a length with a leading zero"),
            pytest.param(with_length(GOOD.replace("827a69", "83007a69")), id="a number with a leading zero"),
            pytest.param(with_length(GOOD.replace("827a69", "b8027a69")), id="a string in the long form"),
            pytest.param(with_length(GOOD.replace("69800102", "69008102")), id="zero as a byte"),
            pytest.param(with_length(GOOD.replace("69800102", "6980810102")), id="a small byte with a length"),
            pytest.param(with_length(GOOD[:-2] + "81c0"), id="a string that looks like an access list"),
            pytest.param(with_length(GOOD[:-2] + "c101"), id="an access list"),
            pytest.param(with_length(GOOD[:-2]), id="no access list"),
            pytest.param(with_length(GOOD[:-2] + "80"), id="a string for an access list"),
            pytest.param(with_length(GOOD + "01"), id="a field more"),
            pytest.param(with_length(GOOD[6:]), id="a field less"),
            pytest.param(with_length("c0" + GOOD[6:]), id="a list for a number"),
            pytest.param(with_length(GOOD.replace("94" + "ab" * 20, "93" + "ab" * 19)), id="a short address"),
            pytest.param(with_length(GOOD.replace("827a69", "80")), id="no chain id"),
            pytest.param(with_length(GOOD.replace("0102825208", "0201825208")), id="a tip above the fee"),
            pytest.param(b"\x02\xff" + b"\xff" * 8, id="a length beyond all bounds"),
            pytest.param(b"\x02\xbf" + b"\xff" * 8, id="a string for the whole"),
        ],
    )
    def test_are_refused(self, raw: bytes) -> None:
        with pytest.raises(InvalidTransaction):
            read_unsigned(raw)

    @pytest.mark.parametrize(
        "signature",
        [
            pytest.param("80" + "a0" + "11" * 32 + "a0" + "11" * 31, id="a number that ends too soon"),
            pytest.param("80" + "a0" + "11" * 32 + "a0" + "11" * 32 + "80", id="a number more"),
            pytest.param("80" + "a0" + "11" * 32, id="a number less"),
            pytest.param("80" + "a1" + "00" + "11" * 32 + "01", id="a number with a leading zero"),
            pytest.param("80" + "c0" + "01", id="a list"),
            pytest.param("", id="none"),
        ],
    )
    def test_with_less_or_more_than_a_signature_are_refused(self, signature: str) -> None:
        good = with_length(self.GOOD + "80" + "a0" + "11" * 32 + "a0" + "11" * 32)
        assert read_signed(good)[0] == PLAIN
        with pytest.raises(InvalidTransaction):
            read_signed(with_length(self.GOOD + signature))

    @pytest.mark.parametrize(
        ("r", "s", "parity"), [(0, 1, 0), (1, 0, 0), (ORDER, 1, 0), (1, HIGHEST_S + 1, 0), (1, 1, 2), (1, 1, 27)]
    )
    def test_with_a_signature_out_of_range_are_refused(self, r: int, s: int, parity: int) -> None:
        class Loose:
            pass

        loose: Any = Loose()
        loose.r, loose.s, loose.parity = r, s, parity
        with pytest.raises(InvalidTransaction, match="out of range"):
            read_signed(signed_bytes(PLAIN, loose).raw)

    @settings(max_examples=200, deadline=None)
    @given(transaction=transactions(), at=st.integers(0, 2**16), bit=st.integers(0, 7))
    def test_are_another_transaction_or_none_for_each_bit_changed(
        self, transaction: Transaction, at: int, bit: int
    ) -> None:
        signature = LocalSigner(SECRET).sign(digest_of(transaction))
        raw = bytearray(signed_bytes(transaction, signature).raw)
        raw[at % len(raw)] ^= 1 << bit
        try:
            found = read_signed(bytes(raw))
        except InvalidTransaction:
            return
        assert found != (transaction, signature)
        assert signed_bytes(*found).raw == bytes(raw)

    @settings(max_examples=200, deadline=None)
    @given(body=st.binary(max_size=120), prefix=st.sampled_from([b"", b"\x02", b"\x02\xf8", b"\x02\xdc"]))
    def test_are_refused_in_one_way(self, body: bytes, prefix: bytes) -> None:
        for read, write in ((read_unsigned, unsigned_bytes), (read_signed, lambda found: signed_bytes(*found).raw)):
            try:
                found: Any = read(prefix + body)
            except InvalidTransaction:
                continue
            assert write(found) == prefix + body

    def test_signed_by_nobody_have_no_sender(self) -> None:
        with pytest.raises(InvalidTransaction):
            sender_of(PLAIN, Signature(5, 1, 0))  # no point of the curve has this x


class TestAnAddress:
    def test_is_the_one_everybody_knows(self) -> None:
        # The first of anvil's accounts, as its manual prints it.
        secret = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
        assert LocalSigner(secret).address == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"

    def test_is_of_the_point_without_its_first_byte(self) -> None:
        point = Account.from_key(SECRET)._key_obj.public_key.to_bytes()
        assert address_of(b"\x04" + point) == Account.from_key(SECRET).address.lower()
