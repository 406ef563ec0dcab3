"""A simulation format of your own: two numpy files, one of the density, one of all the rest."""

import numpy as np
from lagbias.simulations.box import BoxOnDisk

CHUNK = 1_000_000  # particles at a time


class NumpyBox(BoxOnDisk):
    """Files by name: `initial` and `particles`, as the config calls them."""

    particle_mass = 1.6e11  # Msun/h

    def linear_density(self):
        """Linear density at the redshift of the box, float32 (n, n, n).

        Point [0, 0, 0] is at (-L/2, -L/2, -L/2), as that of the particle lattice.
        """
        return np.load(self.path("initial"))

    def particle_chunks(self, redshift_space=False):
        """Final positions [Mpc/h] in [-L/2, L/2], and where each particle began."""
        data = np.load(self.path("particles"))
        position, lattice_index = data["position"], data["lattice_index"]
        for start in range(0, len(position), CHUNK):
            part = slice(start, start + CHUNK)
            yield position[part], lattice_index[part]

    def halos(self, more_than=0, redshift_space=False):
        """Halos of more than so many particles: positions as above, and numbers of particles."""
        data = np.load(self.path("particles"))
        above = data["halo_particles"] > more_than
        return data["halo_position"][above], data["halo_particles"][above]
