"""What operators see of the nodes."""

from collections.abc import Iterator

from apps.chain.endpoints.sessions import configured
from apps.chain.models import RpcEndpoint
from apps.chain.types import EndpointState
from apps.core.metrics import Sample, counter, gauge
from apps.core.registry import Health

ENDPOINT_STATE = gauge("bookentry_chain_endpoint_state", "1 for the state the node is in.", "endpoint", "state")
ENDPOINT_HEAD = gauge("bookentry_chain_endpoint_head_block", "Height of the node's newest block.", "endpoint")
ENDPOINT_FINAL = gauge("bookentry_chain_endpoint_final_block", "Height of the node's newest final block.", "endpoint")
ENDPOINT_RANGE = gauge("bookentry_chain_endpoint_range_blocks", "Blocks it takes in one question for logs.", "endpoint")
ENDPOINT_LIES = counter("bookentry_chain_endpoint_lies_total", "Times the node contradicted itself.", "endpoint")
ENDPOINTS = (ENDPOINT_STATE, ENDPOINT_HEAD, ENDPOINT_FINAL, ENDPOINT_RANGE, ENDPOINT_LIES)


def endpoint_health() -> Health:
    """Degraded while a configured node is not asked, and by which name."""
    left = RpcEndpoint.objects.filter(name__in=configured()).exclude(state=EndpointState.HEALTHY).order_by("priority")
    names = [f"{row.name} {row.state.lower()}: {row.reason}" for row in left]
    return Health(ok=not names, detail=", ".join(names) or f"{len(configured())} nodes", required=False)


def read_endpoint_metrics() -> Iterator[Sample]:
    """States, heights and caps of the configured nodes that an engine has looked at."""
    for row in RpcEndpoint.objects.filter(name__in=configured()).order_by("priority"):
        for state in EndpointState.values:
            yield ENDPOINT_STATE.sample(row.state == state, endpoint=row.name, state=state)
        if row.head_number is not None:
            yield ENDPOINT_HEAD.sample(row.head_number, endpoint=row.name)
        if row.final_number is not None:
            yield ENDPOINT_FINAL.sample(row.final_number, endpoint=row.name)
        yield ENDPOINT_RANGE.sample(row.range_blocks, endpoint=row.name)
        yield ENDPOINT_LIES.sample(row.lies, endpoint=row.name)
