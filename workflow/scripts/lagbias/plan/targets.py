"""What a run makes: figures and tables, and where each stands in the report.

A figure or table is one line of a registry here, one rule, one function that draws or writes it
and one caption, ``workflow/report/NAME.rst``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lagbias.plan.study import Study, unique

SUMMARY = "0. Summary"
FIELDS = "1. Fields"
RATIO = "2. The halo-to-mass ratio"
SPECTRA = "3. Spectra"
TRAINING = "4. Training"
DIRECTIONS = "5. Directions"
TRANSFER = "6. Transfer"

SUFFIXES = ("pdf", "png")
CAPTIONS = "../report"  # from the rule files
TRACER_LABELS = {"trained on": "{set}"}
SET_LABELS = TRACER_LABELS | {"halos": "{tracer}"}
BOX_LABELS = {"box": "{sim}"}


@dataclass(frozen=True)
class Shown:
    """A figure or table: where it stands in the report, and when it is made.

    Parameters
    ----------
    category : str
        Heading of the report.
    title : str
        What the report calls it; nothing is its name.
    caption : str
        Name of its caption, if not its own.
    made : function of a Study
        Does this config have it?
    """

    category: str
    title: str = ""
    caption: str = ""
    made: Callable[[Study], bool] = lambda study: True


# Of one box, the first to test on: results/figures/{set}_{tracer}_on_{sim}_NAME
BOX_FIGURES = {
    "slices": Shown(FIELDS),
    "spectra_by_scales": Shown(SPECTRA),
    "yardsticks": Shown(SPECTRA),
    "statistics": Shown(SPECTRA),
    "full_against_pc{K}": Shown(SPECTRA, caption="full_against_pc"),
    "calibration": Shown(RATIO),
}
# Of all test boxes or of none: results/figures/{set}_{tracer}_NAME
SET_FIGURES = {
    "comparison": Shown(SUMMARY),
    "explanation": Shown(RATIO),
    "losses": Shown(TRAINING),
    "gradient_spectra": Shown(DIRECTIONS),
    "directions": Shown(DIRECTIONS),
    # One number of directions makes no comparison.
    "by_directions": Shown(DIRECTIONS, made=lambda study: len(study.showcase_directions()) > 1),
}
# results/tables/{set}_{tracer}_NAME.csv
SET_TABLES = {
    "headline": Shown(SUMMARY, "three numbers"),
    "claims": Shown(SUMMARY, "the papers' claims"),
    "comparison": Shown(SUMMARY, "all models, all test boxes"),
    "differences": Shown(SUMMARY, "all models less the showcase"),
    "directions": Shown(DIRECTIONS, "gradient power", "directions_table"),
    "angles": Shown(DIRECTIONS, "principal angles"),
    "filters": Shown(DIRECTIONS, "the first direction as a filter"),
    "biases": Shown(RATIO, "biases to a long wave"),
    "statistics": Shown(SPECTRA, "beyond the power", "statistics_table"),
    "transfer": Shown(
        TRANSFER,
        "other boxes and tracers",
        made=lambda study: any(study.config["transfers"].values()),
    ),
    "planted": Shown(
        SUMMARY,
        "what training returns of a known f",
        made=lambda study: study.config["planted"],
    ),
}
# results/tables/{set}_{tracer}_on_{sim}_NAME.csv
BOX_TABLES = {"summary": Shown(SUMMARY, "all models")}
# results/tables/{set}_NAME.csv
TRACER_TABLES = {
    "tracers": Shown(
        TRANSFER, "models of other tracers", made=lambda study: len(study.all_tracers()) > 1
    )
}


def made(registry: dict[str, Shown], study: Study) -> list[str]:
    """Names of a registry that a study has; ``{K}`` stands for numbers of directions."""
    names = [name for name, shown in registry.items() if shown.made(study)]
    counts = study.directions
    return [
        name.format(K=count) for name in names for count in (counts if "{K}" in name else [None])
    ]


def figures(study: Study) -> list[str]:
    """Every figure of a run, as PDF and PNG."""
    return [
        f"{path}.{suffix}" for path in (*_set_figures(study), *_box_figures(study))
        for suffix in SUFFIXES
    ]  # fmt: skip


def _set_figures(study: Study) -> list[str]:
    return [
        f"results/figures/{name}_{tracer}_{figure}"
        for name in study.sets
        for tracer in study.tracers
        for figure in made(SET_FIGURES, study)
    ]


def _box_figures(study: Study) -> list[str]:
    return [
        f"results/figures/{name}_{tracer}_on_{boxes['test'][0]}_{figure}"
        for name, boxes in study.sets.items()
        for tracer in study.tracers
        for figure in made(BOX_FIGURES, study)
        if figure != "calibration" or _calibrated(study, tracer, boxes)
    ]


def _calibrated(study: Study, tracer: str, boxes: dict[str, list[str]]) -> bool:
    """Is it known which particles end in halos, in all boxes, and is f a probability of that?"""
    labelled = [*boxes["train"], boxes["test"][0]]
    return tracer in study.calibrated_tracers() and not study.lacks("members", labelled)


def tables(study: Study) -> list[str]:
    """Every table of a run that the report shows."""
    cases = [(name, tracer) for name in study.sets for tracer in study.tracers]
    return [
        *(
            f"results/tables/{name}_{tracer}_{table}.csv"
            for name, tracer in cases
            for table in made(SET_TABLES, study)
        ),
        *(
            f"results/tables/{name}_{table}.csv"
            for name in study.sets
            for table in made(TRACER_TABLES, study)
        ),
        *(
            f"results/tables/{name}_{tracer}_on_{sim}_{table}.csv"
            for name, tracer in cases
            for sim in study.sets[name]["test"]
            for table in made(BOX_TABLES, study)
        ),
    ]


def models(study: Study) -> list[str]:
    """The showcase as files to give away, on all its inputs and on directions, and their cards."""
    return [
        f"results/models/{name}_{tracer}_{network}.{suffix}"
        for name in study.sets
        for tracer in study.tracers
        for network in unique([study.showcase, *study.showcase_directions()])
        for suffix in ("safetensors", "md")
    ]


def verdicts(study: Study) -> list[str]:
    """The claims in short, one table a set and tracer."""
    return [
        f"results/tables/{name}_{tracer}_verdicts.csv"
        for name in study.sets
        for tracer in study.tracers
    ]


def planted_table(study: Study) -> list[str]:
    """What training returns of a known f, where the config asks for it; wildcards are open."""
    table = "results/tables/{set}_{tracer}_planted.csv"
    return [table] if SET_TABLES["planted"].made(study) else []


def figure_place(name: str) -> dict:
    """Where a figure stands in the report, as Snakemake's ``report`` takes it."""
    of_box = name in BOX_FIGURES
    shown = BOX_FIGURES[name] if of_box else SET_FIGURES[name]
    labels = {"figure": shown.title or name.replace("_", " "), **SET_LABELS}
    return _place(name, shown, labels | (BOX_LABELS if of_box else {}))


def table_place(name: str) -> dict:
    """Where a table stands in the report, as Snakemake's ``report`` takes it."""
    shown = (SET_TABLES | BOX_TABLES | TRACER_TABLES)[name]
    labels = {"table": shown.title, **(TRACER_LABELS if name in TRACER_TABLES else SET_LABELS)}
    return _place(name, shown, labels | (BOX_LABELS if name in BOX_TABLES else {}))


def _place(name: str, shown: Shown, labels: dict[str, str]) -> dict:
    caption = f"{CAPTIONS}/{shown.caption or name}.rst"
    return {"caption": caption, "category": shown.category, "labels": labels}
