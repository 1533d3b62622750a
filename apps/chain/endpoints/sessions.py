"""Sessions with the configured nodes, by the names of their settings."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import httpx
from django.conf import settings

from apps.chain.endpoints.asks import Asks, Call
from apps.chain.endpoints.limits import Limits, Refusal
from apps.chain.endpoints.rows import NAMES, store_limits
from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NodePruned, RpcError
from apps.chain.fetching import Tip
from apps.chain.gateway import FIRST, Node
from apps.chain.wire import read_header
from apps.core.providers import provider

PROVIDER = "chain_node"
TOO_MUCH = frozenset({"ReadTimeout", "AnswerTooLong"})


def configured() -> Mapping[str, str]:
    """URLs by name, the one that is liked best first."""
    return {name: url for name in NAMES if (url := getattr(settings, name))}


def circuit_of(name: str) -> str:
    """The breaker of a node: each has its own."""
    return PROVIDER if name == FIRST else f"{PROVIDER}:{name}"


class Endpoint(Node):
    """A session with one of several nodes, which learns what the node takes and remembers it in the node's row."""

    def __init__(self, url: str, *, limits: Limits | None = None, **options: Any) -> None:
        super().__init__(url, **options)
        self.limits = limits or Limits()
        self.recognised = False

    @property
    def url(self) -> str:
        """Never to be written anywhere: it may hold a key."""
        return self._url

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """As Node.batch. A range of logs that was pruned raises NodePruned, one beyond the head IncompleteAnswer."""
        self.batch_calls = self.limits.batch_calls
        try:
            answers = super().batch(calls)
            refusals = [self.limits.learn(*pair) for pair in zip(calls, answers, strict=True)]
        except ChainUnavailable as error:
            if error.context.get("cause") in TOO_MUCH:
                self.limits.too_much()
            raise
        finally:
            self.limits.fewer_calls(self.batch_calls)
            self.remember()
        for call, refusal in zip(calls, refusals, strict=True):
            _raise_refusal(call, refusal)
        return answers

    def remember(self) -> None:
        """Write down what was learned."""
        if self.limits.changed:
            store_limits(self.name, self.limits)

    def tip(self) -> Tip:
        """The node's newest and newest final header, asked together with its chain id.

        Raises ChainUnavailable, WrongChain, IncompleteAnswer, or RpcError as the node answered.
        """
        chain, head, final = self.batch([("eth_chainId", ()), _header("latest"), _header("finalized")])
        self.require_chain(chain)
        if isinstance(head, RpcError):
            raise head
        missing = final is None or isinstance(final, RpcError)
        return Tip(read_header(head), None if missing else read_header(final))


ASKS: Callable[..., Asks] = Endpoint  # held by mypy: fetching counts on no more than this


def _header(tag: str) -> Call:
    return "eth_getBlockByNumber", (tag, False)


def _raise_refusal(call: Call, refusal: Refusal | None) -> None:
    """For those that no smaller range would mend."""
    if refusal is None or refusal is Refusal.TOO_WIDE:
        return
    number = int(call[1][0]["fromBlock"], 16)
    if refusal is Refusal.PRUNED:
        raise NodePruned(number=number)
    if refusal is Refusal.OUT_OF_RANGE:
        raise IncompleteAnswer(what="logs", number=int(call[1][0]["toBlock"], 16))
    raise ChainUnavailable(cause="RateLimited" if refusal is Refusal.RATE else "eth_getLogs")


def build_sessions(client: httpx.Client) -> Callable[..., Endpoint]:
    """What makes sessions over the connections, and behind the breaker, that this process shares."""
    return partial(Endpoint, client=client)


def open_session(name: str, limits: Limits | None = None) -> Endpoint:
    """A new session with the node of this name. The caller closes it."""
    build = provider(circuit_of(name))
    node: Endpoint = build(configured()[name], chain_id=settings.CHAIN_ID, name=name, limits=limits)
    return node
