"""Boxes beyond what integers count are refused by name where their files are first read."""

import dataclasses
import shutil

import numpy as np
import pytest
from conftest import REDSHIFT, plant_box
from lagbias.base.errors import InputError
from lagbias.base.limits import MOST_CELLS, MOST_PAINTED, MOST_POINTS
from lagbias.config.tracers import parse_tracer
from lagbias.fields.mesh import Mesh
from lagbias.halos.carried import evaluation_grid
from lagbias.halos.indexing import write_particles
from lagbias.halos.labelling import write_labels
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.box import AbacusBox
from lagbias.simulations.abacus.reader import lattice_side
from lagbias.simulations.mini import friends


@pytest.mark.parametrize("most", [MOST_CELLS, MOST_POINTS])
def test_limits_of_a_side_are_those_of_32_bits(most):
    assert most**3 <= 2**32 < (most + 1) ** 3


def test_largest_mesh_counts_its_cells_in_32_bits():
    assert Mesh(MOST_CELLS, 500.0).subcells == 1


def test_mesh_of_more_cells_than_32_bits_count_is_refused(planted_box, tmp_path):
    cells = 1626
    with pytest.raises(InputError, match="mesh.cell_size.*found 1626 a side, .*most 1625.*0.0295"):
        write_particles(planted_box.opened, 48.0 / cells, tmp_path / "particles.zarr")


def test_density_of_more_points_than_32_bits_count_is_refused(planted_box, tmp_path):
    large = tmp_path / "ic_dens_N1626.asdf"
    shutil.copy(planted_box.files.density, large)
    files = dataclasses.replace(planted_box.files, density=large)
    with pytest.raises(InputError, match="ic_dens_N1626.asdf, points .*found 1626 .*most 1625"):
        write_particles(AbacusBox(files, REDSHIFT), 6.0, tmp_path / "particles.zarr")


def test_mesh_of_more_cells_than_painting_counts_is_refused():
    assert evaluation_grid(1.0, MOST_PAINTED).points == MOST_PAINTED
    with pytest.raises(InputError, match="cell size 1 Mpc/h, cells .*found 32768 .*most 32767"):
        evaluation_grid(1.0, MOST_PAINTED + 1)


def test_more_particles_a_side_than_identifiers_tell_apart_are_refused():
    header = {"ppd": 32768.0}
    assert lattice_side(header, "a") == 32768
    last = writer.pack_pids(np.array([[32767, 0, 0]]))  # of such a lattice
    assert last.dtype == np.uint64
    with pytest.raises(InputError, match="halos: header ppd, .*found 32769 a side, .*most 32768"):
        lattice_side({"ppd": 32769.0}, "halos")


def test_particles_of_too_large_a_lattice_are_refused(tmp_path):
    box = plant_box(tmp_path, particles=100)
    header = box.header | {"ppd": 40000.0}
    for kind in ("field", "halo"):
        writer.write_particles(
            box.files.halos, kind, header, box.position, box.velocity,
            writer.pack_pids(box.lagrangian_index), [0],
        )  # fmt: skip
    with pytest.raises(InputError, match="header ppd, particles: found 40000 a side"):
        write_particles(box.opened, 6.0, tmp_path / "particles.zarr")


def test_more_particles_of_a_point_than_labels_count_are_refused(planted_box, stores, tmp_path):
    """Labels of a point are 16 bits: 24 points a side hold up to 40 particles each along a side."""
    box = planted_box.opened
    box.snapshot_header = box.snapshot_header | {"ppd": 961.0}
    with pytest.raises(InputError, match="up to 68921 of 961.3 particles .*most 65535.*finer"):
        write_labels(box, stores.particles, parse_tracer("N50"), tmp_path / "l.zarr")


def test_more_links_than_scipy_counts_are_refused(monkeypatch):
    monkeypatch.setattr(friends, "MOST_LINKS", 2)
    position = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]], dtype=np.float32)
    assert (friends.friends_of_friends(position[:3], 20.0, 1.5, 2) == 0).all()
    with pytest.raises(InputError, match="found 3 links of 4 particles, .*most 2.*mini.particles"):
        friends.friends_of_friends(position, 20.0, 1.5, 2)
