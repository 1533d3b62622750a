"""The one error of the development stack."""


class DevstackError(Exception):
    """A development server could not be started or stopped; the message is one line saying what to do."""
