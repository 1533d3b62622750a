"""Parties own; users act for them through memberships."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q, QuerySet

from apps.accounts.types import USERNAME, PartyKind, Role
from apps.core.errors import DomainError
from apps.core.ids import new_id
from apps.vault.fields import BlindIndexField, EncryptedTextField, SealedQuerySet


class Party(models.Model):
    """A natural or legal person: investor, issuer, or the platform itself. `party_id` is the owner key everywhere."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=PartyKind.choices)
    # Never empty, and searched by nobody: the column refuses what is not encrypted.
    legal_name = EncryptedTextField(max_length=200)
    # ISO 3166-1 alpha-2: residence of a person, seat of a company.
    country = models.CharField(max_length=2)
    # The one party that runs this installation: COMPLIANCE and OPS are roles there.
    is_platform = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["Party"]] = SealedQuerySet["Party"].as_manager()

    class Meta:
        verbose_name_plural = "parties"
        constraints = [
            models.CheckConstraint(name="party_kind_known", condition=Q(kind__in=PartyKind.values)),
            models.CheckConstraint(name="party_country_alpha2", condition=Q(country__regex=r"^[A-Z]{2}$")),
            models.UniqueConstraint(fields=["is_platform"], name="party_platform_once", condition=Q(is_platform=True)),
        ]

    def __str__(self) -> str:
        # The id, not the name: a party's name is personal data and must not reach logs through repr().
        return str(self.id)


class UserManager(BaseUserManager["User"]):
    """Users by their login name."""

    def get_queryset(self) -> SealedQuerySet["User"]:
        return SealedQuerySet(self.model, using=self._db)

    def named(self, username: str) -> QuerySet["User"]:
        """The user of this name, if there is one. The index would take another case for the same: a name has none."""
        return self.filter(username_index=username) if USERNAME.fullmatch(username) else self.none()

    def get_by_natural_key(self, username: str | None) -> "User":
        """What Django's login asks. Raises User.DoesNotExist."""
        return self.named(username or "").get()

    def create_user(self, *, username: str, password: str, **fields: object) -> "User":
        """A user with a hashed password. Roles come from memberships."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who logs in. What they may do follows from their memberships."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = EncryptedTextField(max_length=64)
    username_index = BlindIndexField(of="username")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    # How often they may ask: a tier of the security policy, or "" for the one it gives everybody.
    rate_tier = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField()

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "username"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["username_index"], name="user_username_once"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def get_username(self) -> str:
        """The login name as pages show it, who ask for it in their heads: one that cannot be read takes none along."""
        try:
            return self.username
        except DomainError as refusal:
            return f"[{refusal.code.replace('_', ' ')}]"

    def clean(self) -> None:
        """As a model's: Django's user would put what is shown in the place of the name."""


class Membership(models.Model):
    """A user's role at a party."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "party", "role"], name="membership_once"),
            models.CheckConstraint(name="membership_role_known", condition=Q(role__in=Role.values)),
        ]
