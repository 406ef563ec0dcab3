"""What a finished mini box was made with, written down beside it."""

import json
from pathlib import Path

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole


def record_simulated(file: str | Path, settings: dict) -> None:
    """Write down beside a finished mini box what it was made with, as JSON."""
    with written_whole(file) as partial:
        partial.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def check_simulated(name: str, file: str | Path, settings: dict) -> None:
    """Check that a mini box that is there was made with what the config asks for.

    Parameters
    ----------
    name : str
        Of the simulation.
    file : path
        Of ``record_simulated``; nothing is checked where there is none.
    settings : dict
        Wanted.

    Raises
    ------
    InputError
        Naming the settings that differ. A finished box is not overwritten.
    """
    if not Path(file).exists():
        return
    made = json.loads(Path(file).read_text(encoding="utf-8"))
    differ = [
        f"{key} = {made.get(key)} (config: {settings.get(key)})"
        for key in sorted(made.keys() | settings.keys())
        if made.get(key) != settings.get(key)
    ]
    if differ:
        raise InputError(
            f"simulations.{name}: the finished box in {Path(file).parent} was made with "
            f"{', '.join(differ)}; give the new one another name, or delete that folder"
        )
