"""Figures, tables and the report, for every training set, halo cut and test box."""

FIGURES = [
    "slices",
    "response",
    "spectra_by_scales",
    "losses",
    "gradient_spectra",
    "directions",
    *(f"full_against_pc{K}" for K in config["directions"]),
]
CASE = "{set}_N{nmin}_on_{sim}"
CASE_LABELS = {"trained on": "{set}", "halos": "N > {nmin}", "box": "{sim}"}
FIT = "results/fits/{set}/N{nmin}"


def cases(pattern, **names):
    """A pattern for every training set, halo cut and test box of that set."""
    return [
        path
        for name, boxes in SETS.items()
        for path in expand(
            pattern, set=name, nmin=config["halo_cuts"], sim=boxes["test"], **names
        )
    ]


def figures():
    return cases(
        "results/figures/" + CASE + "_{figure}.{suffix}",
        figure=FIGURES,
        suffix=["pdf", "png"],
    )


def tables():
    return cases(
        "results/tables/" + CASE + "_{table}.csv", table=["summary", "directions"]
    )


def projected_models():
    return [f"{s}-pc{K}" for K in config["directions"] for s in config["scale_sets"]]


def spectra_of(models):
    return expand(
        FIT + "/{model}/on_{sim}/spectra.nc", model=models, allow_missing=True
    )


def losses_of(models):
    return expand(
        FIT + "/{model}/seed{seed}/losses.csv",
        model=models,
        seed=config["seeds"],
        allow_missing=True,
    )


def figure_files(name):
    return expand(
        "results/figures/" + CASE + "_" + name + ".{suffix}",
        suffix=["pdf", "png"],
        allow_missing=True,
    )


def figure_in_report(name, category):
    """The PNG of a figure, with its caption and its place in the report; the PDF beside it."""
    pdf, png = figure_files(name)
    caption = f"../report/{name.replace('{K}', '')}.rst"
    labels = {"figure": name.replace("_", " ")} | CASE_LABELS
    return [pdf, report(png, caption=caption, category=category, labels=labels)]


rule plot_slices:
    input:
        prediction=FIT + f"/{config['showcase']}/on_{{sim}}/prediction.zarr",
        halos="results/{sim}/halos/N{nmin}.zarr",
        code=library("plots"),
    output:
        figure_in_report("slices", "1. Fields"),
    log:
        "logs/figures/" + CASE + "_slices.log",
    benchmark:
        "logs/figures/" + CASE + "_slices.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    message:
        "Figure: slices of {wildcards.sim}"
    script:
        "../scripts/plot_slices.py"


rule plot_response:
    input:
        response=FIT + f"/{config['showcase']}/on_{{sim}}/response.nc",
        code=library("plots"),
    output:
        figure_in_report("response", "2. The halo-to-mass ratio"),
    log:
        "logs/figures/" + CASE + "_response.log",
    benchmark:
        "logs/figures/" + CASE + "_response.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Figure: f against density and directions, {wildcards.set}"
    script:
        "../scripts/plot_response.py"


rule plot_spectra_by_scales:
    input:
        spectra=spectra_of(["linear", *config["scale_sets"]]),
        code=library("plots"),
    output:
        figure_in_report("spectra_by_scales", "3. Spectra"),
    log:
        "logs/figures/" + CASE + "_spectra_by_scales.log",
    benchmark:
        "logs/figures/" + CASE + "_spectra_by_scales.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=["linear", *config["scale_sets"]],
    message:
        "Figure: spectra by smoothing scales on {wildcards.sim}"
    script:
        "../scripts/plot_spectra_by_scales.py"


rule plot_full_against_projected:
    input:
        full=spectra_of(config["scale_sets"]),
        projected=spectra_of([f"{s}-pc{{K}}" for s in config["scale_sets"]]),
        code=library("plots"),
    output:
        figure_in_report("full_against_pc{K}", "3. Spectra"),
    log:
        "logs/figures/" + CASE + "_full_against_pc{K}.log",
    benchmark:
        "logs/figures/" + CASE + "_full_against_pc{K}.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        full=config["scale_sets"],
        projected=lambda wildcards: [
            f"{s}-pc{wildcards.K}" for s in config["scale_sets"]
        ],
    message:
        "Figure: all inputs against {wildcards.K} directions on {wildcards.sim}"
    script:
        "../scripts/plot_full_against_projected.py"


