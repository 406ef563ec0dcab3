"""The claims of the two papers beside what was measured, each with an error and a verdict.

Claims of Wu, Muñoz & Eisenstein, arXiv:2212.08095 (abstract, highlights and published directions),
and of paper I, arXiv:2109.13948. Every number is over all boxes that a set of boxes tests on. What
is claimed of one model beside another is measured on the same boxes and seeds, so that what both
have in common drops out.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, read_netcdf
from lagbias.config.names import parse_network, parse_scales
from lagbias.tables.evaluation import (
    CROSS_AT,
    YARDSTICK_BAND,
    Evaluated,
    Source,
    around,
    models_in,
    read_evaluation,
)
from lagbias.tables.intervals import (
    UNDECIDED,
    Measured,
    error_over,
    opposite,
    over_seeds,
    pooled_interval,
    power_over,
    power_ratio,
    verdict,
    verdict_within,
)
from lagbias.tables.losses import kept_losses

BAND = (0.0, 0.1)  # h/Mpc, of the paper's claims
ERROR_BAND = (0.1, 0.3)  # where the error of the models is compared
TOLERANCE = 0.02  # of the paper's 1-2 %
DEFICIT = (0.02, 0.05)  # of more than three scales
# ASSUME: "reproduces" is to 1 %, half of what the networks themselves are said to reach.
REPRODUCED = 0.01
# ASSUME: what the authors' own directions give, 0.985 and 0.995, less a half per cent.
SAME_PLANE, TOP_HAT = 0.98, 0.99
# How near a number of paper I is, which has no error.
NEAR = 0.01
COLUMNS = [
    "claim", "model", "quantity", "measured", "interval", "of_boxes", "of_seeds",
    "of_training", "verdict", "reason", "file",
]  # fmt: skip
VERDICT_COLUMNS = ["claim", "model", "found", "verdict", "reason"]
NOT_MEASURED = "not measured: these boxes have no mode, or the halos no power, at these wavenumbers"
NO_INTERVAL = "no interval: these boxes and seeds are too few, or the sampling noise is too large"
NO_CLAIM = "none of the papers' claims is of these models"
Models = Mapping[str, Evaluated]
Losses = Mapping[str, Sequence[str | Path]]


def scale_count(model: str) -> int:
    """Smoothing scales of a network, by its name."""
    return len(parse_scales(parse_network(model).scale_set))


def is_network(model: str) -> bool:
    """Whether a model's name is one of a network, which begins with a smoothing scale."""
    return model.startswith("R")


def networks_among(models: Models) -> Models:
    return {name: model for name, model in models.items() if is_network(name)}


def scale_sets_among(models: Iterable[str]) -> list[str]:
    """The networks on all inputs of their scales, by the paper's training."""
    return [name for name in models if is_network(name) and name == parse_network(name).scale_set]


def row(
    claim: str, model: str, quantity: str, found: Measured, answer: str, reason: str = ""
) -> dict:
    """A line of the table; ``reason`` says what a verdict rests on besides what was measured.

    Where there is none it says why nothing is decided.
    """
    if not reason and np.isnan(found.value):
        reason = NOT_MEASURED
    elif not reason and answer == UNDECIDED and np.isnan(found.interval):
        reason = NO_INTERVAL
    return {
        "claim": claim, "model": model, "quantity": quantity, "measured": found.value,
        "interval": found.interval, "of_boxes": found.of_boxes, "of_seeds": found.of_seeds,
        "of_training": found.of_training, "verdict": answer, "reason": reason,
    }  # fmt: skip


def with_seeds(
    models: Models,
    model: str,
    measure: Callable[..., Measured],
    *others: Evaluated,
    **keywords,
) -> Measured:
    """What is measured of f averaged over seeds, with the errors of boxes and of seeds.

    That of seeds is by the scatter of the seeds of all networks but variants
    (``intervals.pooled_interval``), on all inputs and on few directions.
    """
    found = measure(models[model], *others, **keywords)
    networks = {
        name: network
        for name, network in networks_among(models).items()
        if parse_network(name).variant is None and all(network is not other for other in others)
    }
    of_seeds = over_seeds(measure, networks, *others, **keywords)
    return found._replace(of_seeds=pooled_interval(of_seeds, model))


