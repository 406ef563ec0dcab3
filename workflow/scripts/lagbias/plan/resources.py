"""What a job asks of a cluster for: memory by a formula of the box's size, and time.

Functions with the names of rules say what a job takes at its peak [MB]: its libraries and
buffers, and its arrays by bytes an item. docs/results/size.md compares them with what was measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lagbias.simulations.abacus.sizes import BoxSizes

SNAKEMAKE_MB = 250  # of the Snakemake that runs beside a job on a cluster
HEADROOM = 1.15  # over the formula (docs/results/size.md): a job at its limit is killed
MB = 1e6
CHUNK_POINTS = 2**24  # grid points of a chunk of a feature store, 64 MiB
UNPACKED = 4e6  # particles that are unpacked at a time


def asked_mb(formula: float, attempt: int = 1) -> int:
    """Memory to ask for [MB], given a formula's [MB]; a job that was killed asks for more."""
    return math.ceil(attempt * (SNAKEMAKE_MB + HEADROOM * formula))


def formula_mb(asked: float) -> float:
    """The formula's memory [MB], given what a job asked for at its first attempt [MB]."""
    return (asked - SNAKEMAKE_MB) / HEADROOM


def asked_minutes(minutes: float, attempt: int = 1) -> int:
    """Run time to ask for [minutes]; a job that was killed asks for more."""
    return math.ceil(attempt * minutes)


def simulation_minutes(particles_per_side: int, mesh: int) -> float:
    """Run time to ask for [minutes] of a mini simulation: ten times what it takes, an hour or more.

    192 particles a side with a mesh of 256 take a minute on one core (docs/results/size.md).

    Parameters
    ----------
    particles_per_side : int
    mesh : int
        Cells a side of the force mesh.
    """
    return max(60, 10 * (max(particles_per_side, 0.75 * mesh) / 192) ** 3)


@dataclass(frozen=True)
class GriddedBox:
    """A box on the grids of a run: all that the memory of its jobs follows from.

    Parameters
    ----------
    sizes : BoxSizes
    density_grid : int
        Points a side of the initial density.
    cell_size, evaluation_cell_size : float
        Of the cells of the loss, and of spectra and maps [Mpc/h].
    """

    sizes: BoxSizes
    density_grid: int
    cell_size: float
    evaluation_cell_size: float

    @property
    def particles(self) -> int:
        return self.sizes.particles

    @property
    def particles_of_file(self) -> float:
        """Particles of the largest file: some 70 % of all are in no halo."""
        return 0.75 * self.sizes.particles / self.sizes.files

    @property
    def points(self) -> int:
        """Points of the Lagrangian grid."""
        return self.density_grid**3

    @property
    def chunk_points(self) -> int:
        """Grid points of a chunk of a feature store."""
        return min(self.points, CHUNK_POINTS)

    @property
    def cells(self) -> float:
        """Cells of the loss."""
        return (self.sizes.box_size / self.cell_size) ** 3

    @property
    def evaluation_cells(self) -> float:
        """Cells of spectra and maps."""
        return (self.sizes.box_size / self.evaluation_cell_size) ** 3

    @property
    def halos(self) -> float:
        """Halos of all sizes, N >= 35 in AbacusSummit: at most one in 20 cubic Mpc/h."""
        return 0.05 * self.sizes.box_size**3

    @property
    def rows(self) -> float:
        """Distinct pairs of Lagrangian point and cell: at most the particles, ~1.1 a point seen."""
        return min(self.particles, 1.1 * self._seen_points)

    @property
    def _seen_points(self) -> float:
        """Grid points that hold a particle, were particles drawn at random."""
        return self.points * -math.expm1(-self.particles / self.points)


Boxes = Sequence[GriddedBox]


def simulate_mini(particles_per_side: int) -> float:
    """The N-body process; then, in its parent, the pairs of particles that are linked.

    More pairs at finer resolution: 97 bytes a particle at 192^3, 158 at 384^3.
    """
    return 620 + 158 * particles_per_side**3 / MB


def compute_features(box: GriddedBox) -> float:
    """2.5 grids of float32, or what the density is read from."""
    return 330 + max(10, box.sizes.density_bytes) * box.points / MB


