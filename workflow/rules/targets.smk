"""Names of figures, tables and what they are drawn from, for every set, tracer and test box."""

FIGURES = [
    "slices",
    "spectra_by_scales",
    "yardsticks",
    "statistics",
    *(f"full_against_pc{K}" for K in config["directions"]),
]
SET_FIGURES = ["comparison", "explanation", "losses", "gradient_spectra", "directions"]
ALL_TRACERS = list(dict.fromkeys([*config["tracers"], *config.get("more_tracers", [])]))
TRANSFERS = config.get("transfers", {"boxes": [], "tracers": []})
TRANSFER_TABLES = ["transfer"] if "transfers" in config else []
PLANTED_TABLES = ["planted"] if config.get("planted", False) else []
SET_LABELS = {"trained on": "{set}", "halos": "{tracer}"}
CASE_LABELS = SET_LABELS | {"box": "{sim}"}


def set_cases(pattern, **names):
    """A pattern for every training set and tracer."""
    return expand(pattern, set=SETS, tracer=config["tracers"], **names)


def cases(pattern, boxes, **names):
    """A pattern for every training set, tracer and some of the test boxes of that set."""
    names = {"tracer": config["tracers"]} | names
    return [
        path
        for name, parts in SETS.items()
        for path in expand(pattern, set=name, sim=parts["test"][boxes], **names)
    ]


def set_figures():
    """Those of all test boxes or of none; one number of directions makes no comparison."""
    several = len(showcase_directions()) > 1
    return SET_FIGURES + ["by_directions"] * several


def calibrated_tracers():
    """Tracers whose f has a meaning as a probability: that of a particle to be in a halo."""
    return [
        name for name in config["tracers"] if parse_tracer(name).weighting == "mass"
    ]


def figures():
    """Those of a training set and all its test boxes, and those that show the first of them."""
    suffixes = ["pdf", "png"]
    return [
        *set_cases(
            "results/figures/{set}_{tracer}_{figure}.{suffix}",
            figure=set_figures(),
            suffix=suffixes,
        ),
        *cases(
            "results/figures/{set}_{tracer}_on_{sim}_{figure}.{suffix}",
            slice(1),
            figure=FIGURES,
            suffix=suffixes,
        ),
        *cases(
            "results/figures/{set}_{tracer}_on_{sim}_calibration.{suffix}",
            slice(1),
            tracer=calibrated_tracers(),
            suffix=suffixes,
        ),
    ]


def tables():
    more_tracers = len(ALL_TRACERS) > 1
    return [
        *set_cases(
            "results/tables/{set}_{tracer}_{table}.csv",
            table=[
                "claims",
                "comparison",
                "differences",
                "directions",
                "angles",
                "filters",
                "biases",
                "statistics",
                *TRANSFER_TABLES,
                *PLANTED_TABLES,
            ],
        ),
        *(expand("results/tables/{set}_tracers.csv", set=SETS) if more_tracers else []),
        *cases("results/tables/{set}_{tracer}_on_{sim}_summary.csv", slice(None)),
    ]


def planted_table(wildcards):
    """What training returns of a known f, where the config asks for it."""
    return expand(
        "results/tables/{set}_{tracer}_{table}.csv", table=PLANTED_TABLES, **wildcards
    )


def planted_fit(file):
    """A file of the showcase, trained on halos of a known f."""
    showcase = config["showcase"]
    return f"results/fits/{{set}}/{{tracer}}-planted/{showcase}/{file}"


def planted_predictions(wildcards):
    return expand(
        planted_fit("on_{sim}/prediction.zarr"),
        sim=SETS[wildcards.set]["test"],
        **wildcards,
    )


def planting_features_of(part):
    """Features of the boxes of a part of a set, at the scale at which f is planted."""
    return lambda wildcards: [
        f"results/{box}/features/R{planting_scale():g}.zarr"
        for box in SETS[wildcards.set][part]
    ]


def planted_peak(wildcards):
    boxes = [*sizes_of(wildcards), *sizes_of(wildcards, "test")]
    return max(peak_mb.plant_halos(box) for box in boxes)


