"""Guardrails of the admin site: it shows every table and changes none."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models

from apps.core.officers import ReadOnlyAdmin, ReadOnlyInline

# The chain's own identity stands beside every block.
WITHOUT_A_PAGE = {"chain.Chain"}
WRITES = ("save_model", "delete_model", "delete_queryset", "save_related", "save_formset", "log_change")
PERMISSIONS = ("has_add_permission", "has_change_permission", "has_delete_permission", "has_view_permission")


def registered() -> list[type[models.Model]]:
    return list(admin.site._registry)


class TestTheAdminSite:
    def test_has_a_page_for_every_model(self) -> None:
        ours = {m._meta.label for m in apps.get_models() if m.__module__.startswith("apps.")}
        assert ours - {m._meta.label for m in registered()} == WITHOUT_A_PAGE

    @pytest.mark.parametrize("model", registered(), ids=lambda m: m._meta.label)
    def test_only_reads(self, model: type[models.Model]) -> None:
        page = admin.site._registry[model]
        assert isinstance(page, ReadOnlyAdmin)
        assert page.actions is None
        assert not page.list_editable
        assert not page.actions_submit_line
        for name in (*WRITES, *PERMISSIONS):
            assert getattr(type(page), name) is getattr(ReadOnlyAdmin, name), name
        for inline in page.inlines:
            assert issubclass(inline, ReadOnlyInline)
            for name in PERMISSIONS:
                assert getattr(inline, name) is getattr(ReadOnlyInline, name), name

    @pytest.mark.parametrize("model", registered(), ids=lambda m: m._meta.label)
    def test_counts_no_table(self, model: type[models.Model]) -> None:
        page = admin.site._registry[model]
        assert not page.show_full_result_count
        assert page.get_paginator(None, model._default_manager.none(), 50).count > 10**9

    @pytest.mark.parametrize("model", registered(), ids=lambda m: m._meta.label)
    def test_names_who_may_run_each_action(self, model: type[models.Model]) -> None:
        page = admin.site._registry[model]
        for action in (*page._get_base_actions_list(), *page._get_base_actions_detail(), *page._get_base_actions_row()):
            assert action.method.allowed_permissions, action.action_name