def measure_linear_power(box: GriddedBox) -> float:
    """The density and its modes, or what the density is read from."""
    return 230 + max(8, box.sizes.density_bytes) * box.points / MB


def index_particles(box: GriddedBox, velocity_cell: float | None = None) -> float:
    """Columns of a file as stored, a part of them unpacked, chunks to write, cells.

    Before that, the initial density. In redshift space, files of two passes are open at once, and
    there is the mesh of the velocities.
    """
    count = box.particles_of_file
    part, chunk = min(count, UNPACKED), min(box.particles, CHUNK_POINTS)
    particles = 20 * count + 56 * part + 8 * chunk + 24 * box.cells
    if velocity_cell:
        particles += 20 * count + 56 * part + 8 * (box.sizes.box_size / velocity_cell) ** 3
    return 330 + max(particles, box.sizes.density_bytes * box.points) / MB


def select_halos(box: GriddedBox, min_particles: int) -> float:
    """Columns of a file's halos, then those that are kept, n(> N) as N^-0.9; the mesh."""
    kept = min(1, 35 / min_particles) ** 0.9 * box.halos
    columns = max(40 * box.halos / box.sizes.files, 118 * kept)
    return 210 + (columns + 24 * box.cells) / MB


def populate_halos(box: GriddedBox, min_particles: int) -> float:
    """The compiler; halos that are kept; the particles in halos of a file, by their columns."""
    kept = min(1, 35 / min_particles) ** 0.9 * box.halos
    members = 0.4 * box.particles / box.sizes.files
    return 520 + (250 * kept + 150 * members + 24 * box.cells) / MB


def plant_halos(box: GriddedBox) -> float:
    """f of the grid and a slab's coordinates; position, place in the order and f of particles."""
    slab = 150 * box.chunk_points
    return 400 + (4 * box.points + max(slab, 80 * box.particles) + 24 * box.cells) / MB


def label_particles(box: GriddedBox) -> float:
    """The labels of the grid; which particles of a file are in halos, and where they began."""
    return 235 + (8 * box.points + 60 * box.particles_of_file) / MB


def paint_matter(box: GriddedBox) -> float:
    """Some particles, the field."""
    return 420 + _painting_bytes(box, ratios=0, members=1) / MB


def accumulate_moments(boxes: Boxes, scales: int) -> float:
    """A chunk of each feature of a box, and two parts of it in double precision."""
    points = max(box.chunk_points for box in boxes)
    return 350 + scales * (12 * points + 48 * min(points, 2e6)) / MB


def train_network(train: Boxes, validate: Boxes, inputs: int, labels: bool) -> float:
    """Inputs and counts of every row of all boxes, and the most that is held beside them.

    That is f of a row and a sum over it, or what a box is read from, its points, one feature of
    them and its grid; or, before, all boxes once more, where several are joined. A network that
    learns labels has the particles and labels of a grid on top, and the field beside. A share of
    the particles has fewer rows; drawn in each cell, 3 bytes more of each.
    """
    per_row = 4 * inputs + 2  # a byte of the multiplicity, and one to spare
    trained = sum(box.rows for box in train)
    validated = sum(box.rows for box in validate)
    found = max(
        per_row * (trained + validated) + max(12 * trained, _reading_bytes(validate)),
        per_row * trained * (2 if len(train) > 1 else 1),
        per_row * trained + _reading_bytes(train),
    )
    if labels:
        found += 20 * max(box.points for box in [*train, *validate]) + per_row * validated
    return 850 + found / MB


def find_gradient_directions(boxes: Boxes, inputs: int) -> float:
    """Particles of each grid point; a chunk's features, inputs and gradients."""
    per_point = 45 + 3 * inputs
    return 380 + max(4 * box.points + per_point * box.chunk_points for box in boxes) / MB


def explain_model(boxes: Boxes, inputs: int, scales: int) -> float:
    """Particles of each grid point; a chunk's features, standardised and as inputs."""
    per_point = 20 + 4 * (inputs + 3 * scales)
    return 400 + max(4 * box.points + per_point * box.chunk_points for box in boxes) / MB


