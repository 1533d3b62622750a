"""What ERC-1400 tokens say (ERC-1410, 1594, 1644), and which events move balances in which standard.

Addresses, hashes and bytes are lowercase 0x strings, amounts whole base units.
"""

from dataclasses import dataclass

_NOBODY = "0x" + "00" * 20
# Sender, recipient, base units.
Movement = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class TransferByPartition:
    """ERC-1410: units of a partition changed hands. Many tokens emit a Transfer for the same movement."""

    partition: str
    operator: str
    sender: str
    recipient: str
    amount: int
    data: str
    operator_data: str

    @property
    def movement(self) -> Movement:
        """What it changes of balances."""
        return self.sender, self.recipient, self.amount


@dataclass(frozen=True, slots=True)
class IssuedByPartition:
    """ERC-1410: units were made within a partition. What a token's shape does not tell is None."""

    partition: str
    recipient: str
    amount: int
    data: str
    operator: str | None = None
    operator_data: str | None = None

    @property
    def movement(self) -> Movement:
        """What it changes of balances."""
        return _NOBODY, self.recipient, self.amount


@dataclass(frozen=True, slots=True)
class RedeemedByPartition:
    """ERC-1410: units of a partition were destroyed."""

    partition: str
    operator: str
    holder: str
    amount: int
    operator_data: str
    data: str | None = None

    @property
    def movement(self) -> Movement:
        """What it changes of balances."""
        return self.holder, _NOBODY, self.amount


@dataclass(frozen=True, slots=True)
class Issued:
    """ERC-1594: units were made; a Transfer or an IssuedByPartition says the same."""

    operator: str
    recipient: str
    amount: int
    data: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """ERC-1594: units were destroyed; a Transfer or a RedeemedByPartition says the same."""

    operator: str
    holder: str
    amount: int
    data: str


@dataclass(frozen=True, slots=True)
class ControllerTransfer:
    """ERC-1644: a controller forced a transfer; a Transfer or a TransferByPartition says the same."""

    controller: str
    sender: str
    recipient: str
    amount: int
    data: str
    operator_data: str


@dataclass(frozen=True, slots=True)
class ControllerRedemption:
    """ERC-1644: a controller destroyed units; a Transfer or a RedeemedByPartition says the same."""

    controller: str
    holder: str
    amount: int
    data: str
    operator_data: str


MovedByPartition = TransferByPartition | IssuedByPartition | RedeemedByPartition