def transfer_models():
    """Models that are transferred: the showcase and, beside it, a polynomial."""
    return [config["showcase"], *polynomial()]


def transfers_of(wildcards):
    """Spectra of the transfers of a set's models, in the order of the table, and what each is.

    First a model on the first test box and its own tracer, then on other boxes, then against other
    tracers, each beside what a model of that tracer has, where there is one.
    """
    name, tracer = wildcards.set, wildcards.tracer
    first = SETS[name]["test"][0]
    others = [other for other in TRANSFERS["tracers"] if other != tracer]
    places = [
        *((tracer, sim, tracer) for sim in dict.fromkeys([first, *TRANSFERS["boxes"]])),
        *(
            (fitted, first, other)
            for other in others
            for fitted in (tracer, other)
            if fitted == tracer or other in ALL_TRACERS
        ),
    ]
    return {
        f"results/fits/{name}/{fitted}/{model}/on_{sim}/"
        + ("spectra.nc" if fitted == halos else f"transfer_to_{halos}.nc"): {
            "model": model,
            "fitted_to": fitted,
            "box": sim,
            "redshift": redshift_of(sim),
            "cosmology": cosmology_of(sim),
            "against": halos,
        }
        for model in transfer_models()
        for fitted, sim, halos in places
    }


def transfer_halos(wildcards):
    """Halos in the box of each transfer, of the tracer that its model was fitted to."""
    cases = transfers_of(wildcards).values()
    return [f"results/{case['box']}/halos/{case['fitted_to']}.zarr" for case in cases]


def transfer_training_halos(wildcards):
    fitted = {case["fitted_to"] for case in transfers_of(wildcards).values()}
    boxes = SETS[wildcards.set]["train"]
    return expand("results/{box}/halos/{tracer}.zarr", box=boxes, tracer=sorted(fitted))


def captions():
    """Texts of the report."""
    return sorted(map(of_repository, (ROOT / "workflow/report").glob("*.rst")))


def lagrangian_yardsticks():
    """Yardsticks that give every Lagrangian point an f: those with scales in their names."""
    return [name for name in config["yardsticks"] if parse_yardstick(name)[1]]


def polynomials():
    """Those of them that are bias expansions."""
    return [name for name in lagrangian_yardsticks() if name.startswith("poly-")]


def polynomial():
    """The one at the scales of the showcase, or the first; none where there is none."""
    found = polynomials()
    beside = f"poly-{config['showcase']}"
    return [beside] if beside in found else found[:1]


def bias_files():
    """What tells biases: the showcase explained, the polynomials, the linear bias."""
    folder = "results/fits/{set}/{tracer}"
    linear = [f"{folder}/linear/bias.nc"] if "linear" in config["yardsticks"] else []
    return {
        "explanation": f"{folder}/{config['showcase']}/explain.nc",
        "coefficients": [f"{folder}/{name}/coefficients.nc" for name in polynomials()],
        "linear": linear,
    }


def all_models():
    """Every model of the summary: matter and the yardsticks, then the networks."""
    return list(dict.fromkeys(["matter", *config["yardsticks"], *networks()]))


def networks():
    """Every network of the tables: the scale sets, those on few directions, and more."""
    more = config.get("more_networks", [])
    return list(dict.fromkeys([*config["scale_sets"], *projected_models(), *more]))


def projected_models():
    return [f"{s}-pc{K}" for K in config["directions"] for s in config["scale_sets"]]


def showcase_directions():
    """The showcase on 1, 2, ... directions."""
    found = {parse_network(name).directions: name for name in networks_of_showcase()}
    return [found[K] for K in sorted(found.keys() - {None})]


def networks_of_showcase():
    """The showcase on its own inputs, or on directions of these."""
    return [n for n in networks() if parse_network(n).base == config["showcase"]]


def models_by_directions():
    """The showcase on 1, 2, ... directions and on all inputs, and what stands for it by hand."""
    by_hand = [
        name
        for name in networks()
        if parse_network(name).base == name
        and parse_network(name).variant in BY_HAND
        and parse_network(name).scale_set == config["showcase"]
    ]
    return [*showcase_directions(), config["showcase"], *by_hand]


