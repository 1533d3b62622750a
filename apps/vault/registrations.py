"""What the vault registers with core."""

from django.db.backends.signals import connection_created


def register() -> None:
    """What the database's refusals mean, and when the keyring looks whether its keys are still good."""
    from apps.core.db import constraint_error
    from apps.core.registry import registry
    from apps.vault import errors
    from apps.vault.documents.health import store_health
    from apps.vault.keys.keyring import look_again

    registry.health_check("documents", store_health)
    connection_created.connect(look_again, dispatch_uid="vault_look_again")
    constraint_error("vault_subject_held", errors.SubjectHeld)
    constraint_error("vault_subject_erased", errors.SubjectErased)
