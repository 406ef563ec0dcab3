"""Names of figures, tables and what they are drawn from, for every set, halo cut and test box."""

FIGURES = [
    "slices",
    "response",
    "spectra_by_scales",
    "yardsticks",
    "losses",
    "gradient_spectra",
    "directions",
    *(f"full_against_pc{K}" for K in config["directions"]),
]
CASE_LABELS = {"trained on": "{set}", "halos": "{tracer}", "box": "{sim}"}


def cases(pattern, **names):
    """A pattern for every training set, halo cut and test box of that set."""
    return [
        path
        for name, boxes in SETS.items()
        for path in expand(
            pattern, set=name, tracer=config["tracers"], sim=boxes["test"], **names
        )
    ]


def figures():
    return cases(
        "results/figures/{set}_{tracer}_on_{sim}_{figure}.{suffix}",
        figure=FIGURES,
        suffix=["pdf", "png"],
    )


def tables():
    return cases(
        "results/tables/{set}_{tracer}_on_{sim}_{table}.csv",
        table=["claims", "summary", "directions"],
    )


def captions():
    """Texts of the report."""
    folder = Path(workflow.basedir) / "workflow/report"
    return sorted(
        str(file.relative_to(workflow.basedir)) for file in folder.glob("*.rst")
    )


def lagrangian_yardsticks():
    """Yardsticks that give every Lagrangian point an f: those with scales in their names."""
    return [name for name in config["yardsticks"] if parse_yardstick(name)[1]]


def all_models():
    """Every model of the summary: matter and the yardsticks, then the networks."""
    return list(dict.fromkeys(["matter", *config["yardsticks"], *networks()]))


def networks():
    """Every network of the summary: the scale sets, those on few directions, the variants."""
    return [
        *config["scale_sets"],
        *projected_models(),
        *config.get("variant_models", []),
    ]


def projected_models():
    return [f"{s}-pc{K}" for K in config["directions"] for s in config["scale_sets"]]


def spectra_of(models):
    return expand(
        "results/fits/{set}/{tracer}/{model}/on_{sim}/spectra.nc",
        model=models,
        allow_missing=True,
    )


def losses_of(models):
    return expand(
        "results/fits/{set}/{tracer}/{model}/seed{seed}/losses.csv",
        model=models,
        seed=config["seeds"],
        allow_missing=True,
    )


def figure_files(name):
    return expand(
        f"results/figures/{{set}}_{{tracer}}_on_{{sim}}_{name}.{{suffix}}",
        suffix=["pdf", "png"],
        allow_missing=True,
    )


def figure_in_report(name, category):
    """The PNG of a figure, with its caption and its place in the report; the PDF beside it."""
    pdf, png = figure_files(name)
    caption = f"../report/{name.replace('{K}', '')}.rst"
    labels = {"figure": name.replace("_", " ")} | CASE_LABELS
    return [pdf, report(png, caption=caption, category=category, labels=labels)]
