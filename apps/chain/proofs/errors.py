"""What proofs refuse."""


class Unverifiable(ValueError):
    """What was served cannot be hashed as the chain did: nothing is said of whether it is true."""
