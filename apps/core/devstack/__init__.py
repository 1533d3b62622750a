"""Development servers: PostgreSQL, Valkey and an EVM node, started where no URL names a real one.

No Django in here: manage.py, conftest.py and make call it before settings are read.
"""

from apps.core.devstack.errors import DevstackError
from apps.core.devstack.stack import ensure, export_missing_urls, start, status, stop
from apps.core.devstack.urls import Urls

__all__ = ["DevstackError", "Urls", "ensure", "export_missing_urls", "start", "status", "stop"]
