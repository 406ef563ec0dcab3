"""Errors that tell a user what to change; a job prints their message alone, without a traceback."""


class InputError(ValueError):
    """Bad input: the message names the field, what was found, what was expected, what to do."""


class TrainingError(RuntimeError):
    """A training that came to nothing; the message says where and what to change."""
