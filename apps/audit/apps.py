"""Django application."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from apps.audit import checks, health, retention_health  # noqa: F401 (checks register themselves)
        from apps.audit.consumers import on_rotation_moved, on_vault_event
        from apps.audit.engines import Integrator, Sequencer
        from apps.audit.models import AuditEnding, AuditExport, AuditHold, AuditRetention
        from apps.audit.places import choosing
        from apps.audit.services.anchor_places import AnchorPlace, anchor_place
        from apps.audit.services.retention import put_periods
        from apps.audit.services.s3_anchoring import anchor_in_s3, fetch_from_s3, unrecorded_in_s3
        from apps.audit.services.watching import put_triggers, watch
        from apps.audit.types import AnchorKind
        from apps.core.registry import registry
        from apps.vault.types import HOLD_PLACED, HOLD_RELEASED, ROTATION_MOVED, SUBJECT_ERASED

        registry.engine(Sequencer.name, Sequencer)
        registry.engine(Integrator.name, Integrator)
        registry.metric("audit", health.METRICS, health.read_metrics)
        if choosing.is_anchored():
            registry.provider(choosing.STORE, choosing.build_store)
        anchor_place(AnchorKind.S3, AnchorPlace(anchor_in_s3, fetch_from_s3, unrecorded_in_s3))
        registry.metric("audit_retention", retention_health.METRICS, retention_health.read_metrics)
        registry.consumer("audit.vault", {SUBJECT_ERASED, HOLD_PLACED, HOLD_RELEASED}, on_vault_event)
        registry.consumer("audit.rotation", {ROTATION_MOVED}, on_rotation_moved)
        # Whoever writes them, by whatever means, stands in the log.
        watch(AuditEnding, AuditExport, AuditHold, AuditRetention)
        post_migrate.connect(put_periods, dispatch_uid="audit_periods")
        post_migrate.connect(put_triggers, dispatch_uid="audit_triggers")
