"""The model card: what a model was trained on and how well it does, as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from lagbias.base.files import written_whole
from lagbias.model.accuracy import FEWEST_BOXES
from lagbias.simulations.sources import source_of

WEIGHTINGS = {"mass": "each by its mass", "number": "each counting one"}
GALAXIES = "each by its galaxies"
FEATURES = {"delta": "δ", "laplacian": "∇²δ", "g2": "tidal shear G2"}


def write_card(document: Mapping[str, Any], path) -> None:
    """Write the card of a model's document (``lagbias.model.file``)."""
    with written_whole(path) as partial:
        partial.write_text(card(document), encoding="utf-8")


def card(document: Mapping[str, Any]) -> str:
    """The card of a model's document, Markdown."""
    parts = [
        [f"# {document['name']}", ""],
        ["The halo-to-mass ratio f of Lagrangian patches, from the linear density around them."],
        ["", "## What it was trained on", "", *_trained_on(document["trained_on"])],
        ["", "## What it is", "", *_network(document)],
        ["", "## Accuracy on untouched boxes", "", *_accuracy(document)],
        ["", "## Inputs that the training saw", "", *_inputs(document["inputs"])],
        ["", "## How to use it", "", *_use(document)],
        ["", "## Made with", "", document["software"]],
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _trained_on(told: Mapping[str, Any]) -> list[str]:
    cut, mass = told["min_particles"], told["particle_mass"]
    weighting = WEIGHTINGS.get(told["weighting"], GALAXIES)
    cosmologies = ", ".join(of or "not known" for of in told["cosmologies"])
    rows = [
        ["training boxes", ", ".join(told["training_boxes"])],
        ["validation boxes", ", ".join(told["validation_boxes"])],
        ["test boxes (untouched)", ", ".join(told["test_boxes"])],
        ["source of the boxes", ", ".join(source_of(of).origin for of in told["sources"])],
        ["box side", f"{_each(told, 'box_size', 'g')} Mpc/h"],
        ["grid of the density", f"{_each(told, 'density_grid', 'd')}³ points"],
        ["cosmology (AbacusSummit's number)", cosmologies or "not known"],
        ["redshift", _each(told, "redshift", "g")],
        ["particle mass", f"{_each(told, 'particle_mass', '.4g')} Msun/h"],
        ["halos", f"more than {cut} particles (M > {cut * mass:.3g} Msun/h), {weighting}"],
        ["cells of the loss", f"{_each(told, 'cell_size', 'g')} Mpc/h"],
        ["training", ", ".join(f"{key}: {value}" for key, value in told["training"].items())],
    ]
    return _table(["", ""], rows)


def _each(told: Mapping[str, Any], key: str, digits: str) -> str:
    """A number of the training boxes; all that there are, where the boxes are unlike."""
    values = told.get("unlike", {}).get(key, [told[key]])
    return ", ".join(dict.fromkeys(format(value, digits) for value in values))


def _network(document: Mapping[str, Any]) -> list[str]:
    of = document["architecture"]
    scales = ", ".join(f"{scale:g}" for scale in sorted(set(document["scales"])))
    layers = f"{of['hidden_layers']} × {of['neurons']} neurons, {of['activation']}"
    if of.get("form") == "gaussian":
        layers = "none: log f is a polynomial, of second order in inputs without G2"
    rows = [
        ["smoothing scales", f"{scales} Mpc/h (Gaussian)"],
        ["features", _features(document)],
        ["inputs", f"{of['inputs']}, by the matrix `projection.matrix`"],
        ["networks", f"{len(document['seeds'])} seeds; f is their mean"],
        ["layers", layers],
    ]
    return _table(["", ""], rows)


def _features(document: Mapping[str, Any]) -> str:
    """How many features the inputs are made of, of which kinds, and at which scales."""
    kinds, scales = document["kinds"], document["scales"]
    used = document.get("used", [True] * len(kinds))
    scales_of: dict[str, list[float]] = {}
    for kind, scale, in_an_input in zip(kinds, scales, used, strict=True):
        if in_an_input:
            scales_of.setdefault(kind, []).append(scale)
    everywhere, parts = [], []
    for kind, own in scales_of.items():
        if len(own) == len(set(scales)):
            everywhere.append(FEATURES[kind])
        else:
            parts.append(f"{FEATURES[kind]} at {', '.join(f'{R:g}' for R in own)} Mpc/h")
    if everywhere:
        parts.insert(0, " and ".join(", ".join(everywhere).rsplit(", ", 1)) + " at each scale")
    return f"{sum(used)}: {'; '.join(parts)}"


def _accuracy(document: Mapping[str, Any]) -> Iterator[str]:
    boxes = document["trained_on"]["test_boxes"]
    yield f"Real space. f is averaged over seeds. Boxes: {', '.join(boxes)}."
    if len(boxes) < FEWEST_BOXES:
        yield "± is the standard error that Gaussian fields with so many modes have: too few boxes"
        yield "to see their scatter, which can be larger."
    else:
        yield "± is the standard error over boxes."
    yield "Brackets have the standard deviation of the seeds."
    yield ""
    rows = []
    for band in document["accuracy"]:
        seeds = band["power_ratio_seed_deviation"]
        ratio = f"{band['power_ratio']:.4f} ± {band['power_ratio_box_error']:.4f}"
        ratio += "" if seeds is None else f" ({seeds:.4f})"
        wavenumbers = f"{band['k_min']:g}–{band['k_max']:g}"
        rows.append([wavenumbers, ratio, f"{band['error_over_shot']:.4f}"])
    yield from _table(["k [h/Mpc]", "P_model/P_halo", "P_error/P_shot"], rows)


def _inputs(seen: Mapping[str, Any]) -> Iterator[str]:
    yield "Inputs have unit variance over the training grids. Points beyond the range are"
    yield "extrapolated: `ratio` warns and gives their share."
    yield ""
    quantiles = seen["quantiles"]
    columns = [seen["minimum"], *quantiles.values(), seen["maximum"]]
    rows = [
        [str(number + 1), *(f"{column[number]:.3g}" for column in columns)]
        for number in range(len(seen["minimum"]))
    ]
    yield from _table(["input", "least", *quantiles, "greatest"], rows)


def _use(document: Mapping[str, Any]) -> list[str]:
    told = document["trained_on"]
    return [
        "```python",
        "import lagbias",
        "",
        f'model = lagbias.load("{document["name"]}.safetensors")',
        f"# the linear overdensity at z = {told['redshift']:g}, (n, n, n)",
        "f = model.ratio(linear_density, box_size=500)",
        "```",
        "",
        "Do not use it for another redshift, mass cut or cosmology without a test on halos.",
    ]
