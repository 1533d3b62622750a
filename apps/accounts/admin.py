"""Officers' pages of parties and users. Password hashes are not shown to anyone."""

from django.contrib import admin

from apps.accounts.models import Membership, Party, User
from apps.core.officers import ReadOnlyAdmin, ReadOnlyInline


class MembersInline(ReadOnlyInline):
    """Who acts for the party, or for whom the user acts."""

    model = Membership
    table = ("user", "party", "role", "created_at")


@admin.register(Party)
class PartyAdmin(ReadOnlyAdmin):
    """Natural and legal persons."""

    table = ("legal_name", "kind", "country", "is_platform", "created_at", "id")
    list_filter = ("kind", "is_platform")
    search_fields = ("id",)
    search_help_text = "An id. Names are encrypted: there is no search by name."
    inlines = (MembersInline,)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Those who log in."""

    table = ("username", "is_active", "is_staff", "rate_tier", "last_login", "created_at", "id")
    hidden = ("password", "username_index")
    list_filter = ("is_active", "is_staff")
    search_fields = ("id", "username_index")
    search_help_text = "Exact: an id or a username."
    inlines = (MembersInline,)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Roles of users at parties."""

    table = ("id", "user", "party", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("id", "user_id", "party_id", "user__username_index")
