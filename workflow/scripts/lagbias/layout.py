"""Names and places: AbacusSummit's tree, scale sets as people type them, paths of results."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lagbias.errors import InputError

PRODUCTS = ("halo_info", "halo_rv_A", "halo_pid_A", "field_rv_A", "field_pid_A")
DEFAULT_COSMOLOGY = "c000"  # AbacusSummit's, of a mini box that names none
MEAN = "mean"  # name of the member of a prediction that is f averaged over seeds
YARDSTICKS = ("matter", "linear", "labels")
# Yardsticks that give every Lagrangian point an f, at the scales in their names: the polynomial,
# and f in bins of the density alone, or with the Laplacian or G2.
LAGRANGIAN_KINDS = ("poly", "bins", "bins-lap", "bins-g2")


@dataclass(frozen=True)
class BoxFiles:
    """Where the files of one simulation box lie.

    Parameters
    ----------
    halos : Path
        The folder of one redshift, ``[small/]SIM/halos/z0.500``.
    density : Path
        The initial density, ``ic/[small/]SIM/ic_dens_N576.asdf``.
    """

    halos: Path
    density: Path

    @classmethod
    def under(cls, root: str | Path, name: str, redshift: float, density_grid: int) -> "BoxFiles":
        """The layout of the public tree under ``root``; small boxes lie in a folder ``small``."""
        group = "small/" if "_small_" in name else ""
        return cls(
            halos=Path(root) / f"{group}{name}/halos/z{redshift:.3f}",
            density=Path(root) / f"ic/{group}{name}/ic_dens_N{density_grid}.asdf",
        )

    def product(self, name: str) -> list[Path]:
        """The files of one product that are there, in order of their numbers.

        Raises
        ------
        InputError
            If there is none.
        """
        files = sorted((self.halos / name).glob(f"{name}_*.asdf"))
        if not files:
            raise InputError(
                f"no files {self.halos / name}/{name}_*.asdf: expected the {name} files of an "
                "AbacusSummit box: fetch them"
            )
        return files

    def found(self) -> list[Path]:
        """Every file of this box that is there.

        Raises
        ------
        InputError
            If the initial density or a whole product is missing.
        """
        if not self.density.exists():
            raise InputError(
                f"no initial density {self.density}: expected an ic_dens file; check `density_grid`"
            )
        products = {name: self.product(name) for name in PRODUCTS}
        numbers = {name: {file.stem[-3:] for file in files} for name, files in products.items()}
        every = set().union(*numbers.values())
        for name, found in numbers.items():
            if found != every:
                missing = ", ".join(f"{name}_{number}.asdf" for number in sorted(every - found))
                raise InputError(
                    f"{self.halos / name} lacks {missing}: expected one file of every number that "
                    "the other products have; fetch the box again"
                )
        return [self.density, *(file for files in products.values() for file in files)]

    def expected(self, files_per_product: int) -> list[Path]:
        """Every file that this box will have once it is simulated or downloaded."""
        return [
            self.density,
            *(
                self.halos / name / f"{name}_{number:03d}.asdf"
                for name in PRODUCTS
                for number in range(files_per_product)
            ),
        ]


def parse_scales(scale_set: str) -> list[float]:
    """The smoothing scales [Mpc/h] of a set as typed in paths, ``R2-R2.83-R4``.

    Raises
    ------
    InputError
        If the set is not spelled in the one way that names its files.
    """
    parts = scale_set.split("-")
    if not all(re.fullmatch(r"R\d+(\.\d+)?", part) for part in parts):
        raise InputError(
            f"scale set {scale_set!r}: expected scales in Mpc/h joined by dashes, as R2-R2.83-R4"
            + _meant_scales(scale_set)
        )
    scales = [float(part[1:]) for part in parts]
    if not all(scales):
        raise InputError(f"scale set {scale_set!r}: found R=0, expected scales above 0 Mpc/h")
    canonical = "-".join(f"R{scale:g}" for scale in sorted(set(scales)))
    if canonical != scale_set:
        raise InputError(
            f"scale set {scale_set!r}: expected rising scales, each once, without idle zeros; "
            f"write {canonical}"
        )
    return scales


def _meant_scales(text: str) -> str:
    """What somebody may have meant who wrote scales otherwise; nothing where that is unclear."""
    parts = re.split(r"[\W_]+(?=[Rr])|[^\w.,]+", text.strip())
    scales = [re.fullmatch(r"[Rr]?(\d+(?:\.\d+)?)", part) for part in parts]
    if not all(scales) or not all(float(scale[1]) for scale in scales):
        return ""
    return f"; write {'-'.join(f'R{R:g}' for R in sorted({float(scale[1]) for scale in scales}))}"


class NetworkName(NamedTuple):
    """The parts of a network's name, ``R2-R4_tenth-pc2``.

    Attributes
    ----------
    scale_set : str
        ``R2-R4``
    variant : str or None
        ``tenth``, a name of the config's section ``variants``; None is the training as configured.
    directions : int or None
        Gradient directions that it is trained on; None if not projected.
    """

    scale_set: str
    variant: str | None
    directions: int | None

    @property
    def base(self) -> str:
        """The name without its directions."""
        return f"{self.scale_set}_{self.variant}" if self.variant else self.scale_set


def parse_network(name: str) -> NetworkName:
    """The parts of a network's name, ``R2-R4``, ``R2-R4_tenth``, ``R2-R4-pc2``.

    Raises
    ------
    InputError
        If the name is not one of a network.
    """
    match = re.fullmatch(r"([^_]*?)(?:_([a-z][a-z0-9]*))?(?:-pc([1-9]\d*))?", name)
    if not match:
        raise InputError(
            f"network {name!r}: expected smoothing scales, perhaps a variant and directions, as "
            "R2-R4, R2-R4_tenth or R2-R4-pc2"
        )
    scale_set, variant, directions = match.groups()
    parse_scales(scale_set)
    return NetworkName(scale_set, variant, int(directions) if directions else None)


def modes_kept(scales: int, modes: str | int | None = None) -> int:
    """Modes of delta and its Laplacian that are inputs of a network at so many scales.

    Parameters
    ----------
    scales : int
    modes : int, "all" or None
        None is the rule of arXiv:2212.08095, one more than there are scales.

    Raises
    ------
    InputError
        If there are not so many.
    """
    kept = {None: scales + 1, "all": 2 * scales}.get(modes, modes)
    if not 1 <= kept <= 2 * scales:
        raise InputError(
            f"modes: {modes} modes of delta and its Laplacian at {scales} scales; expected 1 to "
            f"{2 * scales}, or `all`"
        )
    return kept


@dataclass(frozen=True)
class Tracer:
    """What is traced: halos above a cut, and what each of them counts.

    Parameters
    ----------
    min_particles : int
        Halos with more particles than this.
    weighting : str
        ``mass``: as many as it has particles; ``number``: one; ``galaxies``: those it hosts.
    """

    min_particles: int
    weighting: str


def parse_tracer(name: str) -> Tracer:
    """A tracer by its name: ``N50``, ``N50-number``, ``N50-galaxies``.

    Raises
    ------
    InputError
        If the name is not one of a tracer.
    """
    match = re.fullmatch(r"N([1-9]\d*)(?:-(number|galaxies))?", name)
    if not match:
        raise InputError(
            f"tracer {name!r}: expected halos by their least number of particles, as N50 (weighted "
            "by mass), N50-number or N50-galaxies" + _meant_tracer(name)
        )
    return Tracer(int(match.group(1)), match.group(2) or "mass")


def _meant_tracer(text: str) -> str:
    """What somebody may have meant who wrote a tracer otherwise; nothing where that is unclear."""
    if re.fullmatch(r"[Nn]?0+(-number|-galaxies)?", text):
        return "; a cut of 0 is none: write the particles of the smallest halos, as N20"
    match = re.fullmatch(r"[Nn]?[ >]*0*([1-9]\d*)(?:\.\d*)?(?:[-_ ](mass|number|galaxies))?", text)
    if not match:
        return ""
    return f"; write N{match[1]}" + (f"-{match[2]}" if match[2] not in (None, "mass") else "")


def parse_yardstick(model: str) -> tuple[str, list[float]]:
    """Kind and smoothing scales [Mpc/h] of a yardstick's name, ``poly-R2-R4`` or ``bins-lap-R2``.

    Raises
    ------
    InputError
        If the name is not one of a yardstick, or its scales are not spelled in the one way.
    """
    if model in YARDSTICKS:
        return model, []
    kind, _, scale_set = model.partition("-R")
    if kind not in LAGRANGIAN_KINDS or not scale_set:
        raise InputError(
            f"yardstick {model!r}: expected {', '.join(YARDSTICKS)}, or one of "
            f"{', '.join(LAGRANGIAN_KINDS)} with smoothing scales, as poly-R2-R4 or bins-lap-R2"
        )
    scales = parse_scales(f"R{scale_set}")
    if kind != "poly" and len(scales) > 1:
        raise InputError(f"yardstick {model!r}: bins take one smoothing scale, as {kind}-R2")
    return kind, scales


def features_by_box(paths: Iterable[str]) -> list[dict[float, str]]:
    """Group feature stores by box, in order: smoothing scale [Mpc/h] to path.

    Parameters
    ----------
    paths : of the form ``results/{sim}/features/R{R}.zarr``
    """
    boxes: dict[Path, dict[float, str]] = {}
    for path in paths:
        boxes.setdefault(Path(path).parent, {})[float(Path(path).stem[1:])] = path
    return list(boxes.values())


def weights_by_seed(paths: Iterable[str]) -> dict[int, str]:
    """Seed to weights file, for paths of the form ``…/seed{s}/weights.pt``."""
    return {int(Path(path).parent.name.removeprefix("seed")): path for path in paths}


def by_tracer_and_model(paths: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Group paths of the form ``…/fits/{set}/{tracer}/{model}/…``, in the order of the paths."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        _, _, tracer, model, *_ = Path(path).parts[Path(path).parts.index("fits") :]
        groups.setdefault((tracer, model), []).append(path)
    return groups


def by_model(models: Iterable[str], paths: Iterable[str]) -> dict[str, list[str]]:
    """Group paths of the form ``…/{model}/seed{s}/…`` by model, in the order of ``models``."""
    groups: dict[str, list[str]] = {model: [] for model in models}
    for path in paths:
        groups[Path(path).parts[-3]].append(path)
    return groups
