"""Files of a box that a config names one by one: are they there?"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from lagbias.base.errors import InputError

SHOWN = 8  # names of files that an error lists


def found_files(root: str, files: Mapping[str, str]) -> dict[str, list[str]]:
    """Paths of the files of a box.

    Parameters
    ----------
    root : str
        Folder of the box.
    files : mapping
        Names of files to their paths from ``root``; ``*`` stands for anything, as in
        ``snapdir_004/snapshot_004.*.hdf5``.

    Returns
    -------
    dict
        Each name to its paths, sorted.

    Raises
    ------
    InputError
        If there is none of a name: what is there.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise InputError(f"root {root} is not there; expected the folder of a simulation")
    found = {}
    for name, pattern in files.items():
        paths = sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name))
        if not paths:
            raise InputError(f"files.{name}: no file {folder / pattern}; {_there(folder, pattern)}")
        found[name] = [str(path) for path in paths]
    return found


def _there(root: Path, pattern: str) -> str:
    """What is there instead of a file."""
    folder = (root / pattern).parent
    while not folder.is_dir():
        folder = folder.parent
    names = sorted(path.name for path in folder.iterdir())
    near = get_close_matches(Path(pattern).name, names, 1)
    shown = ", ".join(names[:SHOWN]) or "nothing"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"found {shown}{more} in {folder}{meant}"
