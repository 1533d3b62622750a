"""The web server: `gunicorn -c python:config.gunicorn config.wsgi`. Its own options (--bind, --workers) as usual."""

import os
import ssl
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from gunicorn import glogging

from apps.core.logging import configure
from apps.core.tls import listener_context

# With both set the listener speaks TLS itself; without, a proxy in front does (TRUSTED_PROXIES).
certfile = settings.WEB_TLS_CERTIFICATE or None
keyfile = settings.WEB_TLS_KEY or None
# Who may speak for a client is decided in one place: apps.core.http.client. Here nobody is believed.
forwarded_allow_ips = ""


def ssl_context(_config: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The listener's TLS: 1.3 and nothing older."""
    return listener_context(settings.WEB_TLS_CERTIFICATE, settings.WEB_TLS_KEY)


class Logger(glogging.Logger):
    """Has the master and its workers write as every other process does."""

    def setup(self, cfg: Any) -> None:
        """Put settings.LOGGING in force, instead of handlers of gunicorn's own."""
        self.cfg = cfg
        self._access_log_enabled = self._compute_access_log_enabled()
        configure(settings.LOGGING)


logger_class = Logger
