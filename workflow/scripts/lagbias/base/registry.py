"""Registries: what there is of a kind, by name.

An entry names a place or a rule of its own. So a new entry changes nothing that exists, and
``lagbias.plan.code`` leaves constants that are annotated as a registry out of what a rule depends
on.
"""

from typing import TypeVar

Entry = TypeVar("Entry")
Registry = dict[str, Entry]
