"""The one exception that tells a user what to change."""


class InputError(ValueError):
    """Bad input: the message names the field, what was found, what was expected, what to do."""
