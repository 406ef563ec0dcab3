"""Intervals of 95 % confidence of what is measured over boxes and seeds, and verdicts on them.

Of the errors that a number has, that of *boxes* is the sample variance of the boxes it is measured
on, that of *seeds* the noise of training, that of *training* boxes the scatter of ratios of powers
with other training boxes. They are told apart and added in quadrature.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit  # scipy.stats takes a second to import

from lagbias.base.stores import MEAN
from lagbias.evaluation.bands import Band
from lagbias.tables.evaluation import Evaluated

CONFIDENCE = 0.95
QUANTILE = (1 + CONFIDENCE) / 2
FEWEST_BOXES = 3  # whose scatter tells an error
# ASSUME: of fewer, a ratio of powers scatters so much more than Gaussian fields with as many modes:
# the factor with which intervals of one test box hold the truth as often as others do in
# benchmarks/interval_coverage.py. Four boxes of config/volume.yaml scatter by 1.5 times.
NON_GAUSSIAN = 1.75
UNDECIDED = "not decidable here"


class Measured(NamedTuple):
    """A number and halves of its intervals of 95 % confidence.

    Attributes
    ----------
    value : float
    of_boxes : float
        NaN where they are too few to tell, 0 where no test box is in the number.
    of_seeds : float
        NaN where there is one seed.
    of_training : float
        Of other training boxes (``with_training``); 0 where nothing is fitted to boxes.
    """

    value: float
    of_boxes: float
    of_seeds: float = np.nan
    of_training: float = 0.0

    @property
    def interval(self) -> float:
        """All in quadrature, or that of boxes alone; NaN where there is none."""
        parts = self.of_boxes, np.nan_to_num(self.of_seeds), np.nan_to_num(self.of_training)
        return float(np.sqrt(np.square(parts).sum()))


def with_training(found: Measured, model: Evaluated) -> Measured:
    """A ratio of powers with the interval that other training boxes give it.

    A fit makes the ratio right on its own boxes, where it would scatter from box to box as it does
    on others: so it is off by as much as the mean over as many test boxes.
    ASSUME: training and test boxes are of one volume.
    ``benchmarks/interval_coverage.py`` shows how often such intervals hold the truth.
    """
    if not model.trained_on:
        return found
    per_box = found.of_boxes * np.sqrt(len(model.boxes))
    return found._replace(of_training=float(per_box / np.sqrt(model.trained_on)))


def verdict(excess: float, interval: float, tolerance: float) -> str:
    """Whether an excess stays below a tolerance: ``holds``, ``fails`` or ``UNDECIDED``.

    The first two are for all of the interval.
    """
    if excess + interval <= tolerance:
        return "holds"
    return "fails" if excess - interval > tolerance else UNDECIDED


def verdict_within(value: float, interval: float, low: float, high: float) -> str:
    """Whether a value lies between two others, for all of its interval."""
    if low <= value - interval and value + interval <= high:
        return "holds"
    return "fails" if value + interval < low or high < value - interval else UNDECIDED


def opposite(answer: str) -> str:
    """The verdict on the contrary claim."""
    return {"holds": "fails", "fails": "holds"}.get(answer, answer)


def ratio_of_sums(numerator: np.ndarray, denominator: np.ndarray) -> Measured:
    """Ratio of two powers of boxes together; its interval is that of the boxes' scatter.

    By Student's t, the ratio linearised: what is common to both drops out, and boxes with more
    power weigh more. NaN of fewer than ``FEWEST_BOXES``.

    Parameters
    ----------
    numerator, denominator : (boxes,)
    """
    if not denominator.sum() > 0:
        return Measured(np.nan, np.nan)
    ratio = numerator.sum() / denominator.sum()
    count = len(numerator)
    if count < FEWEST_BOXES:
        return Measured(ratio, np.nan)
    off = count * (numerator - ratio * denominator) / denominator.sum()
    return Measured(ratio, stdtrit(count - 1, QUANTILE) * off.std(ddof=1) / np.sqrt(count))


def angle_to_halos(model: Evaluated, band: Band, member: str) -> float:
    """arccos of r between a model and the halos; NaN above 1 (sampling noise is taken off it)."""
    own, halo, cross = (
        model.total(f"power_{name}", band, member).sum() for name in ("model", "halo", "cross")
    )
    with np.errstate(invalid="ignore"):
        return float(np.arccos(cross / np.sqrt(own * halo)))


def of_modes(
    model: Evaluated, band: Band, unshared: float, name: str = "power_halo", member: str = MEAN
) -> float:
    """Half the interval of a ratio of powers of two Gaussian fields, over the ratio.

    Of fields of correlation r with N modes (a mode and its conjugate counted as two),
    var(ln ratio) = 4 (1 - r^2) / N, N = (sum P)^2 / sum P^2 over modes.

    Parameters
    ----------
    unshared : float
        1 - r^2.
    name, member : str
        The power P.
    """
    spread = model.total(f"{name}_squared", band, member).sum()
    error = np.sqrt(4 * unshared * spread) / abs(model.total(name, band, member).sum())
    return ndtri(QUANTILE) * error


def power_ratio(model: Evaluated, band: Band, name: str = "model", member: str = MEAN) -> Measured:
    """P_model / P_halo in a band, of one member.

    Of few boxes its interval is ``NON_GAUSSIAN`` times that of their modes (``of_modes``): model
    and halos share them, so that most of the sample variance drops out. Of a cross power it is half
    of that.

    Parameters
    ----------
    model : Evaluated
    band : k [h/Mpc]
    name : str
        ``model`` or ``cross``, for P_cross / P_halo.
    member : str
    """
    halo = model.total("power_halo", band)
    found = ratio_of_sums(model.total(f"power_{name}", band, member), halo)
    if np.isnan(found.of_boxes) and np.isfinite(found.value):
        unshared = np.sin(angle_to_halos(model, band, member)) ** 2
        half = NON_GAUSSIAN * of_modes(model, band, unshared) * found.value
        found = found._replace(of_boxes=half / (1 if name == "model" else 2))
    return with_training(found, model)


def correlation(model: Evaluated, band: Band, member: str = MEAN) -> Measured:
    """r = P_cross / sqrt(P_model P_halo) of model and halos in a band, of one member.

    Its interval is by the scatter of the boxes, r linearised, as in ``ratio_of_sums``. Of few boxes
    it is that of their modes, sigma(r) = (1 - r^2) / sqrt(N) for Gaussian fields, N as in
    ``of_modes``.
    """
    cross, own, halo = (
        model.total(f"power_{name}", band, member) for name in ("cross", "model", "halo")
    )
    count = len(model.boxes)
    if not (own.sum() > 0 and halo.sum() > 0):
        return Measured(np.nan, np.nan)
    value = float(cross.sum() / np.sqrt(own.sum() * halo.sum()))
    if count < FEWEST_BOXES:
        return Measured(value, of_modes(model, band, ((1 - value**2) / 2) ** 2))
    off = cross / cross.sum() - (own / own.sum() + halo / halo.sum()) / 2
    scatter = abs(value) * np.sqrt(count) * off.std(ddof=1)
    return Measured(value, float(stdtrit(count - 1, QUANTILE) * scatter))


def power_over(model: Evaluated, reference: Evaluated, band: Band, member: str = MEAN) -> Measured:
    """P_model over P of another model on the same boxes.

    Of few boxes the interval is at most that of two fields as far from each other as their angles
    to the halos allow, sin^2 of the sum of both being the most that 1 - r^2 can be.
    """
    own, other = (part.total("power_model", band, member) for part in (model, reference))
    found = ratio_of_sums(own, other)
    if np.isnan(found.of_boxes) and np.isfinite(found.value):
        angle = sum(angle_to_halos(part, band, member) for part in (model, reference))
        unshared = np.sin(min(angle, np.pi / 2)) ** 2
        half = NON_GAUSSIAN * of_modes(model, band, unshared) * found.value
        found = found._replace(of_boxes=half)
    return with_training(found, model)


def error_over(model: Evaluated, reference: Evaluated, band: Band, member: str = MEAN) -> Measured:
    """P_error (of model minus halos) over that of another model on the same boxes.

    Of few boxes the interval is at most that of two fields that share nothing.
    """
    name = "power_error"
    own, other = (part.total(name, band, member) for part in (model, reference))
    found = ratio_of_sums(own, other)
    if np.isfinite(found.of_boxes) or np.isnan(found.value):
        return found
    return found._replace(of_boxes=of_modes(model, band, 1.0, name, member) * abs(found.value))


def over_seeds(
    measure: Callable[..., Measured],
    models: Mapping[str, Evaluated],
    *others: Evaluated,
    **keywords,
) -> dict[str, list[float]]:
    """What a function of this module measures of every seed of some models, by model.

    Parameters
    ----------
    measure : function
        Of a model, of ``others`` and of ``member``.
    models : mapping
    others : Evaluated
        Models that each is compared with, the same seed of both.
    keywords
        Handed on.
    """
    return {
        name: [
            measure(model, *others, member=seed, **keywords).value
            for seed in model.seeds()
            if all(seed in (other.seeds() or [seed]) for other in others)
        ]
        for name, model in models.items()
    }


def pooled_interval(values: Mapping[str, Sequence[float]], of: str) -> float:
    """Half the interval of a mean over seeds, by the scatter of the seeds of all models.

    Two seeds tell little of their own scatter (12.7 standard errors are 95 %), those of many
    models tell much.

    ASSUME: the noise of training is alike for the models that are pooled.

    Parameters
    ----------
    values : mapping
        Model to what each of its seeds gives. Models with a number that is not finite are left out.
    of : str
        The model whose mean is meant.

    Returns
    -------
    float; NaN where no model has two seeds, or ``of`` is left out
    """
    values = {name: part for name, part in values.items() if np.isfinite(part).all()}
    if of not in values:
        return np.nan
    parts = [np.asarray(part) for part in values.values() if len(part)]
    freedom = sum(len(part) - 1 for part in parts)
    if not freedom or not len(values[of]):
        return np.nan
    spread = np.sqrt(sum(((part - part.mean()) ** 2).sum() for part in parts) / freedom)
    return float(stdtrit(freedom, QUANTILE) * spread / np.sqrt(len(values[of])))
