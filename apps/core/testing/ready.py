"""Loads the product where nobody has: imported before all else by a process that is neither manage.py nor pytest."""

import django
from django.apps import apps

if not apps.ready:
    django.setup()
