"""The Celery application: a message is a wake-up, the work itself is a row."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("bookentry")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