def three_scales_of(model: str, networks: Iterable[str]) -> str | None:
    """The network of three scales that one of more is compared with; None without one.

    Of those trained in the same way, of its variant or of none, the one that its scales begin
    with, or else the first.
    """
    own = parse_network(model)
    three = {
        name: parse_network(name).scale_set
        for name in networks
        if parse_network(name).variant == own.variant and scale_count(name) == 3
    }
    begun = (name for name, scales in three.items() if own.scale_set.startswith(f"{scales}-"))
    return next(begun, next(iter(three), None))


def claims_of_scales(models: Models) -> Iterator[dict]:
    """What is claimed of networks of one and of three scales."""
    found = {
        name: with_seeds(models, name, power_ratio, band=BAND)
        for name in scale_sets_among(models)
        if scale_count(name) in (1, 3)
    }
    off = {name: abs(measured.value - 1) for name, measured in found.items()}
    nearest = min((off[name] for name in found if scale_count(name) == 3), default=0)
    for name in sorted(found, key=lambda name: scale_count(name) != 3):
        answer = verdict(off[name], found[name].interval, TOLERANCE)
        claim = "three scales recover the halo power to 1-2 %"
        if scale_count(name) == 1:
            claim = "one scale does not, and is further off"
            answer = opposite(answer)
            if answer == "holds" and off[name] <= nearest:
                answer = "fails"
        yield row(claim, name, "P_model / P_halo", found[name], answer)


def beside_three(
    models: Models,
    pairs: Mapping[str, str],
    model: str,
    measure: Callable[..., Measured],
    band: tuple[float, float],
) -> Measured:
    """What is measured of a network and the one of three scales that it is paired with.

    The error of seeds of a variant is by the scatter of the seeds of all pairs of variants, since
    one way of training has a pair or two; that of other networks as in ``with_seeds``.
    """
    if parse_network(model).variant is None:
        return with_seeds(models, model, measure, models[pairs[model]], band=band)
    of_seeds = {
        name: over_seeds(measure, {name: models[name]}, models[three], band=band)[name]
        for name, three in pairs.items()
        if parse_network(name).variant is not None
    }
    found = measure(models[model], models[pairs[model]], band=band)
    return found._replace(of_seeds=pooled_interval(of_seeds, model))


def fitted_over(losses: Losses, pairs: Mapping[str, str], model: str) -> Measured:
    """Training loss of a network over that of the network it is paired with.

    Seeds are compared one by one; their scatter is pooled over all pairs, as in ``with_seeds``. NaN
    of those trained on labels, which have no training loss of the halo field.
    """
    ratios = {
        name: (kept_losses(losses[name])["train_loss"] / kept_losses(losses[three])["train_loss"])
        for name, three in pairs.items()
    }
    half = pooled_interval({name: list(ratio) for name, ratio in ratios.items()}, model)
    return Measured(float(ratios[model].mean()), 0.0, half)


def over_fitting(error: str, fitted: Measured) -> tuple[str, str]:
    """Verdict on over-fitting, and its reason: a larger error by a better fit.

    Parameters
    ----------
    error : str
        Verdict on the error being larger.
    fitted : Measured
        Training loss over that of three scales.
    """
    better = verdict(fitted.value, fitted.of_seeds, 1)
    reason = f"training loss {in_numbers(fitted)} of that of three"
    if np.isnan(fitted.value):
        reason = "no training loss of the halo field: trained on labels"
    if error == "fails":
        return "fails", f"the error is not larger; {reason}"
    if better == "fails":
        return "fails", f"trained less well: {reason}"
    if error == better == "holds":
        return "holds", f"fits better and errs more: {reason}"
    what = "the error may be either" if error == UNDECIDED else "fits as well, within the seeds"
    return UNDECIDED, f"{what}: {reason}"


