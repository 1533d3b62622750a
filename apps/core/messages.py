"""Celery messages sent by engines and threads: rarely, so each on a connection of its own.

A pooled connection that is seldom used is closed by RabbitMQ for want of heartbeats, and what is sent on it is lost.
"""

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError


class BrokerUnavailable(Exception):
    """The message was not sent."""


def send(app: Celery, task: str, *, queue: str, expires: float, arguments: dict[str, Any] | None = None) -> None:
    """Send one task's message, once; it is worth nothing after `expires` seconds. Raises BrokerUnavailable."""
    with app.connection_for_write() as connection:
        failures: Any = (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors)
        try:
            app.send_task(task, kwargs=arguments, queue=queue, expires=expires, retry=False, connection=connection)
        except failures as error:
            raise BrokerUnavailable(type(error).__name__) from error
