"""Nothing is open by accident: every API view says who may call it."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.core.actor import Actor


class HasRequiredRole(BasePermission):
    """Reads `required_roles` of the view: a set of roles, or a mapping from method to set. `public = True` opens it."""

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if getattr(view, "public", False):
            return True
        actor = request.auth
        if not isinstance(actor, Actor):
            raise NotAuthenticated
        if not hasattr(view, str(request.method).lower()):
            # No role allows what the view does not do: 405 to everybody, not 403 to some.
            raise MethodNotAllowed(str(request.method))
        roles: Any = getattr(view, "required_roles", frozenset())
        if isinstance(roles, dict):
            roles = roles.get("GET" if request.method == "HEAD" else request.method, frozenset())
        return not actor.roles.isdisjoint(roles)