def claims_of_more_scales(models: Models, losses: Losses) -> Iterator[dict]:
    """Whether more than three scales give less power than three, and whether they over-fit.

    Each is compared with one that was trained in the same way, variants too. Over-fitting is a
    larger error on untouched boxes by a network that fits its training boxes better, both by more
    than the seeds scatter; one that fits both worse is not trained as well.
    """
    networks = [n for n in networks_among(models) if parse_network(n).directions is None]
    pairs = {name: three_scales_of(name, networks) for name in networks if scale_count(name) > 3}
    pairs = {name: three for name, three in pairs.items() if three}
    for name, three in pairs.items():
        found = beside_three(models, pairs, name, power_over, BAND)
        claim = "more than three scales are 2-5 % lower than three"
        low, high = (1 - deficit for deficit in reversed(DEFICIT))
        answer = verdict_within(found.value, found.interval, low, high)
        yield row(claim, name, f"P_model / P_model of {three}", found, answer)
    for name, three in pairs.items():
        found = beside_three(models, pairs, name, error_over, ERROR_BAND)
        larger = opposite(verdict(found.value - 1, found.interval, 0))
        answer, reason = over_fitting(larger, fitted_over(losses, pairs, name))
        quantity = f"P_error over that of {three}, k = {ERROR_BAND[0]:g}-{ERROR_BAND[1]:g}"
        yield row("more than three scales over-fit", name, quantity, found, answer, reason)


def retrained_power(models: Models, base: str) -> tuple[Measured, str]:
    """Power on two directions over that on all inputs, and whether it is as near to the halos'."""
    name = f"{base}-pc2"
    found = with_seeds(models, name, power_over, models[base], band=BAND)
    off, before = (abs(power_ratio(models[model], BAND).value - 1) for model in (name, base))
    return found, verdict(off - before, found.interval, REPRODUCED)


def claims_of_shares(
    pca: Mapping[str, xr.Dataset], models: Models, planted: pd.DataFrame | None
) -> Iterator[dict]:
    """What is claimed of two gradient directions, for networks of three scales.

    The verdict is that of retraining on them. A share alone proves little: the gradient spectrum of
    a network that is not trained out leans to its first direction, and so does that of a field that
    depends on nothing. What training makes of a planted share stands beside what is measured.
    """
    shares, traces = {}, {}
    for name, directions in pca.items():
        power = directions["eigenvalue"].sel(version="f")
        power = power if power.sizes["member"] == 1 else power.drop_sel(member=MEAN)
        traces[name] = power.sum("direction")
        shares[name] = power.isel(direction=slice(2)).sum("direction") / traces[name]
    of_seeds = {name: share.values for name, share in shares.items() if share.size > 1}
    for name, share in shares.items():
        if scale_count(name) == 3:
            half = pooled_interval(of_seeds, name) if name in of_seeds else np.nan
            found = Measured(float(share.mean()), 0 * half, half)  # of training boxes alone
            answer, reason = UNDECIDED, "a share decides nothing, and none is retrained on them"
            if {name, f"{name}-pc2"} <= models.keys():
                retrained, answer = retrained_power(models, name)
                reason = f"by retraining: {in_numbers(retrained)} of the power of all inputs"
            quantity = (
                f"their share of the gradient's power ({float(traces[name].mean()):.3g} in all"
                f"{returned_share(planted)})"
            )
            yield row("two gradient directions describe f", name, quantity, found, answer, reason)


def returned_share(planted: pd.DataFrame | None) -> str:
    """What comes back of a planted share of two directions, in words; nothing if not planted."""
    if planted is None:
        return ""
    true, found = planted.loc["share of directions 1 and 2", ["planted", "found"]]
    return f"; a planted {true:.3f} comes back as {found:.3f}"


def claims_of_retraining(models: Models) -> Iterator[dict]:
    """What is claimed of networks retrained on two directions, for those of three scales."""
    for name in networks_among(models):
        network = parse_network(name)
        of_three = network.variant is None and scale_count(name) == 3
        if network.directions == 2 and of_three and network.base in models:
            found, answer = retrained_power(models, network.base)
            claim = "retraining on them reproduces or improves the halo power"
            yield row(claim, name, f"P_model / P_model of {network.base}", found, answer)


def by_range(low: float, high: float, least: float) -> str:
    """Whether a cosine is as large as it should be, for all pairs or seeds that gave one."""
    return verdict_within((low + high) / 2, (high - low) / 2, least, np.inf)


