"""What operators see of the chain room: the stream, what is sent, and the nodes."""

from apps.chain.health.endpoints import ENDPOINTS, endpoint_health, read_endpoint_metrics
from apps.chain.health.sending import SENDER, read_sender_metrics, signer_health
from apps.chain.health.stream import STREAM, read_stream_metrics, stream_health

__all__ = [
    "ENDPOINTS",
    "SENDER",
    "STREAM",
    "endpoint_health",
    "read_endpoint_metrics",
    "read_sender_metrics",
    "read_stream_metrics",
    "signer_health",
    "stream_health",
]
