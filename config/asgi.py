"""ASGI entry point: loaded by each worker of the web server."""

import os

from django.core.asgi import get_asgi_application

from apps.core.worker_counts import share_counts
from config.environment import read_env_file

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
read_env_file()
# Before Django: how prometheus_client counts is decided when it is imported.
share_counts()
application = get_asgi_application()
