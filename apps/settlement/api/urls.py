"""Routes."""

from django.urls import URLPattern, path

from apps.settlement.api import views

urlpatterns: list[URLPattern] = [
    path("settlement/instructions", views.InstructionsView.as_view(), name="settlement-instructions"),
    path(
        "settlement/instructions/<uuid:instruction_id>",
        views.InstructionView.as_view(),
        name="settlement-instruction",
    ),
]
