"""What is there of a local box: its files, or what it lacks and what to write instead."""

import os
import re
from difflib import get_close_matches
from pathlib import Path

from lagbias.base.errors import InputError
from lagbias.simulations.abacus.summit import listed
from lagbias.simulations.abacus.tree import PRODUCTS, BoxFiles

SHOWN = 5  # names of boxes that an error lists


def expanded_root(root: str) -> str:
    """A folder as a shell would read it: ``~`` and environment variables replaced.

    A path that is there as it is typed is left alone.

    Raises
    ------
    InputError
        Naming a variable that is not set, or a ``~`` that is nobody's home.
    """
    if os.path.exists(root):
        return root
    for braced, plain in re.findall(r"\$(?:\{(\w+)\}|(\w+))", root):
        variable = braced or plain
        if variable not in os.environ:
            raise InputError(
                f"found {root!r}, but the environment variable {variable} is not set here; set it "
                "(export) or write the path in full"
            )
    expanded = os.path.expanduser(os.path.expandvars(root))
    if expanded.startswith("~"):
        raise InputError(
            f"found {root!r}, but {Path(root).parts[0]} is nobody's home; write the path in full"
        )
    return expanded


def local_files(files: BoxFiles) -> list[Path]:
    """Every file of a local box.

    Parameters
    ----------
    files : BoxFiles

    Raises
    ------
    InputError
        If a folder, a product or the initial density is missing or must not be read: what is
        missing, what is there, and what to write.
    """
    try:
        check_box_folder(files)
        check_products(files)
        check_density(files)
        check_cleaning(files)
        return files.found()
    except OSError as error:
        raise InputError(
            f"{error.filename}: {error.strerror}; expected a folder that you may read: ask its "
            "owner, or use a copy of your own"
        ) from error


def check_box_folder(files: BoxFiles) -> None:
    """Refuse a box whose folder is not where ``root`` and its name say."""
    box = files.halos.parents[1]
    is_small = files.density.parents[1].name == "small"
    root = files.density.parents[3 if is_small else 2]
    if box.is_dir():
        return
    if not root.exists():
        there = next(folder for folder in root.absolute().parents if folder.exists())
        raise InputError(
            f"root {os.path.abspath(root)} is not there (of its path, {there} is); expected the "
            "folder of an AbacusSummit tree, with `ic` in it; write the path of yours"
        )
    if not root.is_dir():
        raise InputError(
            f"root {os.path.abspath(root)} is a file; expected the folder of an AbacusSummit tree"
        )
    raise InputError(f"no folder {box} under root {os.path.abspath(root)}: {_where(box, root)}")


def _where(box: Path, root: Path) -> str:
    """Where a box may be that is not in its folder."""
    root = Path(os.path.abspath(root))
    in_group = "small" if box.parent.name == "small" else ""
    if root.name == box.name:
        up = root.parents[1] if in_group and root.parent.name == "small" else root.parent
        return f"this root is the box itself; write `root: {up}`"
    if in_group and (root / box.name).is_dir():
        if root.name == "small":
            return f"this root is inside the tree; write `root: {root.parent}`"
        return f"small boxes lie in a folder `small` of the tree; make {root / 'small'} (or a link)"
    for deeper in sorted(root.glob(f"*/{in_group or '.'}/{box.name}/halos")):
        tree = deeper.parents[2 if in_group else 1]
        if tree != root / "ic":
            return f"write `root: {tree}`, which has it"
    folder = root / in_group
    boxes = [name for name in names_in(folder) if (folder / name / "halos").is_dir()]
    if not boxes:
        found = ", ".join(names_in(folder)[:SHOWN]) or "nothing"
        return f"no box is in {folder} (found {found}); write the path of a tree that has this one"
    same = [name for name in boxes if name.casefold() == box.name.casefold()]
    near = same or get_close_matches(box.name, boxes, 1)
    more = f" and {len(boxes) - SHOWN} more" if len(boxes) > SHOWN else ""
    meant = f"; did you mean {near[0]}?" if near else ""
    return (
        f"found {', '.join(boxes[:SHOWN])}{more}{meant} (phases are irregular): write the name of "
        "a box that is there"
    )


