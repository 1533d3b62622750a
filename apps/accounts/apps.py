"""Django application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"

    def ready(self) -> None:
        from django.core.checks import register

        from apps.accounts.checks import token_key_is_long
        from apps.accounts.consumers import on_subject_erased
        from apps.accounts.errors import UsernameTaken
        from apps.accounts.models import Membership, Party, User
        from apps.audit.services.watching import watch
        from apps.audit.types import RecordClass
        from apps.core.db import constraint_error
        from apps.core.registry import registry
        from apps.vault.types import SUBJECT_ERASED

        registry.consumer("accounts.vault", {SUBJECT_ERASED}, on_subject_erased)
        constraint_error("user_username_once", UsernameTaken)
        register(token_key_is_long)
        watch(Party, record_class=RecordClass.CUSTOMER_ACCOUNTS)
        watch(User, Membership, digested=["password"])