def claims_of_planes(angles: pd.DataFrame) -> Iterator[dict]:
    """What the authors' published directions show: planes of unlike scales that agree."""
    planes = angles[
        (angles["between"] == "scale sets") & (angles["gradient_of"] == "f")
        & (angles["directions"] == 2) & (angles["angle"] == 2)
    ]  # fmt: skip
    for pair in pd.DataFrame(planes).to_dict("records"):
        if scale_count(pair["model"]) == 3 and scale_count(pair["other"]) == 6:
            low, high = pair["cosine_min"], pair["cosine_max"]
            yield row(
                "planes of three and of six scales agree", pair["model"],
                f"cosine of the larger angle to that of {pair['other']} "
                f"(pairs of seeds {low:.3f}-{high:.3f})",
                Measured(pair["cosine"], np.nan), by_range(low, high, SAME_PLANE),
                "the verdict is for all pairs of seeds",
            )  # fmt: skip


def claims_of_first_directions(filters: pd.DataFrame) -> Iterator[dict]:
    """What the authors' published directions show: a first one that is a top-hat."""
    top_hats = pd.DataFrame(filters[filters["filter"] == "top-hat"])
    for found in top_hats.to_dict("records"):
        if scale_count(found["model"]) == 3 and scale_sets_among([found["model"]]):
            low, high = (
                found[f"cosine_seed_{end}"] / np.sqrt(found["linear_share"])
                for end in ("min", "max")
            )
            yield row(
                "the first direction of f is a top-hat, to 0.995",
                found["model"],
                f"cosine with one of {found['radius']:.2f} Mpc/h (the smallest halo's radius is "
                f"{found['smallest_halo_radius']:.2f}), G2 left out",
                Measured(found["cosine_of_linear_part"], np.nan), by_range(low, high, TOP_HAT),
                "the verdict is for all seeds",
            )  # fmt: skip


def claims_of_bins(models: Models) -> Iterator[dict]:
    """What paper I says of f in bins at R = 2 Mpc/h, in the notebooks' output of its authors."""
    name = "bins-lap-R2"
    if name in models:
        found = power_ratio(models[name], BAND, "cross")
        answer = verdict(abs(found.value - 1), found.interval, 0.005)
        claim = "paper I: f(δ, ∇²δ) in bins gives the cross power to 0.5 %"
        yield row(claim, name, "P_cross / P_halo", found, answer)
        for k, claimed in CROSS_AT.items():
            found = power_ratio(models[name], around(k), "cross")
            if np.isfinite(found.value):
                answer = verdict(abs(found.value - claimed), found.interval, NEAR)
                claim = f"paper I: at k = {k:g} it is off by {100 * (claimed - 1):+.1f} %"
                yield row(claim, name, "P_cross / P_halo", found, answer)
    if "bins-R2" in models:
        found = power_ratio(models["bins-R2"], BAND)
        answer = verdict(abs(found.value - 1.1), found.interval, TOLERANCE)
        claim = "paper I: f(δ) in bins gives 10 % too much power"
        yield row(claim, "bins-R2", "P_model / P_halo", found, answer)


def best_yardstick(models: Models, network: str) -> str | None:
    """The model without a network that errs least, on the boxes of a network; None without one."""
    errors = {
        name: error_over(yardstick, models[network], YARDSTICK_BAND).value
        for name, yardstick in models.items()
        if not is_network(name) and name not in ("matter", "labels")
    }
    return min(errors, key=lambda name: errors[name], default=None)


def claims_of_yardsticks(models: Models) -> Iterator[dict]:
    """Whether networks of three scales err less than the best model without a network."""
    for network in scale_sets_among(models):
        best = best_yardstick(models, network) if scale_count(network) == 3 else None
        if best:
            found = with_seeds(models, network, error_over, models[best], band=YARDSTICK_BAND)
            answer = verdict(found.value - 1, found.interval, 0)
            quantity = f"P_error over that of {best}, k < {YARDSTICK_BAND[1]:g}"
            claim = "ours: a network of three scales errs less than every yardstick"
            yield row(claim, network, quantity, found, answer)


