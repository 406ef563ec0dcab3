"""The labels as a yardstick: each particle's own f, an upper bound for every local f.

A particle of a halo above the cut carries its share w / N of the halo's weight, over its mean over
all particles, any other f = 0, so <f> = 1; with mass weighting w / N = 1. What is left of the error
is that the halo field has its weight at points and not on particles, and the sampling of the
particles; a local f has to guess the labels besides.
"""

import logging
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.stores import AGAIN, MEAN, append_variable, open_store, provenance, set_attributes
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.fields.painting import paint
from lagbias.fields.sampling_noise import append_sampling_noises
from lagbias.halos.catalogue import halo_overdensity
from lagbias.halos.labelling import check_labelled
from lagbias.halos.velocities import Velocities, members_in_redshift_space
from lagbias.simulations.box import SimulationBox

log = logging.getLogger(__name__)


def shares(halos: str | Path, halo: np.ndarray, halo_particles: np.ndarray) -> np.ndarray:
    """The share w / N of each particle in the weight of its halo, float64 (n,).

    Parameters
    ----------
    halos : path of the store of the halos
    halo, halo_particles : int64, (n,), see ``labelled_rows``

    Raises
    ------
    InputError
        If the store is not of the halos that are numbered.
    """
    store = open_store(halos)
    count = store["particle_count"].values
    if halo.max() >= len(count) or (count[halo] != halo_particles).any():
        raise InputError(
            f"labels: {halos} has not the halos of the particles' files: expected those of one "
            f"box; {AGAIN}"
        )
    return (store["weight"].values / count)[halo]


def write_label_prediction(
    box: SimulationBox,
    particles: str | Path,
    halos: str | Path,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    velocities: Velocities | None = None,
    **attributes,
) -> None:
    """Write the labels of a box as a model field (see ``carried.write_fields``).

    Parameters
    ----------
    box : SimulationBox
    particles, halos : paths of the stores of all particles, and of the halos that are labelled
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
    threads : int
    velocities : Velocities, optional
        How particles of halos are displaced along z in redshift space.

    Raises
    ------
    InputError
        If no particle is labelled, or the halos are not those of the files.
    """
    catalogue = open_store(particles)
    box_size, everything = catalogue.attrs["box_size"], catalogue.sizes["particle"]
    mesh = Mesh(catalogue.attrs["cells"], box_size)
    min_particles = open_store(halos).attrs["min_particles"]
    if catalogue.attrs["redshift_space"] != (velocities is not None):
        raise InputError(
            f"labels: found velocities {velocities}, but {particles} has redshift_space = "
            f"{catalogue.attrs['redshift_space']}; expected both of one space; {AGAIN}"
        )
    labelled = (
        members_in_redshift_space(box, min_particles, velocities)
        if velocities
        else box.member_positions(min_particles)
    )
    position, halo, halo_particles = map(np.concatenate, zip(*labelled, strict=True))
    check_labelled(len(position), box, min_particles)
    carried = shares(halos, halo, halo_particles)
    log.info("%d of %d particles are in halos", len(position), everything)
    # Centres of sub-cells, as all other particles are known and as their window is taken off.
    position = (np.floor(position / mesh.resolution) + 0.5) * mesh.resolution + box_size / 2
    grid = Grid(Mesh.of_cell_size(cell_size, box_size).cells, box_size)
    wrapped = (position % box_size).astype(np.float32)
    field, square = (
        paint([(wrapped, (carried**power).astype(np.float32))], grid, threads) for power in (1, 2)
    )
    cells = halo_overdensity(position - box_size / 2, carried, mesh)
    sums = np.array([[(carried**power).sum()] for power in (1, 2, 3)])
    share = catalogue.attrs["sampled_fraction"]
    evaluation = ("x", "y", "z")
    with written_whole(store) as partial:
        append_variable(partial, "overdensity", field[None], ("member", *evaluation), units="1")
        append_variable(partial, "square_overdensity", square, evaluation, units="1")
        append_variable(
            partial, "cell_overdensity", cells[None], ("member", "cell_x", "cell_y", "cell_z"),
            units="1",
        )  # fmt: skip
        append_variable(partial, "mean_ratio", np.ones(1), ("member",), units="1")
        append_sampling_noises(partial, sums, everything, share, box_size)
        set_attributes(
            partial,
            **provenance(box_size=box_size, **attributes),
            resolution=mesh.resolution, members=[MEAN],
        )  # fmt: skip
