"""Events and errors as Solidity declares them: "Name(type indexed name, type name)". Pure."""

import re
from dataclasses import dataclass

from eth_utils.crypto import keccak

_DECLARED = re.compile(r"(\w+)\((.*)\)")
_PARAMETER = re.compile(r"(?P<type>\([^()]*\)|[a-z0-9]+)(?P<array>\[\])?(?P<indexed> indexed)? (?P<name>\w+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field: its ABI type, such as "address[]", and whether it is a topic."""

    type: str
    name: str
    indexed: bool = False

    def __str__(self) -> str:
        return f"{self.type}{' indexed' if self.indexed else ''} {self.name}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A declared event or error."""

    name: str
    parameters: tuple[Parameter, ...]

    @property
    def canonical(self) -> str:
        """What is hashed: "Name(type,type)"."""
        return f"{self.name}({','.join(each.type for each in self.parameters)})"

    @property
    def hash(self) -> bytes:
        """keccak of the canonical form: all of it is an event's topic0, its first four bytes an error's selector."""
        return keccak(text=self.canonical)

    @property
    def topics(self) -> int:
        """How many topics the event has, topic0 among them."""
        return 1 + sum(each.indexed for each in self.parameters)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))})"


def parse(declared: str) -> Signature:
    """A declaration read. Raises ValueError for anything that is not written exactly so."""
    if not (found := _DECLARED.fullmatch(declared)):
        raise ValueError(f"not a declaration: {declared}")
    parameters = tuple(
        Parameter(each["type"] + (each["array"] or ""), each["name"], bool(each["indexed"]))
        for each in _PARAMETER.finditer(found[2])
    )
    signature = Signature(found[1], parameters)
    if str(signature) != declared:
        raise ValueError(f"not a declaration: {declared}")
    return signature