def of_fits(file):
    """A file of the networks at every scale set of the config."""
    return expand(
        f"results/fits/{{set}}/{{tracer}}/{{model}}/{file}",
        model=config["scale_sets"],
        allow_missing=True,
    )


def of_compared_fits(file):
    """The same of a case, and of those with other halos or another training set.

    Of tracers that are not fitted at every scale set, the showcase's.
    """

    def files(wildcards):
        own = wildcards.set, wildcards.tracer
        of_other_halos = [(own[0], tracer) for tracer in ALL_TRACERS]
        of_other_sets = [(name, own[1]) for name in SETS]
        return [
            f"results/fits/{name}/{tracer}/{model}/{file}"
            for name, tracer in dict.fromkeys([own, *of_other_halos, *of_other_sets])
            for model in config["scale_sets"]
            if tracer in [wildcards.tracer, *config["tracers"]]
            or model == config["showcase"]
        ]

    return files


def models_of_statistics():
    """Models whose statistics beyond the power are made: the showcase and some yardsticks."""
    some = ["linear", *polynomial(), "labels"]
    return [
        config["showcase"],
        *(name for name in some if name in config["yardsticks"]),
    ]


def calibrated_models():
    """The showcase, and networks of the same scales that learn which particles end in halos."""
    of_labels = [
        name
        for name in networks()
        if parse_network(name).scale_set == config["showcase"]
        and trains_on_labels(name)
    ]
    return [config["showcase"], *of_labels]


def models_in_redshift_space():
    """Those of them that particles carry wherever they go: linear bias is of a field."""
    return [model for model in models_of_statistics() if model != "linear"]


def evaluated(file, models):
    """A file of the evaluation of each of some models on one box."""
    return expand(
        f"results/fits/{{set}}/{{tracer}}/{{model}}/on_{{sim}}/{file}",
        model=models,
        allow_missing=True,
    )


def spectra_of(models):
    return evaluated("spectra.nc", models)


def on_test_boxes(file, models):
    """A file of the evaluation of some models on every test box of a set, model after model."""
    return lambda wildcards: expand(
        f"results/fits/{{set}}/{{tracer}}/{{model}}/on_{{sim}}/{file}",
        set=wildcards.set,
        tracer=wildcards.tracer,
        model=models,
        sim=SETS[wildcards.set]["test"],
    )


def showcase_networks():
    """The showcase on its own inputs, and on as many directions as all scale sets are."""
    showcase = config["showcase"]
    return [showcase, *(f"{showcase}-pc{K}" for K in config["directions"])]


def spectra_of_tracers(wildcards):
    """Spectra of a few models of every tracer, on every test box."""
    linear = ["linear"] if "linear" in config["yardsticks"] else []
    return expand(
        "results/fits/{set}/{tracer}/{model}/on_{sim}/spectra.nc",
        set=wildcards.set,
        tracer=ALL_TRACERS,
        model=[*linear, *polynomial(), *showcase_networks()],
        sim=SETS[wildcards.set]["test"],
    )


def losses_of_tracers(wildcards):
    return expand(
        "results/fits/{set}/{tracer}/{model}/seed{seed}/losses.csv",
        set=wildcards.set,
        tracer=ALL_TRACERS,
        model=showcase_networks(),
        seed=config["seeds"],
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


def set_figure_in_report(name, category):
    """As ``figure_in_report``, of a figure of all test boxes or of none."""
    file = f"results/figures/{{set}}_{{tracer}}_{name}"
    labels = {"figure": name.replace("_", " ")} | SET_LABELS
    caption = f"../report/{name}.rst"
    png = report(f"{file}.png", caption=caption, category=category, labels=labels)
    return [f"{file}.pdf", png]


def table_in_report(name, title, category="0. Summary", caption=None):
    """A table of all test boxes or of none, with its caption and its place in the report."""
    return report(
        f"results/tables/{{set}}_{{tracer}}_{name}.csv",
        caption=f"../report/{caption or name}.rst",
        category=category,
        labels={"table": title} | SET_LABELS,
    )
