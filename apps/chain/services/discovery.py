"""Tokens our factory deploys are watched from the commit that stores their first log: nothing is left to backfill."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.chain import codec
from apps.chain.models import WatchedContract
from apps.chain.types import ContractKind, TrexSuiteDeployed
from apps.chain.wire import WireLog
from apps.core.db import within_unit_of_work


@dataclass(frozen=True, slots=True)
class Discovered:
    """A contract that a watched factory deployed in `block_number`."""

    address: str
    kind: ContractKind
    block_number: int


def discover(logs: Iterable[WireLog], kinds: Mapping[str, ContractKind]) -> list[Discovered]:
    """Tokens and identity registries that the factories among the watched contracts deployed, but no watched ones."""
    factories = {address for address, kind in kinds.items() if kind == ContractKind.FACTORY}
    found: dict[str, Discovered] = {}
    for log in logs:
        if log.address in factories and (suite := _suite(log)):
            for address, kind in (
                (suite.token, ContractKind.SECURITY),
                (suite.identity_registry, ContractKind.REGISTRY),
            ):
                found.setdefault(address, Discovered(address, kind, log.block_number))
    return [each for each in found.values() if each.address not in kinds]


def _suite(log: WireLog) -> TrexSuiteDeployed | None:
    try:
        event = codec.decode(log.topics, log.data)
    except codec.Undecodable:
        return None
    return event if isinstance(event, TrexSuiteDeployed) else None


@within_unit_of_work
def watch_discovered(found: Iterable[Discovered], *, now: datetime) -> None:
    """Watch contracts whose logs are stored by this same unit of work."""
    rows = [
        WatchedContract(
            address=each.address,
            kind=each.kind,
            from_block=each.block_number,
            covered_to=each.block_number,
            covered=True,
            created_at=now,
        )
        for each in found
    ]
    WatchedContract.objects.bulk_create(rows, ignore_conflicts=True)
