"""Every event we know, by (topic0, number of topics). Pure."""

from collections.abc import Sequence

from apps.chain.codec.abi import Shape, Undecodable
from apps.chain.codec.layouts import LAYOUTS, Generic, Key, Layout, key_of
from apps.chain.codec.signatures import parse
from apps.chain.codec.table import EVENTS
from apps.chain.types.events import ChainEvent


def _generic(declared: str) -> tuple[Key, Generic]:
    signature = parse(declared)
    return key_of(signature), Generic(signature.name, Shape.of(signature), signature)


KNOWN: dict[Key, Layout | Generic] = dict(map(_generic, EVENTS)) | LAYOUTS
TOPICS = frozenset(topic for topic, _ in KNOWN)


def read(topics: Sequence[str], data: str) -> ChainEvent | None:
    """The event, None where its topic0 is unknown. Raises Undecodable, also for a known one of other topics."""
    if known := KNOWN.get((topics[0], len(topics))):
        return known.read(topics, data)
    if topics[0] in TOPICS:
        raise Undecodable(f"a known event that has not {len(topics)} topics")
    return None
