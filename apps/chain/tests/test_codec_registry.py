"""Every event we know, against a general ABI encoder, and the ABIs and tables that name them."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.chain import codec
from apps.chain.codec.abi import Shape
from apps.chain.codec.layouts import LAYOUTS, Generic, Key, Layout, key_of
from apps.chain.codec.registry import KNOWN, read
from apps.chain.codec.signatures import Signature, parse
from apps.chain.codec.table import EVENTS
from apps.chain.tests.declarations import BUILT, FACTS, abi_entries, type_of, values_of
from apps.chain.types import ContractKind, GenericEvent

every_event = pytest.mark.parametrize(
    "key", KNOWN, ids=lambda key: f"{KNOWN[key].signature.name}-{key[0][2:6]}-{key[1]}"
)
few = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def is_hashed(type_: str) -> bool:
    return type_ in {"bytes", "string"} or type_.endswith(("[]", ")"))


def ours(value: Any) -> Any:
    """A value as the codec gives it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return tuple(map(ours, value)) if isinstance(value, list) else value


@st.composite
def logs(draw: st.DrawFn, signature: Signature) -> tuple[list[str], str, dict[str, Any]]:
    """A log of the event as Solidity writes it, and its fields."""
    fields: dict[str, Any] = {}
    topics, types, values = ["0x" + signature.hash.hex()], [], []
    for each in signature.parameters:
        type_ = "bytes32" if each.indexed and is_hashed(each.type) else each.type
        value = draw(values_of(type_))
        fields[each.name] = ours(value)
        if each.indexed:
            topics.append("0x" + encode([type_], [value]).hex())
        else:
            types.append(type_)
            values.append(value)
    return topics, "0x" + encode(types, values).hex(), fields


def told(known: Layout | Generic, event: Any) -> dict[str, Any]:
    """The fields an event has."""
    if isinstance(event, GenericEvent):
        assert event.name == known.signature.name
        return dict(event.fields)
    assert type(event) is known.event
    return {name: value for name, value in asdict(event).items() if value is not None}


def flipped(text: str, at: int, mask: int) -> str:
    raw = bytearray.fromhex(text[2:])
    raw[at] ^= mask
    return "0x" + raw.hex()


def is_another(event: Any, topics: list[str], body: str) -> bool:
    """Whether the log tells another event, or none."""
    try:
        return read(topics, body) != event
    except codec.Undecodable:
        return True


class TestEveryEvent:
    @every_event
    @settings(few, max_examples=4)
    @given(st.data())
    def test_is_read_as_it_was_written(self, key: Key, data: st.DataObject) -> None:
        topics, body, fields = data.draw(logs(KNOWN[key].signature))
        assert told(KNOWN[key], read(topics, body)) == fields
        assert codec.decode(topics, body, kind=ContractKind.DVP) == read(topics, body)

    @every_event
    @settings(few, max_examples=3)
    @given(st.data(), st.integers(min_value=1, max_value=255))
    def test_has_no_other_encoding(self, key: Key, data: st.DataObject, mask: int) -> None:
        """Any byte changed makes another event or none; any byte less or more makes none."""
        topics, body, _ = data.draw(logs(KNOWN[key].signature))
        event = read(topics, body)
        for at in range(len(body) // 2 - 1):
            assert is_another(event, topics, flipped(body, at, mask))
        for number in range(1, len(topics)):
            for at in range(32):
                changed = [*topics[:number], flipped(topics[number], at, mask), *topics[number + 1 :]]
                assert is_another(event, changed, body)
        for each in [*(body[:end] for end in range(len(body))), body + "00", body + "00" * 32]:
            with pytest.raises(codec.Undecodable):
                read(topics, each)
        if (key[0], key[1] + 1) not in KNOWN:
            with pytest.raises(codec.Undecodable):
                read([*topics, topics[0]], body)

    @settings(few, max_examples=300)
    @given(st.data(), st.sampled_from(sorted(KNOWN)))
    def test_of_anything_else_is_read_or_undecodable(self, data: st.DataObject, key: Key) -> None:
        word = st.one_of(st.binary(min_size=32, max_size=32), st.integers(0, 400).map(lambda n: n.to_bytes(32, "big")))
        topics = [key[0], *("0x" + data.draw(word).hex() for _ in range(key[1] - 1))]
        body = "0x" + b"".join(data.draw(st.lists(word, max_size=12))).hex()
        with contextlib.suppress(codec.Undecodable):
            assert read(topics, body) is not None


class TestRegistry:
    def test_has_each_event_once(self) -> None:
        generic = [key_of(parse(declared)) for declared in EVENTS]
        assert len(generic) == len(set(generic))
        assert set(generic).isdisjoint(LAYOUTS)
        assert len(KNOWN) == len(generic) + len(LAYOUTS)

    def test_knows_the_topics_of_the_standards(self) -> None:
        facts = {tuple(line.split(" ")[1:]) for line in FACTS if line.startswith("event ")}
        assert len(facts) > 100
        assert facts <= {(known.signature.canonical, topic) for (topic, _), known in KNOWN.items()}

    @pytest.mark.parametrize("folder", BUILT, ids=lambda folder: folder.parent.name)
    def test_knows_every_event_of_every_contract(self, folder: Path) -> None:
        events = list(declared(folder))
        assert len(events) > 20
        for name, parameters in events:
            canonical = f"{name}({','.join(type_ for type_, _ in parameters)})"
            count = 1 + sum(indexed for _, indexed in parameters)
            known = KNOWN["0x" + keccak(text=canonical).hex(), count].signature
            assert [(each.type, each.indexed) for each in known.parameters] == parameters


def declared(folder: Path) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """The events of compiled contracts: name, and type and whether indexed of each field."""
    for entry in abi_entries(folder):
        if entry["type"] == "event":
            yield entry["name"], [(type_of(field), field["indexed"]) for field in entry["inputs"]]


class TestSignatures:
    @pytest.mark.parametrize(
        "text", ["", "Name", "Name(", "Name(uint256)", "Name(uint256 a,uint256 b)", "N(a b) ", "N( )"]
    )
    def test_are_refused_unless_written_exactly_so(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a declaration"):
            parse(text)

    def test_of_types_that_no_event_has_are_refused(self) -> None:
        for type_ in ("int256", "(uint8,uint8)", "string[]", "address[2]"):
            with pytest.raises((KeyError, ValueError)):
                Shape.of(parse(f"Named({type_} value)"))
