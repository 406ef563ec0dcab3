"""The config: every key with its type, bounds, unit, default and meaning.

A key whose field has no default must be given. With a default of None it may be left out. The text
below a field is its meaning in the docs.

The JSON schema and the table of keys in the docs are written from these classes. After a change:
``PYTHONPATH=workflow/scripts python -m lagbias.config.describe``
"""

from dataclasses import MISSING, dataclass, field, fields
from typing import Annotated, Any, Literal

from lagbias.config.galaxies import ElgOccupation, Galaxies, LrgOccupation
from lagbias.config.keys import (
    Boxes,
    Count,
    Keys,
    Length,
    Name,
    OrNull,
    Pattern,
    Range,
    Redshift,
    Seed,
    Share,
    Unit,
    Wavenumber,
    default_value,
    is_section,
    typed,
)
from lagbias.config.training import TrainingSettings
from lagbias.simulations.manifest import PUBLIC_TREE


@dataclass(frozen=True, kw_only=True)
class Mini:
    """Size of the simulations that are made here, those with `source: mini`.

    A finished box is never made again. With other settings it is refused, not overwritten.
    """

    box_size: Length
    """Side of the periodic box."""
    particles_per_side: Annotated[int, Range(least=8)]
    """Particles along a side, an even number."""
    mesh: Annotated[int, Range(least=8), Unit("cells")]
    """Side of the force mesh: a power of two, 1.2 to 1.5 times the particles a side."""
    subsample: Share
    """Share of the particles that is written."""
    min_halo_particles: Annotated[int, Range(least=2)]
    """Particles of the smallest halo that is kept."""
    files_per_product: Count
    """Files into which each product of a box is split."""
    density_grid: Annotated[int, Range(least=8), Unit("points")] | None = None
    """Side of the initial density that is written, an even number; `particles_per_side` if not
    given. Features are made on this grid. AbacusSummit's small boxes have a third of the particles
    a side."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A simulation. Boxes that only `transfers` or a typed path name are made for these alone.

    Mini boxes of one `phase` have the same initial waves, at any redshift and in any cosmology.
    """

    source: str
    """`mini`: made on this machine; needs `phase`. `local`: AbacusSummit's formats, read in place;
    needs `root` and `density_grid`. `https`: downloaded; needs `density_grid`. `gadget` and
    `arrays`: [other formats](../how-to/own-simulation.md); need `root`, `files`, `box_size` and
    `particles_per_side`. `my_format.py:MyBox`: a format of your own, with the same keys."""
    phase: Seed | None = None
    """Number of the realisation of the initial waves of a mini box."""
    redshift: Redshift | None = None
    """Redshift of this box, where it is not that of the other boxes."""
    cosmology: Annotated[str, Pattern("^c[0-9]{3}$", "c and three digits")] | None = None
    """Cosmology of a mini box: one of AbacusSummit's of which abacusutils has the linear power,
    c000 if not given (c000–c004, c009, c010, c012–c020, c100–c126 and c130–c181)."""
    root: Annotated[str, Range(least=1)] | None = None
    """Folder of the tree with a local box, or of the files of another one. It may hold `~` and
    environment variables, as `$SCRATCH/AbacusSummit`."""
    density_grid: Annotated[int, Range(least=2), Unit("points")] | None = None
    """Side of the initial density of a box that is not made here, at most 1625. With `files`, it is
    `particles_per_side` if not given."""
    cleaned: bool = False
    """`true`: halos of a `local` or `https` box are AbacusSummit's cleaned ones, from `cleaning/`
    of the tree. Halos that merged into others before are then a part of these."""
    files: Annotated[dict[str, str], Range(least=1)] | None = None
    """Files of a box by name, as paths from `root`. `*` stands for anything, as in
    `snapdir_004/snapshot_004.*.hdf5`."""
    box_size: Length | None = None
    """Side of a box with `files`. It is compared with the files."""
    particles_per_side: Annotated[int, Range(least=2)] | None = None
    """Particles along a side of a box with `files`."""
    id_order: Literal["xyz", "zyx"] | None = None
    """How identifiers count the points of the particle lattice: `xyz` if z counts fastest,
    `id = (i n + j) n + k`, which is also the default; `zyx` if x counts fastest."""
    lacks: list[Literal["velocities", "members"]] = field(default_factory=list)
    """What the files of a box do not have. Without velocities nothing is made in redshift space.
    Without lists of the particles of halos (`members`) there are no labels."""
    options: dict[str, str] = field(default_factory=dict)
    """What a format of your own wants to know besides."""


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Boxes that networks are trained, validated and tested on.

    A box may be in one part only. Mini boxes of one phase in different parts are refused.
    """

    train: Boxes
    """Boxes to train on; moments and orthogonalisation are pooled over them."""
    validate: Boxes
    """Boxes whose losses are logged; nothing is tuned on them automatically."""
    test: Boxes
    """Boxes on which models are compared."""
    steps: Count | None = None
    """Training steps of this set, where they are not those of `training`."""


@dataclass(frozen=True, kw_only=True)
class Transfers:
    """What trained models are compared with, unchanged: other boxes and other tracers.

    The models are the showcase, and the polynomial at its scales or else the first one, of each
    tracer. The table is `results/tables/{set}_{tracer}_transfer.csv`; the file of one model is
    `…/on_{sim}/transfer_to_N200.nc`. Results: [transfer](../results/transfer.md).
    """

    boxes: list[str] = field(default_factory=list)
    """Boxes of another redshift or cosmology, or just other boxes. They may not have the initial
    waves of a box that trains or validates."""
    tracers: list[str] = field(default_factory=list)
    """Other tracers."""


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Cells of halo fields."""

    cell_size: Length
    """Cells of the halo field that is fitted. They must divide every box, into at most 1625 a side
    (what 32 bits count)."""
    evaluation_cell_size: Length
    """Cells of spectra and maps."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a training starts from."""

    preset: Literal["seed", "code"]
    """`seed`: 3 × 20 neurons and the defaults of this project. `code`: the network, loss, penalties
    and particle sampling of the authors' code ([training](../results/training.md)). Other keys
    change the preset."""


