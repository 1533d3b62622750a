"""The configured nodes as the engines last saw them: no node is asked."""

from apps.chain.endpoints.sessions import configured
from apps.chain.models import RpcEndpoint
from apps.chain.types.endpoints import EndpointState, EndpointView


def endpoints() -> list[EndpointView]:
    """In the order of liking. A node that no engine has looked at yet is not there."""
    rows = list(RpcEndpoint.objects.filter(name__in=configured()).order_by("priority"))
    highest = max((row.head_number or 0 for row in rows), default=0)
    return [
        EndpointView(
            name=row.name,
            state=EndpointState(row.state),
            reason=row.reason,
            until=row.until,
            head=row.head_number,
            final=row.final_number,
            range_blocks=row.range_blocks,
            checked_at=row.checked_at,
            lag_blocks=None if row.head_number is None else highest - row.head_number,
        )
        for row in rows
    ]
