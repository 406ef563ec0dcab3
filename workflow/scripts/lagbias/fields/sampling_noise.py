"""What a random sample of weighted points adds to power and bispectrum of their field.

Particles are a share of all, halos stand for themselves: a sum over pairs or triples of points
that is meant for different ones meets a point with itself.
"""

from pathlib import Path

import numpy as np

from lagbias.base.stores import append_variable


def append_sampling_noises(
    store: Path, sums: np.ndarray, particles: int, share: float, box_size: float
) -> None:
    """Write the noises of a sample of particles that carry weights f beside their fields.

    Parameters
    ----------
    store : path of the zarr store
        ``sampling_noise`` (member) [(Mpc/h)^3], the power that the sample adds,
        (1 - s) V sum f^2 / (sum f)^2; ``sampling_noise_with_matter`` (member) [(Mpc/h)^3], to the
        cross power with the matter of all particles of the sample, (1 - s) V / n;
        ``sampling_noise_triple`` (member) [(Mpc/h)^6], (1 - s) (2 - s) V^2 sum f^3 / (sum f)^3
        (see ``sampling_bispectrum``).
    sums : float64, (3, members), sums of f, f^2 and f^3 over the sample
    particles : int
        Number n of the sample.
    share : float
        Share s of all particles that are in the sample.
    box_size : float
        [Mpc/h]
    """
    first, second, third = sums
    volume = box_size**3
    pair = (1 - share) * volume * second / first**2
    with_matter = np.full(len(first), (1 - share) * volume / particles)
    triple = (1 - share) * (2 - share) * volume**2 * third / first**3
    for name, values, units in (
        ("sampling_noise", pair, "(Mpc/h)^3"),
        ("sampling_noise_with_matter", with_matter, "(Mpc/h)^3"),
        ("sampling_noise_triple", triple, "(Mpc/h)^6"),
    ):
        append_variable(store, name, values, ("member",), units=units)


def sampling_bispectrum(
    power_of_sides: np.ndarray, pair_noise: float, triple_noise: float
) -> np.ndarray:
    """What points that stand for themselves add to a bispectrum of weighted points.

    Of points of weights w, drawn at random with probability s out of all (s = 0: of Poisson points
    out of a continuous field), two of a triangle's three may be one point, or all three. With
    S_2 = V sum w^2 / (sum w)^2, S_3 = V^2 sum w^3 / (sum w)^3 and P' the cross power of the field
    with that of weights w^2, both as measured, coincidence of two at k_3 has S_2 P'(k_3) - S_3.
    A pair's share 1 - s and a triple's 1 - s^2 of these are not in the field of all points:

        (1 - s) [S_2 (P'(k_1) + P'(k_2) + P'(k_3)) - 3 S_3] + (1 - s^2) S_3

    For s = 0 and equal weights it is S_2 (P_1 + P_2 + P_3) + S_2^2 with P less its shot noise
    (Matarrese, Verde & Heavens 1997, astro-ph/9706059).

    Parameters
    ----------
    power_of_sides : [(Mpc/h)^3], P'(k_1) + P'(k_2) + P'(k_3)
    pair_noise : float
        (1 - s) S_2 [(Mpc/h)^3]
    triple_noise : float
        (1 - s) (2 - s) S_3 [(Mpc/h)^6]

    Returns
    -------
    [(Mpc/h)^6]
    """
    return pair_noise * power_of_sides - triple_noise
