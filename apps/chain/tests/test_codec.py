"""Fixed layouts against a general ABI decoder, and logs that lie about their shape."""

import contextlib
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from apps.chain import codec
from apps.chain.types import (
    AddressFrozen,
    ClaimAdded,
    ContractKind,
    Erc721Transfer,
    GenericEvent,
    TradeFailed,
    TradeSettled,
    Transfer,
    TrexSuiteDeployed,
)

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
words = st.binary(min_size=32, max_size=32)
amounts = st.integers(min_value=0, max_value=2**256 - 1)


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


def topics(signature: str, types: list[str], values: list[Any]) -> list[str]:
    return [hexed(keccak(text=signature)), *(hexed(encode([t], [v])) for t, v in zip(types, values, strict=True))]


TRANSFER = "Transfer(address,address,uint256)"
SETTLED = "TradeSettled(bytes32,address,address,address,uint256,address,uint256)"
SUITE = "TREXSuiteDeployed(address,address,address,address,address,address,string)"
CLAIM = "ClaimAdded(bytes32,uint256,uint256,address,bytes,bytes,string)"


class TestDecoding:
    @given(addresses, addresses, amounts)
    def test_reads_a_transfer_of_any_amount(self, sender: str, recipient: str, amount: int) -> None:
        log = topics(TRANSFER, ["address", "address"], [sender, recipient])
        assert codec.decode(log, hexed(encode(["uint256"], [amount]))) == Transfer(sender, recipient, amount)

    @given(words, addresses, addresses, addresses, amounts, addresses, amounts)
    def test_reads_a_settled_trade(
        self, id_: bytes, seller: str, buyer: str, security: str, quantity: int, payment: str, amount: int
    ) -> None:
        log = topics(SETTLED, ["bytes32", "address", "address"], [id_, seller, buyer])
        data = encode(["address", "uint256", "address", "uint256"], [security, quantity, payment, amount])
        expected = TradeSettled(hexed(id_), seller, buyer, security, quantity, payment, amount)
        assert codec.decode(log, hexed(data)) == expected

    @given(words, st.binary(max_size=300))
    def test_reads_a_failed_trade_with_any_reason(self, id_: bytes, reason: bytes) -> None:
        log = topics("TradeFailed(bytes32,bytes)", ["bytes32"], [id_])
        assert codec.decode(log, hexed(encode(["bytes"], [reason]))) == TradeFailed(hexed(id_), hexed(reason))

    @given(st.lists(addresses, min_size=6, max_size=6), words)
    def test_reads_a_deployed_suite(self, parts: list[str], salt: bytes) -> None:
        log = topics(SUITE, ["address", "bytes32"], [parts[0], salt])
        data = hexed(encode(["address"] * 5, parts[1:]))
        assert codec.decode(log, data) == TrexSuiteDeployed(*parts, salt_hash=hexed(salt))

    @given(words, amounts, amounts, addresses, st.binary(max_size=99), st.binary(max_size=99), st.text(max_size=40))
    def test_reads_a_claim(
        self, id_: bytes, topic: int, scheme: int, issuer: str, signature: bytes, data: bytes, uri: str
    ) -> None:
        log = topics(CLAIM, ["bytes32", "uint256", "address"], [id_, topic, issuer])
        body = hexed(encode(["uint256", "bytes", "bytes", "string"], [scheme, signature, data, uri]))
        expected = ClaimAdded(hexed(id_), topic, scheme, issuer, hexed(signature), hexed(data), uri)
        assert codec.decode(log, body) == expected

    def test_reads_a_freeze_wholly_from_topics(self) -> None:
        log = topics("AddressFrozen(address,bool,address)", ["address", "bool", "address"], [hx(1), True, hx(2)])
        assert codec.decode(log, "0x") == AddressFrozen(hx(1), frozen=True, agent=hx(2))

    def test_keeps_name_and_fields_of_an_event_without_a_type_of_its_own(self) -> None:
        log = topics(
            "RoleGranted(bytes32,address,address)", ["bytes32", "address", "address"], [b"\7" * 32, hx(1), hx(2)]
        )
        fields = {"role": "0x" + "07" * 32, "account": hx(1), "sender": hx(2)}
        assert codec.decode(log, "0x") == GenericEvent("RoleGranted", fields)

    def test_tells_events_of_one_topic_apart_by_the_number_of_topics(self) -> None:
        signature, data = "ImplementationAuthoritySet(address)", hexed(encode(["address"], [hx(9)]))
        event = GenericEvent("ImplementationAuthoritySet", {"implementationAuthority": hx(9)})
        assert codec.decode(topics(signature, ["address"], [hx(9)]), "0x") == event  # a proxy
        assert codec.decode(topics(signature, [], []), data) == event  # the factory

    def test_gives_no_event_for_a_topic_it_does_not_know(self) -> None:
        assert codec.decode(topics("Unheard(address)", ["address"], [hx(1)]), "0x") is None
        assert codec.decode([], "0x1234") is None


def hx(number: int) -> str:
    return "0x" + number.to_bytes(20, "big").hex()


FUNGIBLE = {ContractKind.SECURITY, ContractKind.CASH}


