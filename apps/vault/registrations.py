"""What the vault registers with core."""

from django.db.backends.signals import connection_created


def register() -> None:
    """What the database's refusals mean, and when the keyring looks whether its keys are still good."""
    from apps.core.db import constraint_error
    from apps.core.registry import registry
    from apps.vault import errors, watching
    from apps.vault.documents.health import store_health
    from apps.vault.keys.keyring import look_again
    from apps.vault.kms import choosing

    if choosing.is_kms_known():
        registry.provider(choosing.KMS, choosing.build_kms)
    registry.health_check("documents", store_health)
    connection_created.connect(look_again, dispatch_uid="vault_look_again")
    registry.health_check("vault", watching.health)
    registry.metric("vault", watching.METRICS, watching.read_metrics)
    constraint_error("vault_subject_held", errors.SubjectHeld)
    constraint_error("vault_subject_erased", errors.SubjectErased)
    constraint_error("key_rotation_once", errors.RotationTaken)
