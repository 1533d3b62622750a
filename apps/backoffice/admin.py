"""Pages that belong to no single room. Django's groups decide nothing here: roles come from memberships."""

from django.contrib import admin
from django.contrib.auth.models import Group

admin.site.unregister(Group)
