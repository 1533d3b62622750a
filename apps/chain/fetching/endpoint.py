"""What fetching needs of an endpoint: a session with one node, or with whoever asks several for us."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from apps.chain.errors import RpcError
from apps.chain.limits import Limits, Policy

Call = tuple[str, Sequence[Any]]


class Endpoint(Protocol):
    """One endpoint. All three raise ChainUnavailable where it does not answer and WrongChain for another chain's."""

    name: str
    limits: Limits
    policy: Policy

    @property
    def chain_id(self) -> int:
        """Whose answers these are."""

    def require_chain(self, answer: msgspec.Raw | RpcError) -> None:
        """Raise WrongChain unless this answer to eth_chainId is ours, ChainUnavailable where it is none."""

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises RpcError as the endpoint answered."""

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Results in the order of `calls`; an RpcError stands where one was refused."""

    def ask(self, calls: Sequence[Call]) -> list[msgspec.Raw | RpcError]:
        """As `batch`, each result as the JSON text that came, for a typed decoder."""
