"""Password hashing."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane): Django's cost 100 MiB a login."""

    memory_cost = 19_456
    time_cost = 2
    parallelism = 1
