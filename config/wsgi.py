"""WSGI entry point: loaded by each worker of the web server."""

import os

import django

from apps.core.http.servers import WSGIApplication
from apps.core.worker_counts import share_counts
from config.environment import read_env_file

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
read_env_file()
# Before Django: how prometheus_client counts is decided when it is imported.
share_counts()
django.setup(set_prefix=False)
application = WSGIApplication()
