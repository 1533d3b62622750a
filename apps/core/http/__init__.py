"""The HTTP kit every view stands on: envelope, errors, strict input, roles, pages."""
