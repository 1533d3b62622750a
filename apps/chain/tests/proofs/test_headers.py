"""Header hashes, by headers of public chains and of our own node."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.headers import ALWAYS, FORKS, header_hash
from apps.chain.tests.proofs.fixtures import MAINNET_GENESIS, SEPOLIA_GLAMSTERDAM
from apps.chain.wire import HEADER, HeaderAnswer

PUBLIC = [MAINNET_GENESIS, SEPOLIA_GLAMSTERDAM]
FORK_NAMES = [field.encode_name for field in msgspec.structs.fields(HeaderAnswer) if field.name in dict(FORKS)]


def answer(fields: dict[str, Any]) -> HeaderAnswer:
    return HEADER.decode(json.dumps(fields | {"transactions": []}))


def changed(text: str, at: int) -> str:
    return f"{text[:at]}{int(text[at], 16) ^ 1:x}{text[at + 1 :]}"


class TestHeaderHash:
    @pytest.mark.parametrize("fields", PUBLIC, ids=["mainnet genesis, 15 fields", "Glamsterdam, 23 fields"])
    def test_is_the_public_chain_s(self, fields: dict[str, Any]) -> None:
        assert header_hash(answer(fields)) == fields["hash"]

    def test_covers_every_digit_of_every_field(self) -> None:
        fields = SEPOLIA_GLAMSTERDAM
        found = {
            header_hash(answer(fields | {name: changed(text, at)}))
            for name, text in fields.items()
            if name != "hash"
            for at in range(2, len(text), 1 if len(text) < 70 else 17)
        }
        assert fields["hash"] not in found
        assert len(found) == sum(
            len(range(2, len(text), 1 if len(text) < 70 else 17)) for name, text in fields.items() if name != "hash"
        )

    def test_knows_as_many_fields_as_a_block_of_glamsterdam_has(self) -> None:
        assert len(ALWAYS) + len(FORKS) == 23 == len(SEPOLIA_GLAMSTERDAM) - 1

    @pytest.mark.parametrize("name", FORK_NAMES[:-1])
    def test_of_a_field_after_a_missing_one_cannot_be_told(self, name: str) -> None:
        with pytest.raises(Unverifiable, match="missing before a later field"):
            header_hash(answer(SEPOLIA_GLAMSTERDAM | {name: None}))

    @pytest.mark.parametrize("text", ["", "0x", "0x 1", "nonsense", "0x0", "ab" * 33, "0x" + "ab" * 31 + "  "])
    def test_of_no_hexadecimal_text_is_never_the_true_one(self, text: str) -> None:
        with suppress(Unverifiable):
            assert header_hash(answer(SEPOLIA_GLAMSTERDAM | {"stateRoot": text})) != SEPOLIA_GLAMSTERDAM["hash"]
