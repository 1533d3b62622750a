"""The product's settings and one app more."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "bench.rows"]
ROOT_URLCONF = "bench.kit.urls"
