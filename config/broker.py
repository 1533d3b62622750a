"""What Celery needs to know of its broker: Redis or Valkey, or RabbitMQ by a change of URL."""

from typing import Any
from urllib.parse import urlsplit

from kombu import Exchange, Queue

SCHEMES = ("redis", "rediss", "amqp", "amqps", "pyamqp")
# Above the longest task, so that no message comes back while its task still runs.
VISIBILITY_SECONDS = 3600


def is_amqp(url: str) -> bool:
    """Whether this is RabbitMQ."""
    return "amqp" in urlsplit(url).scheme


def transport_options(url: str) -> dict[str, Any]:
    """How messages come back when a worker dies, and how soon a dead connection is noticed."""
    if is_amqp(url):
        return {"confirm_publish": True, "connect_timeout": 5, "read_timeout": 15, "write_timeout": 15}
    return {
        "visibility_timeout": VISIBILITY_SECONDS,
        # Kombu rescans unacknowledged messages every interval x throttle: at 1 x 1 it does so each second.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 5,
        "socket_timeout": 15,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


def queues(url: str) -> tuple[Queue, ...]:
    """The queues that every worker consumes; in RabbitMQ replicated ones."""
    arguments = {"x-queue-type": "quorum"} if is_amqp(url) else {}
    return (Queue("default", Exchange("default"), routing_key="default", queue_arguments=arguments),)