rule plot_losses:
    input:
        losses=losses_of(config["scale_sets"]),
        code=library("plots"),
    output:
        figure_in_report("losses", "4. Training"),
    log:
        "logs/figures/" + CASE + "_losses.log",
    benchmark:
        "logs/figures/" + CASE + "_losses.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=config["scale_sets"],
    message:
        "Figure: losses of the ablations, {wildcards.set}"
    script:
        "../scripts/plot_losses.py"


rule plot_gradient_spectra:
    input:
        pca=expand(
            FIT + "/{model}/gradient_pca.nc",
            model=config["scale_sets"],
            allow_missing=True,
        ),
        code=library("plots"),
    output:
        figure_in_report("gradient_spectra", "5. Directions"),
    log:
        "logs/figures/" + CASE + "_gradient_spectra.log",
    benchmark:
        "logs/figures/" + CASE + "_gradient_spectra.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=config["scale_sets"],
    message:
        "Figure: gradient PCA of {wildcards.set}"
    script:
        "../scripts/plot_gradient_spectra.py"


rule plot_directions:
    input:
        projection=FIT + f"/{config['showcase']}/projection.nc",
        gradient_pca=FIT + f"/{config['showcase']}/gradient_pca.nc",
        halos="results/{sim}/halos/N{nmin}.zarr",
        code=library("plots"),
    output:
        figure_in_report("directions", "5. Directions"),
    log:
        "logs/figures/" + CASE + "_directions.log",
    benchmark:
        "logs/figures/" + CASE + "_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Figure: the two directions of {wildcards.set}"
    script:
        "../scripts/plot_directions.py"


rule tabulate_summary:
    input:
        spectra=spectra_of([*YARDSTICKS, *config["scale_sets"], *projected_models()]),
        losses=losses_of([*config["scale_sets"], *projected_models()]),
        code=library("tables"),
    output:
        report(
            "results/tables/" + CASE + "_summary.csv",
            caption="../report/summary.rst",
            category="0. Summary",
            labels={"table": "all models"} | CASE_LABELS,
        ),
    log:
        "logs/tables/" + CASE + "_summary.log",
    benchmark:
        "logs/tables/" + CASE + "_summary.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=[*YARDSTICKS, *config["scale_sets"], *projected_models()],
        networks=[*config["scale_sets"], *projected_models()],
    message:
        "Table: all models on {wildcards.sim}"
    script:
        "../scripts/tabulate_summary.py"


rule tabulate_directions:
    input:
        pca=expand(
            FIT + "/{model}/gradient_pca.nc",
            model=config["scale_sets"],
            allow_missing=True,
        ),
        code=library("tables"),
    output:
        report(
            "results/tables/" + CASE + "_directions.csv",
            caption="../report/directions_table.rst",
            category="5. Directions",
            labels={"table": "gradient power"} | CASE_LABELS,
        ),
    log:
        "logs/tables/" + CASE + "_directions.log",
    benchmark:
        "logs/tables/" + CASE + "_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        models=config["scale_sets"],
    message:
        "Table: gradient power by direction, {wildcards.set}"
    script:
        "../scripts/tabulate_directions.py"


localrules:
    make_report,


rule make_report:
    input:
        figures(),
        tables(),
        captions=Path(workflow.basedir) / "workflow/report/workflow.rst",
    output:
        "results/report.html",
    log:
        "logs/make_report.log",
    benchmark:
        "logs/make_report.tsv"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=config,
        snakefile=str(Path(workflow.basedir) / "Snakefile"),
        targets=[*figures(), *tables()],
    message:
        "Report: one self-contained HTML file"
    script:
        "../scripts/make_report.py"