def in_braces(paths: Sequence[str | Path]) -> str:
    """Paths that differ in one place, written so that a shell expands them: ``on_{a,b}/c.nc``."""
    paths = [str(path) for path in paths]
    if len(paths) == 1:
        return paths[0]
    start = os.path.commonprefix(paths)
    rest = [path[len(start) :] for path in paths]
    end = os.path.commonprefix([part[::-1] for part in rest])[::-1]
    middle = [part[: len(part) - len(end)] for part in rest]
    return f"{start}{{{','.join(middle)}}}{end}"


def in_numbers(found: Measured) -> str:
    """A number with its interval, where it has one."""
    interval = found.interval if np.isfinite(found.of_seeds) or found.of_boxes > 0 else np.nan
    return f"{found.value:.3f}" + ("" if np.isnan(interval) else f" ± {interval:.3f}")


def in_words(found: Mapping) -> str:
    """A number of the table with its name and interval."""
    if np.isnan(found["measured"]):
        return f"{found['quantity']}: not measured"
    interval = "" if np.isnan(found["interval"]) else f" ± {found['interval']:.3f}"
    return f"{found['quantity']}: {found['measured']:.3f}{interval}"


def write_claims(
    evaluation: Source,
    pca: Mapping[str, str | Path],
    losses: Mapping[str, Sequence[str | Path]],
    angles: str | Path,
    filters: str | Path,
    output: str | Path,
    verdicts: str | Path,
    *,
    trained_on: int,
    planted: str | Path | None = None,
) -> None:
    """Write one line a claim and model: what was measured, its interval and a verdict.

    Parameters
    ----------
    evaluation : path or paths
        As ``evaluation.read_evaluation`` takes them.
    pca : mapping
        Scale set to its gradient PCA.
    losses : mapping
        Network to its losses, a file a seed.
    angles, filters : paths of tables
        Of ``angles.write_angles`` and ``directions.write_filters``.
    output : path of a CSV file
        Columns ``claim``, ``model``, ``quantity`` (at k < 0.1 h/Mpc where no other is named),
        ``measured``, ``interval`` (half of that of 95 % confidence) and its parts ``of_boxes``,
        ``of_seeds`` and ``of_training`` (``lagbias.tables.intervals``), ``verdict`` (``holds``,
        ``fails`` or ``not decidable here``, for the whole interval), the ``reason`` of a verdict
        that rests on more than the number, and the ``file`` that the number is of, or the files as
        a shell knows them, ``on_{a,b}/spectra.nc``.
    verdicts : path of a CSV file
        The same for a page: ``claim``, ``model``, ``found`` in words, ``verdict``, ``reason``.
    trained_on : int
        Training boxes of the set.
    planted : path of the table of ``planted.write_comparison``, or None
        What training returns of a known f.
    """
    models = models_in(read_evaluation(evaluation), trained_on)
    spectra = {name: model.files for name, model in models.items()}
    of_directions = {name: read_netcdf(path) for name, path in pca.items()}
    truth = pd.read_csv(planted, index_col="quantity") if planted else None
    of_pca = {name: [path] for name, path in pca.items()}
    rows = [
        found | {"file": in_braces(files[found["model"]])}
        for claims, files in (
            (claims_of_scales(models), spectra),
            (claims_of_more_scales(models, losses), spectra),
            (claims_of_shares(of_directions, models, truth), of_pca),
            (claims_of_retraining(models), spectra),
            (claims_of_planes(pd.read_csv(angles)), dict.fromkeys(pca, [angles])),
            (claims_of_first_directions(pd.read_csv(filters)), dict.fromkeys(pca, [filters])),
            (claims_of_bins(models), spectra),
            (claims_of_yardsticks(models), spectra),
        )
        for found in claims
    ]
    table = pd.DataFrame(rows or [{"claim": NO_CLAIM}], columns=COLUMNS)
    words = [in_words(found) if rows else "" for found in table.to_dict("records")]
    with written_whole(output) as partial:
        table.to_csv(partial, index=False, float_format="%.4g")
    with written_whole(verdicts) as partial:
        table.assign(found=words)[VERDICT_COLUMNS].to_csv(partial, index=False)