@dataclass(frozen=True, kw_only=True)
class VariantInputs:
    """What a variant changes besides its training."""

    modes: Count | Literal["all"] | None = None
    """Modes of δ and ∇²δ that are inputs; one more than there are scales if not given, as many as
    there are scales without ∇²δ."""
    kinds: list[Literal["delta", "laplacian", "g2"]] | None = None
    """Features that are inputs; δ, ∇²δ and G2 if not given. `[delta, laplacian]`: without G2. δ has
    to be among them."""
    tophat_radius: Length | None = None
    """Two inputs made by hand instead of all modes: the density under a top-hat of this radius, and
    G2 at the smallest scale. The density is made of the δ and ∇²δ features. A correlation with the
    top-hat below 0.99 is refused."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Wavenumbers of spectra."""

    k_max: Wavenumber
    """Largest wavenumber. Tables are empty for bands that end well beyond it."""
    linear_k_max: Wavenumber
    """The linear bias is fitted below this wavenumber."""


@dataclass(frozen=True, kw_only=True)
class RedshiftSpace:
    """How particles are displaced along z, in `results/{sim}/redshift_space/`."""

    velocity_cell: OrNull[Length] = 1.2
    """Particles move with the mean velocity around them, taken on a mesh of such cells. Choose it
    on your validation boxes (`benchmarks/velocity_cells.py`): 1.1 and 0.8 were best for halos above
    4.9e12 and 3.2e11 Msun/h. `null`: particles move with their own velocity. Models then have
    fingers of God that halos do not have."""
    own_velocity: Annotated[float, Range(least=0, most=1)] = 0.0
    """Particles move with mean + `own_velocity` (own − mean): fingers of God. 0 for halos and for
    galaxies at their centres, 1 for matter."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """Where boxes with `source: https` come from."""

    url: Annotated[
        str, Pattern("^https?://[^@]+$", "begins with https:// or http://, without a login")
    ] = PUBLIC_TREE
    """Address of the AbacusSummit tree."""


@dataclass(frozen=True, kw_only=True)
class Threads:
    """Most threads of one job of each kind. More than the machine has cores means all of them."""

    simulation: Count
    """Simulations that are made here."""
    features: Count
    """Features of the initial density."""
    particles: Count
    """Particles and halos."""
    training: Count
    """Training of networks."""
    evaluation: Count
    """Predictions, spectra and yardsticks."""


@dataclass(frozen=True, kw_only=True)
class OwnYardstick:
    """A yardstick that is not of this repository: [how to write one](../how-to/extend.md)."""

    basis: str
    """Place of its class: `my_yardsticks.py:Straight`, from the folder of the run, or
    `package.module:Class`."""
    label: str
    """What figures call it."""
    several_scales: bool = False
    """`true`: it takes more than one smoothing scale."""


Changes = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Config:
    """A config: one YAML file."""

    master_seed: Seed
    """All random numbers of the simulations derive from it."""
    redshift: Redshift
    """Redshift of halos and particles."""
    mini: Mini | None = None
    simulations: Annotated[dict[Name, Box], Range(least=1)]
    training_sets: Annotated[dict[Name, TrainingSet], Range(least=1)]
    tracers: Annotated[list[str], Range(least=1)]
    """What is modelled. `N50`: halos with more than 50 particles, weighted by mass. `N50-number`:
    each halo counts one. `N50-galaxies`: each halo counts the galaxies that it hosts, all at its
    centre of mass. `N50-LRG`, `N50-ELG`: galaxies by AbacusHOD, satellites on particles."""
    more_tracers: list[str] = field(default_factory=list)
    """Other tracers to which the linear bias, a polynomial and the showcase are fitted, on all
    inputs and on `directions`: `results/tables/{set}_tracers.csv`."""
    galaxies: Galaxies | None = None
    LRG: LrgOccupation | None = None
    ELG: ElgOccupation | None = None
    transfers: Transfers = field(default_factory=Transfers)
    scale_sets: Annotated[list[str], Range(least=1)]
    """Smoothing scales [Mpc/h] in rising order, as `R2-R2.83-R4`. Each set is its own branch of the
    workflow."""
    showcase: str
    """The scale set of figures that show one model."""
    planted: bool = False
    """`true`: the showcase is also trained on halos of a known *f*, as many and as heavy as those
    of the tracer, with the same settings and seeds. `results/tables/{set}_{tracer}_planted.csv`
    gives the shares of gradient directions and the power that come back."""
    yardsticks: list[str]
    """Models without a network, for comparison with the showcase. `matter`, `linear`. `labels`: the
    particles of the halos themselves, an upper limit. `poly-R2-R4`: the second-order polynomial at
    one or several scales. *f* ≥ 0 in bins at one scale: of δ `bins-R2`, of δ and ∇²δ `bins-lap-R2`,
    of δ and G2 `bins-g2-R2`. Polynomials and bins are fitted on the training boxes by the loss of
    the networks (`training.block`, `training.estimator`), on all particles."""
    own_yardsticks: dict[
        Annotated[str, Pattern("^[a-z][a-z0-9]*$", "lower-case letters and digits")], OwnYardstick
    ] = field(default_factory=dict)
    """Yardsticks that are not of this repository: `straight: {basis: my_yardsticks.py:Straight,
    label: straight}` makes `straight-R2` one of the `yardsticks`."""
    directions: list[Count]
    """Numbers of gradient directions to train again on. A figure compares several, and inputs made
    by hand."""
    seeds: Annotated[list[Seed], Range(least=1)]
    """Networks of each kind, one a seed; *f* is averaged over them."""
    mesh: Mesh
    training: Annotated[Changes, Keys((Preset, TrainingSettings), required=("preset",))]
    """How networks are trained. A key that is not given is that of the preset."""
    variants: dict[
        Annotated[str, Pattern("^[a-z][a-z0-9]*$", "lower-case letters and digits")],
        Annotated[Changes, Range(least=1), Keys((Preset, TrainingSettings, VariantInputs))],
    ] = field(default_factory=dict)
    """Changes of `training` and of inputs, for networks named `{scales}_{variant}`. Every key of
    `training` may be given. A variant with a `preset` starts from that preset alone: neither the
    other keys of `training` nor the `steps` of a set apply."""
    more_networks: list[str] = field(default_factory=list)
    """Networks in the tables besides the scale sets: of variants or of other directions, as
    `R2-R4-R8_tenth`, `R2-R4-R8-pc1`."""
    evaluation: Evaluation
    redshift_space: RedshiftSpace = field(default_factory=RedshiftSpace)
    download: Download = field(default_factory=Download)
    device: Literal["cpu", "cuda", "auto"]
    """Where networks are trained and evaluated. `auto`: CUDA if it is found."""
    deterministic: bool = False
    """`true`: only operations that give the same bits every time, on a GPU too. A CPU gives the
    same bits for the same number of threads in any case."""
    threads: Threads

    @classmethod
    def of(cls, config: dict) -> "Config":
        """A config as an object.

        Parameters
        ----------
        config : dict
            One that fits the schema.
        """
        return typed(cls, config)


def with_defaults(config: dict) -> dict:
    """A config with the defaults of what it does not give.

    Parameters
    ----------
    config : dict
        Not changed.

    Returns
    -------
    dict
        A key that may be left out and has no default is still not there.
    """
    return _filled(Config, config)


def _filled(section: type, given: dict) -> dict:
    filled = dict(given)
    for key in fields(section):
        default = default_value(key)
        if is_section(key.type):
            if key.name in given or default is not MISSING:
                filled[key.name] = _filled(key.type, given.get(key.name, {}))
        elif default is not None and default is not MISSING:
            filled.setdefault(key.name, default)
    return filled
