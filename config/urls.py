"""All routes. Each room brings its own; a path says which room answers."""

from django.contrib import admin
from django.urls import include, path

from apps.core.http import converters  # noqa: F401 (registers <anything:rest>)
from apps.core.http.latency import NO_SUCH_ADDRESS
from apps.core.http.views import NoSuchAddress

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("apps.api.urls")),
    path("api/", include("apps.accounts.api.urls")),
    path("api/", include("apps.audit.api.urls")),
    path("api/", include("apps.securities.api.urls")),
    path("api/", include("apps.chain.api.urls")),
    path("api/", include("apps.ledger.api.urls")),
    path("api/", include("apps.compliance.api.urls")),
    path("api/", include("apps.settlement.api.urls")),
    path("api/", include("apps.issuance.api.urls")),
    path("api/", include("apps.dex.api.urls")),
    path("api/", include("apps.reconciliation.api.urls")),
    path("api/", include("apps.notifications.api.urls")),
    path("api/", include("apps.reports.api.urls")),
    # Last, so that every other address is looked for first.
    path("api", NoSuchAddress.as_view(), name=NO_SUCH_ADDRESS),
    path("api/<anything:rest>", NoSuchAddress.as_view(), name=NO_SUCH_ADDRESS),
]

handler400 = "apps.core.http.error_pages.bad_request"
handler403 = "apps.core.http.error_pages.forbidden"
handler404 = "apps.core.http.error_pages.not_found"
handler500 = "apps.core.http.error_pages.server_error"
