"""The Celery application: a message is a wake-up, the work itself is a row."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from apps.core.logging import configure

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("bookentry")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def log_as_all_processes_do(**_: Any) -> None:
    """Have worker and beat log as the web does, instead of in Celery's own way."""
    configure(settings.LOGGING)