class TestUndecodable:
    def refuses(self, log: list[str], data: str) -> None:
        with pytest.raises(codec.Undecodable):
            codec.decode(log, data)

    @pytest.mark.parametrize("kind", [None, ContractKind.SECURITY, ContractKind.CASH])
    def test_refuses_an_erc721_transfer_where_a_balance_is_folded(self, kind: ContractKind | None) -> None:
        log = topics(TRANSFER, ["address", "address", "uint256"], [hx(1), hx(2), 7])
        with pytest.raises(codec.Undecodable):
            codec.decode(log, "0x", kind=kind)

    @pytest.mark.parametrize(
        "kind", [kind for kind in ContractKind if kind not in {ContractKind.SECURITY, ContractKind.CASH}]
    )
    def test_reads_an_erc721_transfer_of_any_other_contract(self, kind: ContractKind) -> None:
        log = topics(TRANSFER, ["address", "address", "uint256"], [hx(1), hx(2), 7])
        assert codec.decode(log, "0x", kind=kind) == Erc721Transfer(hx(1), hx(2), 7)

    def test_refuses_a_known_topic_with_another_number_of_topics(self) -> None:
        self.refuses(topics("Approval(address,address,uint256)", ["address"], [hx(1)]), hexed(bytes(64)))
        self.refuses(topics("AgentAdded(address)", [], []), hexed(bytes(32)))

    def test_refuses_a_transfer_with_nothing_indexed(self) -> None:
        self.refuses(topics(TRANSFER, [], []), hexed(encode(["address", "address", "uint256"], [hx(1), hx(2), 7])))

    def test_refuses_a_transfer_with_short_or_long_data(self) -> None:
        log = topics(TRANSFER, ["address", "address"], [hx(1), hx(2)])
        self.refuses(log, "0x")
        self.refuses(log, "0x" + "00" * 31)
        self.refuses(log, "0x" + "00" * 33)

    def test_refuses_an_address_with_dirty_high_bytes(self) -> None:
        log = topics(TRANSFER, ["address", "bytes32"], [hx(1), b"\x01" + b"\x00" * 31])
        self.refuses(log, hexed(encode(["uint256"], [7])))

    def test_refuses_a_bool_of_two(self) -> None:
        self.refuses(
            topics("AddressFrozen(address,bool,address)", ["address", "uint256", "address"], [hx(1), 2, hx(2)]), "0x"
        )

    def test_refuses_a_number_of_more_bits_than_its_type(self) -> None:
        country, version = "CountryUpdated(address,uint16)", hexed(keccak(text="Initialized(uint8)"))
        largest = topics(country, ["address", "uint256"], [hx(1), 2**16 - 1])
        assert codec.decode(largest, "0x").fields["country"] == 65535
        self.refuses(topics(country, ["address", "uint256"], [hx(1), 2**16]), "0x")
        self.refuses([version], hexed(encode(["uint256"], [2**8])))

    @given(st.binary(max_size=200))
    def test_refuses_or_reads_dynamic_data_but_never_fails_otherwise(self, data: bytes) -> None:
        with contextlib.suppress(codec.Undecodable):
            codec.decode(topics(CLAIM, ["bytes32", "uint256", "address"], [b"\0" * 32, 1, hx(3)]), hexed(data))

    def test_refuses_an_offset_past_the_end(self) -> None:
        log = topics("TradeFailed(bytes32,bytes)", ["bytes32"], [b"\1" * 32])
        self.refuses(log, hexed((2**255).to_bytes(32, "big")))
        self.refuses(log, hexed((32).to_bytes(32, "big") + (2**64).to_bytes(32, "big")))

    def test_refuses_what_solidity_would_not_have_written(self) -> None:
        log = topics("TradeFailed(bytes32,bytes)", ["bytes32"], [b"\1" * 32])
        right = encode(["bytes"], [b"abc"])
        assert codec.decode(log, hexed(right)) == TradeFailed("0x" + "01" * 32, "0x616263")
        gap = (64).to_bytes(32, "big") + bytes(32) + right[32:]
        self.refuses(log, hexed(gap))
        self.refuses(log, hexed(right + bytes(32)))  # trailing bytes
        self.refuses(log, hexed(right[:-1]))
        self.refuses(log, hexed(right[:-29]))  # without its padding
        self.refuses(log, hexed(right[:-1] + b"\1"))  # dirty padding

    def test_refuses_a_string_that_is_not_utf8(self) -> None:
        log = topics("RoleAdded(address,string)", ["address"], [hx(1)])
        assert codec.decode(log, hexed(encode(["string"], ["\u00fc"]))).fields["role"] == "\u00fc"
        self.refuses(log, hexed(encode(["bytes"], [b"\xff\xfe"])))

    def test_refuses_an_array_that_claims_more_than_there_is(self) -> None:
        log = topics("ClaimTopicsUpdated(address,uint256[])", ["address"], [hx(1)])
        assert codec.decode(log, hexed(encode(["uint256[]"], [[1, 2]]))).fields["claimTopics"] == (1, 2)
        for count in (3, 2**250, 2**256 - 1):
            words_ = [32, count, 1, 2]
            self.refuses(log, hexed(b"".join(word.to_bytes(32, "big") for word in words_)))

    @pytest.mark.parametrize(
        "spoilt",
        [
            "0x" + "0" * 63 + "g",
            "0x" + "0" * 62 + " 1",
            "0x" + "0" * 61 + "_00",
            "0x" + "0" * 62 + "\u0661\u0661",
            "1x" + "0" * 64,
            "0" * 66,
        ],
    )
    def test_refuses_what_is_no_hex(self, spoilt: str) -> None:
        pads = topics(TRANSFER, ["address", "address"], [hx(1), hx(2)])
        self.refuses(pads, spoilt)
        self.refuses([pads[0], pads[1], spoilt], "0x" + "0" * 64)
        self.refuses([pads[0], spoilt, pads[2]], "0x" + "0" * 64)
        self.refuses(topics("TokensFrozen(address,uint256)", ["address"], [hx(1)]), spoilt)
        self.refuses([hexed(keccak(text="AgentAdded(address)")), spoilt], "0x")
