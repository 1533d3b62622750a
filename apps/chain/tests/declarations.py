"""What contracts declare: compiled ABIs, the standards' topics and selectors, and values of ABI types."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from hypothesis import strategies as st

CONTRACTS = settings.BASE_DIR / "contracts"
BUILT = [
    CONTRACTS / "build",
    CONTRACTS / "node_modules/@tokenysolutions/t-rex/artifacts",
    CONTRACTS / "node_modules/@onchain-id/solidity/artifacts",
]
OPENZEPPELIN = CONTRACTS / "node_modules/@openzeppelin/contracts/build/contracts"
# "event Name(type,type) topic0" and "error Name(type,type) selector", a line each.
FACTS = (Path(__file__).parent / "known_topics.txt").read_text().splitlines()


def abi_entries(folder: Path) -> Iterator[dict[str, Any]]:
    """All entries of the ABIs in a folder."""
    for file in folder.rglob("*.json"):
        compiled = json.loads(file.read_text())
        yield from compiled.get("abi", ()) if isinstance(compiled, dict) else ()


def type_of(field: dict[str, Any]) -> str:
    """The ABI type of a field, structs as tuples."""
    if not field["type"].startswith("tuple"):
        return str(field["type"])
    return f"({','.join(map(type_of, field['components']))}){field['type'][5:]}"


def values_of(type_: str) -> st.SearchStrategy[Any]:
    """What eth_abi takes for a type."""
    if type_.endswith("[]"):
        return st.lists(values_of(type_[:-2]), max_size=3)
    if type_.startswith("uint"):
        return st.integers(min_value=0, max_value=2 ** int(type_[4:]) - 1)
    if type_.startswith("bytes") and type_ != "bytes":
        return st.binary(min_size=int(type_[5:]), max_size=int(type_[5:]))
    if type_.startswith("int"):
        return st.integers(min_value=-(2 ** (int(type_[3:]) - 1)), max_value=2 ** (int(type_[3:]) - 1) - 1)
    return {
        "address": st.binary(min_size=20, max_size=20),
        "bool": st.booleans(),
        "bytes": st.binary(max_size=70),
        "string": st.text(max_size=20),
    }[type_]