def predict_halo_field(box: GriddedBox, seeds: int) -> float:
    """First a chunk's inputs, f of every seed and where it is needed, then painting."""
    evaluating = 60 * box.chunk_points + (4 * seeds + 1) * box.points
    painting = _painting_bytes(box, ratios=seeds, members=seeds + (seeds > 1))
    return 420 + max(evaluating, painting) / MB


def measure_calibration(box: GriddedBox, seeds: int) -> float:
    """f of every seed, their mean in float64, particles and labels of the grid."""
    return 500 + ((8 * seeds + 60) * box.points + 100 * box.chunk_points) / MB


def compare_spectra(box: GriddedBox) -> float:
    """Three fields and their modes."""
    return 270 + 60 * box.evaluation_cells / MB


def measure_statistics(box: GriddedBox) -> float:
    """Halves of two fields, masks and modes of each; shells of a coarser grid in float64."""
    return 270 + 110 * box.evaluation_cells / MB


def fit_linear_bias(boxes: Boxes) -> float:
    """Two fields and their modes, box after box."""
    return 270 + 30 * max(box.evaluation_cells for box in boxes) / MB


def predict_linear_bias(box: GriddedBox) -> float:
    """The matter field and that of the model."""
    return 225 + 8 * box.evaluation_cells / MB


def fit_lagrangian_bias(boxes: Boxes, kind: str, scales: int) -> float:
    """Particles of a box, counts and f on its grid; functions of some points, or of some cells.

    Parameters
    ----------
    boxes : sequence of GriddedBox
    kind : {"poly", "bins", "bins-lap", "bins-g2"}
    scales : int
        Smoothing scales of a polynomial.
    """
    of_box = max(10 * box.particles + 16 * box.points for box in boxes)
    functions = max(_functions_bytes(box, kind, scales) for box in boxes)
    if kind not in ("poly", "bins"):  # some 200 bins of two features, cell sums three times
        functions = max(functions, 24 * min(2**25, 200 * max(box.cells for box in boxes)))
    return 430 + (of_box + functions) / MB


def predict_lagrangian_bias(box: GriddedBox, kind: str, scales: int) -> float:
    """f on the grid as it is made, with functions of some points; the field."""
    evaluating = 4 * box.points + max(4 * box.points, _functions_bytes(box, kind, scales))
    return 520 + max(evaluating, _painting_bytes(box, ratios=1, members=1)) / MB


def predict_labels(box: GriddedBox) -> float:
    """Positions, halos and weights of the particles in halos, some 30 % of all."""
    return 240 + 44 * box.particles / MB


def write_model(boxes: Boxes, inputs: int) -> float:
    """Which grid points of all boxes have particles; a chunk's inputs, a sample of all."""
    points = sum(box.points for box in boxes)
    chunk = (20 + 4 * inputs) * max(box.chunk_points for box in boxes)
    return 450 + (points + chunk + 60e6) / MB


def plot_slices(box: GriddedBox) -> float:
    """Two fields and their difference."""
    return 300 + 24 * box.evaluation_cells / MB


def _reading_bytes(boxes: Boxes) -> float:
    """What the rows of one box are made of: its points and one feature of them, its grid."""
    return max(8 * box.rows + 4 * box.points for box in boxes)


def _functions_bytes(box: GriddedBox, kind: str, scales: int) -> float:
    """A chunk of each feature, and of one as it is read; of a polynomial its terms of 5e5 points.

    Terms are float64, once more as they are weighted, and once more as the next are made.
    """
    features = {"poly": 3 * scales, "bins": 1}.get(kind, 2)
    terms = 12e6 * (1 + 4 * scales) if kind == "poly" else 0
    return (4 * features + 8) * box.chunk_points + terms


def _painting_bytes(box: GriddedBox, ratios: int, members: int) -> float:
    """f on the grid, fields of all members and of f squared, and some particles unpacked."""
    fields = 2 * (members + 1) * box.evaluation_cells
    fields += 6 * members * box.cells  # cell sums in float64
    return 4 * (ratios * box.points + fields) + 200 * min(box.particles, UNPACKED)
