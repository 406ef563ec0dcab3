"""A simulation format of your own: two numpy files, one of the density, one of all the rest."""

import numpy as np
from lagbias.simulations.box import BoxOnDisk

CHUNK = 1_000_000  # particles at a time


class NumpyBox(BoxOnDisk):
    """Files by name: `initial` and `particles`, as the config calls them."""

    particle_mass = 1.6e11  # Msun/h

    def linear_density(self):
        """The linear density at the redshift of the box, float32 (n, n, n)."""
        return np.load(self.path("initial"))

    def particle_chunks(self, redshift_space=False):
        """Final positions [Mpc/h] in [-L/2, L/2], and where each particle began."""
        data = np.load(self.path("particles"))
        for start in range(0, len(data["position"]), CHUNK):
            part = slice(start, start + CHUNK)
            yield data["position"][part], data["lattice_index"][part]

    def halos(self, more_than=0, redshift_space=False):
        """Halos of more than so many particles: positions and numbers of particles."""
        data = np.load(self.path("particles"))
        above = data["halo_particles"] > more_than
        return data["halo_position"][above], data["halo_particles"][above]
