"""Write a box as one file of arrays: here a made-up one, of 16^3 particles moved by Zel'dovich."""

import numpy as np
import zarr

n, box_size = 16, 24.0  # particles a side, side of the box [Mpc/h]

# Replace these by your own arrays.
k = np.stack(np.meshgrid(*[2 * np.pi / box_size * np.fft.fftfreq(n, 1 / n)] * 3, indexing="ij"))
k2 = (k**2).sum(axis=0)
k2[0, 0, 0] = np.inf
modes = np.fft.fftn(np.random.default_rng(1).normal(size=(n, n, n))) * (k2 < 2) / k2
density = np.fft.ifftn(modes).real  # linear, at the redshift of the box
psi = np.fft.ifftn(1j * k / k2 * modes, axes=(1, 2, 3)).real
lattice_index = np.stack(np.unravel_index(np.arange(n**3), (n, n, n)), axis=1)
position = lattice_index * box_size / n + psi.reshape(3, -1).T

box = zarr.open_group("mybox.zarr", mode="w")
box.attrs.update(box_size=box_size, redshift=0.5, particles_per_side=n, omega_m=0.3)
box.create_array("linear_density", data=density.astype("f4"))
box.create_array("position", data=(position % box_size).astype("f4"))  # [Mpc/h], from 0
box.create_array("lattice_index", data=lattice_index)  # where each particle began, from 0
box.create_array("halo_position", data=np.array([[1.0, 2.0, 3.0], [9.0, 8.0, 7.0]]))
box.create_array("halo_particle_count", data=np.array([120, 60]))
