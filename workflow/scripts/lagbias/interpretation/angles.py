"""Principal angles between gradient directions: how well is a subspace known, and what moves it?

Angles are those between *fields* (``principal_cosines``). Two directions a and b are written as
combinations of the standardised features of all scales, those that they lack with coefficient
zero, and <a, b> = a^T C b with C the joint covariance of all these features over the training
boxes; so directions of different smoothing scales have an angle too.

What a band means is told by the pairs that it is over. Of *seeds*: networks trained on the same
boxes, so the noise of training. Of *boxes*: gradients of the same networks, averaged over seeds,
on one training box or another, so what the choice of points does to the average of the gradients;
the networks have seen all these boxes, and others would have taught other networks. Of *scale
sets*, *halos* and *training sets*: every seed of the one with every seed of the other, so that the
noise of training widens the band; angles between f averaged over seeds stand beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lagbias.base.errors import InputError
from lagbias.base.stores import MEAN, read_netcdf
from lagbias.projection.directions import eigen_directions
from lagbias.projection.projection import Projection

SUBSPACES = (1, 2)  # directions that span them


class Fit(NamedTuple):
    """Which networks: of which training set, halos and inputs."""

    training_set: str
    tracer: str
    model: str

    @classmethod
    def of(cls, path: str | Path) -> "Fit":
        """The fit of a file ``results/fits/{set}/{tracer}/{model}/…``."""
        return cls(*Path(path).parts[-4:-1])


@dataclass(frozen=True)
class Directions:
    """Gradient directions of one fit, as combinations of the standardised features of a space.

    Attributes
    ----------
    versions : tuple of str
        Of what the gradients are: f, log10 f.
    mean : float64, (versions, directions, features)
        Of f averaged over seeds.
    seeds : float64, (versions, seeds, directions, features)
    boxes : float64, (versions, boxes, directions, features)
        Of f averaged over seeds, from the gradients on each training box alone.
    """

    versions: tuple[str, ...]
    mean: np.ndarray
    seeds: np.ndarray
    boxes: np.ndarray

    @classmethod
    def read(
        cls, gradient_pca: str | Path, projection: str | Path, space: Projection
    ) -> "Directions":
        """Read the directions of a gradient PCA and of the projection that it was made with."""
        pca = read_netcdf(gradient_pca)
        mapping = Projection.read(projection)
        to_space = mapping.matrix @ embedding(mapping, space)
        vectors = pca["eigenvector"].transpose("version", "member", "direction", "input")
        seeds = vectors.drop_sel(member=MEAN).values
        of_boxes = pca["gradient_covariance"].sel(member=MEAN)
        _, boxes = eigen_directions(of_boxes.transpose("version", "box", "input", "input_").values)
        return cls(
            tuple(str(version) for version in pca["version"].values),
            *(part @ to_space for part in (vectors.sel(member=MEAN).values, seeds, boxes)),
        )


def embedding(mapping: Projection, space: Projection) -> np.ndarray:
    """Matrix (features of ``mapping``, features of ``space``) between their standardised features.

    The two may be standardised by the moments of different boxes; means do not matter.

    Raises
    ------
    InputError
        If the space lacks a feature.
    """
    columns = list(zip(space.kinds, space.scales, strict=True))
    matrix = np.zeros((len(mapping.kinds), len(columns)))
    for row, feature in enumerate(zip(mapping.kinds, mapping.scales, strict=True)):
        if feature not in columns:
            kind, scale = feature
            raise InputError(
                f"feature covariance: {kind} at R={scale:g} Mpc/h is not among its scales "
                f"{', '.join(f'R={s:g}' for s in sorted(set(space.scales)))}; measure it at all "
                "scales of the models that are compared"
            )
        column = columns.index(feature)
        ratio = space.standard_deviation[column] / mapping.standard_deviation[row]
        matrix[row, column] = ratio
    return matrix


@dataclass(frozen=True)
class Comparison:
    """Subspaces that are compared, and what they are of.

    Attributes
    ----------
    model : str
    between : str
        What the two of a pair differ in.
    other : str
        The fit on the other side, where it is another one.
    gradient_of : str
    pairs : sequence of two (directions, features)
    average : two (directions, features), of f averaged over seeds, or None
    """

    model: str
    between: str
    other: str
    gradient_of: str
    pairs: list[tuple[np.ndarray, np.ndarray]]
    average: tuple[np.ndarray, np.ndarray] | None = None


def comparisons(
    fits: Mapping[Fit, Directions], training_set: str, tracer: str
) -> Iterator[Comparison]:
    """All comparisons of the models of a training set and tracer, with one another and with others.

    Parameters
    ----------
    fits : mapping
        Those of this training set and tracer, and those to compare them with.
    training_set, tracer : str
    """
    own = [fit for fit in fits if (fit.training_set, fit.tracer) == (training_set, tracer)]
    for fit in own:
        yield from comparisons_within(fit.model, fits[fit])
    for first, second in combinations(own, 2):
        yield from comparisons_of_two(first.model, "scale sets", second.model, fits, first, second)
    for first in own:
        for second in fits:
            if second != first and second == first._replace(tracer=second.tracer):
                name, other = "halos", second.tracer
            elif second != first and second == first._replace(training_set=second.training_set):
                name, other = "training sets", second.training_set
            else:
                continue
            yield from comparisons_of_two(first.model, name, other, fits, first, second)


def comparisons_within(model: str, found: Directions) -> Iterator[Comparison]:
    """Comparisons of one fit with itself: between its seeds, boxes, and what the gradient is of."""
    for seeds, boxes, version in zip(found.seeds, found.boxes, found.versions, strict=True):
        yield Comparison(model, "seeds", "", version, list(combinations(seeds, 2)))
        yield Comparison(model, "boxes", "", version, list(combinations(boxes, 2)))
    of_f, of_log_f = found.versions
    pairs = list(zip(*found.seeds, strict=True))
    yield Comparison(model, f"{of_f} and {of_log_f}", "", "both", pairs, tuple(found.mean))


def comparisons_of_two(
    model: str,
    between: str,
    other: str,
    fits: Mapping[Fit, Directions],
    first: Fit,
    second: Fit,
) -> Iterator[Comparison]:
    """Comparisons of two fits, every seed of one with every seed of the other."""
    one, two = fits[first], fits[second]
    for number, version in enumerate(one.versions):
        pairs = list(product(one.seeds[number], two.seeds[number]))
        average = one.mean[number], two.mean[number]
        yield Comparison(model, between, other, version, pairs, average)