def check_products(files: BoxFiles) -> None:
    """Refuse a redshift that is not there, or has not all products."""
    box, wanted = files.halos.parents[1], float(files.halos.name[1:])
    if not (box / "halos").is_dir():
        raise InputError(
            f"no folder {box / 'halos'}: found {', '.join(names_in(box)) or 'nothing'} in {box}; "
            "expected halos/zN.NNN with the products of each redshift: fetch them"
        )
    there = products_there(files.halos)
    lacking = [name for name in PRODUCTS if name not in there]
    if not lacking:
        return
    if files.halos.is_dir():
        found = f"has {', '.join(there)} alone" if there else "has none of the products"
        empty = [name for name in lacking if (files.halos / name).is_dir()]
        state = f"{files.halos} {found}, no {', '.join(lacking)}" + (
            f" (without a file: {', '.join(empty)})" if empty else ""
        )
    else:
        state = f"no folder {files.halos}"
    if "halo_rv_A" in there:
        state += "; field particles of many large boxes are on tape only"
    raise InputError(f"{state}. All five products are needed; {_where_products(box, wanted)}")


def _where_products(box: Path, wanted: float) -> str:
    """At which redshifts a box has all products, or else what it has."""
    held = {}
    for name in names_in(box / "halos"):
        if re.fullmatch(r"z\d+\.\d{3}", name):
            held[float(name[1:])] = products_there(box / "halos" / name)
    whole = sorted(redshift for redshift, there in held.items() if len(there) == len(PRODUCTS))
    if whole:
        nearest = min(whole, key=lambda redshift: abs(redshift - wanted))
        return f"this box has them at {listed(whole)}: write `redshift: {nearest:g}`"
    by_products: dict[str, list[float]] = {}
    for redshift in sorted(held):
        by_products.setdefault(", ".join(held[redshift]) or "no product", []).append(redshift)
    have = "; ".join(f"{there} at {listed(z)}" for there, z in by_products.items())
    return (
        f"this box has them at no redshift (found {have or 'no redshift'}), and particles outside "
        "halos can be had from nothing else: fetch what is missing or use another box"
    )


def products_there(halos: Path) -> list[str]:
    """The products of which a folder of one redshift has files."""
    return [
        name
        for name in PRODUCTS
        if any(re.fullmatch(rf"{name}_\d+\.asdf", file) for file in names_in(halos / name))
    ]


def check_density(files: BoxFiles) -> None:
    """Refuse a box without an initial density of as many points as the config says."""
    if files.density.exists():
        return
    folder = files.density.parent
    grids = [re.fullmatch(r"ic_dens_N(\d+)\.asdf", name) for name in names_in(folder)]
    sides = sorted(int(grid[1]) for grid in grids if grid)
    if sides:
        raise InputError(
            f"no initial density {files.density}: that folder has ic_dens of "
            f"{' and '.join(map(str, sides))} points a side: write `density_grid: {sides[-1]}`"
        )
    raise InputError(
        f"no initial density {files.density}: "
        + ("that folder has no ic_dens file" if folder.is_dir() else f"no folder {folder}")
        + "; a tree keeps them in `ic`, apart from the halos: fetch ic_dens of this box into it"
    )


def check_cleaning(files: BoxFiles) -> None:
    """Refuse a box whose cleaned halos are asked for and not there."""
    if files.cleaning is None or files.cleaning.is_dir():
        return
    there = ", ".join(names_in(files.cleaning.parent)) or "nothing"
    raise InputError(
        f"no folder {files.cleaning}: found {there} in {files.cleaning.parent}; cleaned halos are "
        "in `cleaning` of a tree: fetch cleaned_halo_info and cleaned_rvpid, or leave `cleaned` out"
    )


def names_in(folder: Path) -> list[str]:
    """Names in a folder, sorted; none if there is no such folder.

    Raises
    ------
    PermissionError
        If it is there and must not be read.
    """
    if not folder.is_dir():
        return []
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(folder))
    return sorted(os.listdir(folder))
