"""Which files a published box has, where they lie, and how large they are."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lagbias.simulations.abacus.summit import KINDS, published_kind
from lagbias.simulations.abacus.tree import BoxFiles

PUBLIC_TREE = "https://data.desi.lbl.gov/public/cosmosim/AbacusSummit"
# How the bytes of a box fall to the products, of small boxes at z = 0.5
# (lagbias.simulations.abacus.summit says where it was read); other kinds differ by up to 0.05. They
# serve a forecast, not a check.
PRODUCT_SHARES = {
    "halo_info": 0.410,
    "halo_rv_A": 0.167,
    "halo_pid_A": 0.064,
    "field_rv_A": 0.270,
    "field_pid_A": 0.089,
}
# The same of what cleaned halos need besides, of base_c000_ph000.
CLEANED_SHARES = {"cleaned_halo_info": 0.123, "cleaned_rvpid": 0.017}
SHARES = PRODUCT_SHARES | CLEANED_SHARES
DENSITY = "ic_dens"


def readable(size: float) -> str:
    """Bytes for people, decimal as the published sizes are: ``2.95 GB``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.2f} {unit}"
    return f"{size:.0f} B"


@dataclass(frozen=True)
class ManifestFile:
    """One file that a box needs.

    Parameters
    ----------
    simulation, product : str
        The product is one of ``tree.PRODUCTS`` or ``tree.CLEANED_PRODUCTS``, or ``ic_dens``.
    path : str
        Relative to the tree.
    estimated_bytes : int
        Forecast; the true size is known to the server.
    bytes_on_disk : int or None
        Size of the file if it is there, whole; None if not.
    bytes_of_part : int
        Size of a download of it that broke off.
    """

    simulation: str
    product: str
    path: str
    estimated_bytes: int
    bytes_on_disk: int | None
    bytes_of_part: int

    @property
    def missing(self) -> bool:
        """Whether it is yet to be fetched."""
        return self.bytes_on_disk is None

    @property
    def bytes_to_fetch(self) -> int:
        """Forecast of what is yet to come."""
        return max(self.estimated_bytes - self.bytes_of_part, 0) if self.missing else 0


def manifest(
    name: str,
    redshift: float,
    density_grid: int,
    files_per_product: int,
    root: str | Path = "resources",
    cleaned: bool = False,
) -> list[ManifestFile]:
    """The files that one box needs, with forecasts of their sizes; asks the disk, no network.

    Parameters
    ----------
    name : str
        Of a published box, ``AbacusSummit_small_c000_ph3100``.
    redshift : float
    density_grid : int
        Points a side of the initial density.
    files_per_product : int
    root : str or Path
        Folder that mirrors the tree.
    cleaned : bool
        Whether cleaned halos are wanted.

    Returns
    -------
    list of ManifestFile

    Raises
    ------
    InputError
        If the name is not one of AbacusSummit's.
    """
    total = KINDS[published_kind(name)].total_bytes
    files = []
    box = BoxFiles.under("", name, redshift, density_grid, cleaned)
    for path in box.expected(files_per_product):
        product = path.parent.name if path.parent.name in SHARES else DENSITY
        if product == DENSITY:
            estimate = 4 * density_grid**3  # float32
        else:
            estimate = round(total * SHARES[product] / files_per_product)
        place = Path(root) / path
        files.append(
            ManifestFile(
                simulation=name,
                product=product,
                path=str(path),
                estimated_bytes=estimate,
                bytes_on_disk=bytes_at(place),
                bytes_of_part=bytes_at(place.with_name(f".{place.name}.partial")) or 0,
            )
        )
    return files


def bytes_at(path: Path) -> int | None:
    """Size of a file, None if there is none."""
    return path.stat().st_size if path.is_file() else None


def format_manifest(files: Iterable[ManifestFile], root: str | Path = "resources") -> str:
    """A table of the files of some boxes: a row a box, a column a product, in GB.

    Parameters
    ----------
    files : iterable of ManifestFile
        Of one box or of many.
    root : str or Path
        Folder whose disk is asked for its free space.
    """
    files = list(files)
    there = {file.product for file in files}
    products = [DENSITY, *PRODUCT_SHARES, *(name for name in CLEANED_SHARES if name in there)]
    names = list(dict.fromkeys(file.simulation for file in files))
    rows = [(name, [file for file in files if file.simulation == name]) for name in names]
    width = max([len("total"), *map(len, names)])
    columns = ["files", *products, "all", "there", "to fetch"]
    wide = max(12, *(len(name) + 2 for name in products))
    lines = ["".join([f"{'estimated GB':{width}}", *(f"{column:>{wide}}" for column in columns)])]
    for name, members in [*rows, ("total", files)]:
        sizes = [
            *(sum(f.estimated_bytes for f in members if f.product == item) for item in products),
            sum(f.estimated_bytes for f in members),
            sum(f.bytes_on_disk or f.bytes_of_part for f in members),
            sum(f.bytes_to_fetch for f in members),
        ]
        cells = [
            f"{len(members):{wide}d}",
            *(f"{size / 1e9:{wide}.2f}" for size in sizes),
        ]
        lines.append("".join([f"{name:{width}}", *cells]))
    missing = [file for file in files if file.missing]
    lines.append(
        f"{len(files) - len(missing)} of {len(files)} files are there; {len(missing)} are to be "
        f"fetched, about {readable(sum(file.bytes_to_fetch for file in missing))}; "
        f"{readable(free_space(Path(root)))} free on the disk of {root}. "
        "Sizes of what is not there are estimates."
    )
    return "\n".join(lines)


def free_space(folder: Path) -> int:
    """Bytes free on the disk where a folder is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def missing_paths(files: Iterable[ManifestFile]) -> list[str]:
    """Paths of the files that are not there, as regular expressions."""
    return [re.escape(file.path) for file in files if file.missing]
