"""Who acts: passed from the door (view, task, command) to every service that writes."""

from dataclasses import dataclass, field
from uuid import UUID

from apps.core.errors import RoleRequired


@dataclass(frozen=True, slots=True)
class Actor:
    """A user acting for a party in a session, or the system itself (`user_id` is None)."""

    user_id: UUID | None
    party_id: UUID | None
    roles: frozenset[str] = field(default_factory=frozenset)
    session_id: UUID | None = None
    request_id: str = ""
    ip_address: str | None = None
    user_agent: str | None = None
    # How often they may ask: a tier of the security policy, or the one it gives everybody.
    rate_tier: str = ""

    def require_role(self, *roles: str) -> None:
        """Raise RoleRequired unless the actor holds one of `roles`."""
        if not self.roles.intersection(roles):
            raise RoleRequired(required=sorted(roles))

    def require_party(self) -> UUID:
        """The party acted for. Raises RoleRequired for an actor without one (engines)."""
        if self.party_id is None:
            raise RoleRequired("This act needs a party to act for.")
        return self.party_id

    def require_user(self) -> UUID:
        """The user who acts. Raises RoleRequired for the system itself."""
        if self.user_id is None:
            raise RoleRequired("This act needs a person.")
        return self.user_id


def system_actor(request_id: str = "") -> Actor:
    """The actor of engines and scheduled work."""
    return Actor(user_id=None, party_id=None, roles=frozenset({"SYSTEM"}), request_id=request_id)
