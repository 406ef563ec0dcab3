"""The proto-halo labels: each particle's own f, the ceiling that no local f can pass.

A particle of a halo above the cut carries f = N / N_labelled, any other f = 0, so <f> = 1. What is
left of the error is that the halo field has its mass at points and not on particles, and the
sampling of the particles; a local f has to guess the labels besides.
"""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog
from abacusnbody.data.read_abacus import read_asdf

from lagbias.errors import InputError
from lagbias.files import written_whole
from lagbias.grids import Grid
from lagbias.layout import MEAN, BoxFiles
from lagbias.mesh import Mesh, paint
from lagbias.stores import append_variable, open_store, provenance, set_attributes

log = logging.getLogger(__name__)


def labelled_positions(files: BoxFiles, min_particles: int) -> Iterator[np.ndarray]:
    """Final positions of subsample particles in halos with N > ``min_particles``, file by file.

    Yields
    ------
    float32, (n, 3) [Mpc/h], in [-L/2, L/2]

    Raises
    ------
    InputError
        If the halos of a file point to particles that it does not hold.
    """
    for halo_file in files.product("halo_info"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # One file at a time: npstartA counts within the particle file of the same number.
            halos = CompaSOHaloCatalog(
                halo_file, cleaned=False, subsamples=False, fields=["N", "npstartA", "npoutA"]
            ).halos
        rv_file = files.halos / "halo_rv_A" / halo_file.name.replace("halo_info", "halo_rv_A")
        position = np.asarray(read_asdf(str(rv_file), load=["pos"], verbose=False)["pos"])
        above = np.asarray(halos["N"]) > min_particles
        start = np.asarray(halos["npstartA"])[above].astype(np.int64)
        count = np.asarray(halos["npoutA"])[above].astype(np.int64)
        if len(start) and (start + count).max() > len(position):
            raise InputError(
                f"{halo_file} points to particle {(start + count).max()} of {rv_file}, which holds "
                f"{len(position)}: expected files of one box; compare both with checksums.crc32"
            )
        # The particles of a halo are one range: count up within each.
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        yield position[np.repeat(start, count) + within]


def write_label_prediction(
    files: BoxFiles,
    particles: str | Path,
    min_particles: int,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Write the labels of a box as a model field (see ``prediction.write_fields``).

    Parameters
    ----------
    files : BoxFiles
    particles : path of the store of all particles
    min_particles : int
        Halos with N > min_particles are labelled.
    cell_size : float
        Of the evaluation mesh [Mpc/h].
    store : path of the zarr store
    threads : int

    Raises
    ------
    InputError
        If no particle is labelled.
    """
    catalogue = open_store(particles)
    box_size, everything = catalogue.attrs["box_size"], catalogue.sizes["particle"]
    resolution = Mesh(catalogue.attrs["cells"], box_size).resolution
    position = np.concatenate(list(labelled_positions(files, min_particles)))
    if not len(position):
        raise InputError(
            f"labels: no particle in halos with N > {min_particles} in {files.halos}; expected "
            "npstartA and npoutA in halo_info and particles in halo_rv_A; use a lower cut"
        )
    log.info("%d of %d particles are in halos", len(position), everything)
    # Centres of sub-cells, as all other particles are known and as their window is taken off.
    position = (np.floor(position / resolution) + 0.5) * resolution + box_size / 2
    grid = Grid(Mesh.of_cell_size(cell_size, box_size).cells, box_size)
    field = paint([((position % box_size).astype(np.float32), None)], grid, threads)
    thinning = (1 - catalogue.attrs["sampled_fraction"]) * box_size**3
    volume = {"units": "(Mpc/h)^3"}
    with written_whole(store) as partial:
        append_variable(partial, "overdensity", field[None], ("member", "x", "y", "z"), units="1")
        append_variable(partial, "mean_ratio", np.ones(1), ("member",), units="1")
        for name, number in (
            ("sampling_noise", len(position)), ("sampling_noise_with_matter", everything),
        ):  # fmt: skip
            append_variable(partial, name, np.array([thinning / number]), ("member",), **volume)
        set_attributes(
            partial,
            **provenance(box_size=box_size, **attributes), resolution=resolution, members=[MEAN],
        )  # fmt: skip
