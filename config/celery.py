"""The Celery application: a message is a wake-up, the work itself is a row."""

import os
from typing import Any

import psutil
from celery import Celery, signals
from celery.worker import state
from django.conf import settings

from apps.core.logging import configure
from config.environment import refusing_to_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
with refusing_to_start():
    _ = settings.LOGGING  # Celery would read them much later, and show a traceback

app = Celery("bookentry")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def log_as_all_processes_do(**_: Any) -> None:
    """Have worker and beat log as the web does, instead of in Celery's own way."""
    configure(settings.LOGGING)


@signals.celeryd_after_setup.connect
def _consume_own_queue(sender: str, instance: Any, **_: Any) -> None:
    """A worker hears its own heart: nobody else does."""
    from apps.core.pulse import own_queue  # noqa: PLC0415 (needs Django set up)

    instance.app.amqp.queues.select_add(own_queue(sender))


@signals.worker_ready.connect
def _start_pulse(sender: Any, **_: Any) -> None:
    from apps.core.pulse import Pulse  # noqa: PLC0415 (needs Django set up)

    def is_full() -> bool:
        return len(state.active_requests) >= sender.pool.num_processes

    def end() -> None:
        # Safe at any instant: what was being done is leased rows. A shutdown would wait for what no longer answers.
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os._exit(1)

    Pulse(sender.app, sender.hostname, is_full, end).start()


@signals.worker_process_shutdown.connect
def close_outside_connections(**_: Any) -> None:
    """A worker's child ends without Python's exit handlers."""
    from apps.core.providers import close_providers  # noqa: PLC0415 (needs the applications)

    close_providers()
