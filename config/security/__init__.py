"""The security policy of this installation: config/security.yaml as typed, frozen objects."""

from config.security.loading import SecurityFileError, load
from config.security.types import Security

__all__ = ["Security", "SecurityFileError", "load"]
