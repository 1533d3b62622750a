"""Routes. Wallets are served under /api/dex, where traders look for them."""

from django.urls import URLPattern, path

from apps.compliance.api import views

urlpatterns: list[URLPattern] = [
    path("compliance/profile", views.ProfileView.as_view(), name="profile"),
    path("compliance/investors", views.InvestorsView.as_view(), name="investors"),
    path("compliance/investors/<uuid:party_id>", views.InvestorView.as_view(), name="investor"),
    path("compliance/investors/<uuid:party_id>/kyc", views.KycView.as_view(), name="kyc"),
    path("dex/wallets", views.WalletsView.as_view(), name="wallets"),
    path("dex/wallets/challenge", views.WalletChallengeView.as_view(), name="wallet-challenge"),
]
