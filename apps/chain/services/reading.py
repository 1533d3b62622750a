"""Blocks above one we have, with their logs made ready: as many at once as fit one answer of the node.

While a batch is stored the next one is asked for in a thread: one ahead, never more, and of final blocks alone, which
no fork takes back. It is used only if it stands on the block the stream then stands on, and was read for the same
contracts; else it is as if nobody had asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from apps.chain.fetching import Endpoint, all_logs, fetch_blocks, fetch_headers, first_that_fit
from apps.chain.services.ahead import OneAhead
from apps.chain.services.discovery import Discovered, discover
from apps.chain.services.preparing import Kinds, PreparedLogs, prepare
from apps.chain.services.tokens.layouts import CodeChange, code_changes
from apps.chain.wire import Header

HEADERS_A_STEP = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A block, and the contracts whose logs are read above it."""

    number: int
    hash: str
    kinds: Kinds


@dataclass(frozen=True, slots=True)
class Batch:
    """Blocks with the logs of the contracts of their place, and of those discovered among them."""

    headers: Sequence[Header]
    logs: PreparedLogs
    found: Sequence[Discovered]
    # Headers above these that came along.
    spare: Sequence[Header] = ()
    # Tokens among them that may have come to run other code.
    changes: Sequence[CodeChange] = ()

    def end(self, kinds: Kinds) -> Place:
        """Where the next batch begins."""
        last = self.headers[-1]
        return Place(last.number, last.hash, {**kinds, **{each.address: each.kind for each in self.found}})


def read_batch(node: Endpoint, headers: Sequence[Header], kinds: Kinds, *, final_number: int) -> Batch:
    """The first of these headers that fit one answer, with their logs. Raises as `fetch_blocks`."""
    chosen = first_that_fit(node, headers, kinds)
    logs = all_logs(fetch_blocks(node, chosen, kinds.keys(), final_number=final_number))
    prepared = prepare(logs, kinds)
    found = discover(logs, kinds)
    if found:
        later = {each.address: each.kind for each in found}
        more = all_logs(fetch_blocks(node, chosen, later.keys(), final_number=final_number))
        prepared += prepare(more, later)
    return Batch(chosen, prepared, found, headers[len(chosen) :], code_changes(logs, kinds))


class Ahead(OneAhead[Place, Batch]):
    """The batch after the one that is being stored."""

    def begin(self, node: Endpoint, place: Place, spare: Sequence[Header], *, final_number: int) -> None:
        """Ask for the blocks above a place, up to the final one."""
        if place.number < final_number:
            self.ask(place, partial(_read_on, node, place, spare, final_number))


def _read_on(node: Endpoint, place: Place, spare: Sequence[Header], final_number: int) -> Batch | None:
    """In the thread."""
    headers = spare or _headers_above(node, place, final_number)
    if not headers or headers[0].parent_hash != place.hash:
        return None
    return read_batch(node, headers, place.kinds, final_number=final_number)


def _headers_above(node: Endpoint, place: Place, final_number: int) -> Sequence[Header]:
    last = min(place.number + HEADERS_A_STEP, final_number)
    return fetch_headers(node, place.number + 1, last)
