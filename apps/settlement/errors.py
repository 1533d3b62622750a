"""Business refusals of this room."""

from apps.core.errors import Conflict, NotFound


class UnknownInstruction(NotFound):
    """No such settlement instruction, or not the caller's to see."""

    code, message = "unknown_instruction", "There is no such settlement instruction."


class InstructionDuplicate(Conflict):
    """A trade is instructed once."""

    code, message = "instruction_duplicate", "This trade has been instructed already."


class InstructionInFlight(Conflict):
    """A settlement call that may still succeed holds the instruction."""

    code, message = "instruction_in_flight", "This instruction has been sent and its outcome is not known yet."


class MovementDuplicate(Conflict):
    """A movement is expected once."""

    code, message = "movement_duplicate", "This movement is expected already."
