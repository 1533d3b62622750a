"""Django's admin application, with our site as its default."""

from django.contrib.admin.apps import AdminConfig


class OfficersAdminConfig(AdminConfig):
    default_site = "apps.backoffice.site.OfficersSite"
