"""Sessions with the configured nodes, by the names of their settings."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import httpx
from django.conf import settings

from apps.chain.endpoints.rows import NAMES, columns_of, store_limits
from apps.chain.fetching import Endpoint, Limits, Policy
from apps.chain.gateway import FIRST, Node
from apps.chain.limits import HeaderPolicy, Mode, ReceiptPolicy
from apps.core import clock
from apps.core.providers import provider

PROVIDER = "chain_node"


def configured() -> Mapping[str, str]:
    """URLs by name, the one that is liked best first."""
    return {name: url for name in NAMES if (url := getattr(settings, name))}


def circuit_of(name: str) -> str:
    """The breaker of a node: each has its own."""
    return PROVIDER if name == FIRST else f"{PROVIDER}:{name}"


class Session(Node):
    """A session with one of several nodes; what it learns of the node is kept in the node's row."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self.recognised = False
        self._known = columns_of(self.limits)

    @property
    def url(self) -> str:
        """Never to be written anywhere: it may hold a key."""
        return self._url

    def remember(self) -> None:
        """Write down what was learned since the last time, and no more: another engine learns, too."""
        self.limits.date_hint(clock.now())
        columns = columns_of(self.limits)
        if learned := {name: value for name, value in columns.items() if value != self._known[name]}:
            store_limits(self.name, learned)
            self._known = columns


HELD: Callable[..., Endpoint] = Session  # by mypy: fetching counts on no more than this


def build_sessions(client: httpx.Client) -> Callable[..., Session]:
    """What makes sessions over the connections, and behind the breaker, that this process shares."""
    return partial(Session, client=client)


def chain_policy() -> Policy:
    """What this chain's answers are held against."""
    answers = settings.SECURITY.chain.answers
    mode = None if answers.logs == "CHEAPER" else Mode(answers.logs)
    return Policy(HeaderPolicy(answers.headers), ReceiptPolicy(answers.receipts), mode)


def open_session(name: str, limits: Limits | None = None) -> Session:
    """A new session with the node of this name. The caller closes it."""
    build = provider(circuit_of(name))
    url, policy = configured()[name], chain_policy()
    node: Session = build(url, chain_id=settings.CHAIN_ID, name=name, limits=limits, policy=policy)
    return node
