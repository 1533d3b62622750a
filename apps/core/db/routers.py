"""Reads and writes go to the application's role; only `migrate --database owner` alters tables."""

from typing import Any


class OneDatabaseTwoRoles:
    """Both aliases are one database, so rows of either may be related."""

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
