"""Figures, for every training set, tracer and first test box."""


rule plot_slices:
    input:
        prediction=f"results/fits/{{set}}/{{tracer}}/{study.showcase}/on_{{sim}}/prediction.zarr",
        halos="results/{sim}/halos/{tracer}.zarr",
    output:
        pdf="results/figures/{set}_{tracer}_on_{sim}_slices.pdf",
        png=report(
            "results/figures/{set}_{tracer}_on_{sim}_slices.png",
            **figure_place("slices"),
        ),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_slices.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_slices.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/figures.yaml"
    resources:
        **needs.of("plot_slices"),
    params:
        code=code_of("plot_slices"),
    message:
        "Figure: slices of {wildcards.sim}"
    script:
        "../scripts/plot_slices.py"


rule plot_spectra_by_scales:
    input:
        spectra=of_evaluations("spectra.nc", ["linear", *study.scale_sets]),
    output:
        pdf="results/figures/{set}_{tracer}_on_{sim}_spectra_by_scales.pdf",
        png=report(
            "results/figures/{set}_{tracer}_on_{sim}_spectra_by_scales.png",
            **figure_place("spectra_by_scales"),
        ),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_spectra_by_scales.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_spectra_by_scales.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_spectra_by_scales"),
    message:
        "Figure: spectra by smoothing scales on {wildcards.sim}"
    script:
        "../scripts/plot_spectra_by_scales.py"


rule plot_yardsticks:
    input:
        spectra=of_evaluations("spectra.nc", [study.showcase, *config["yardsticks"]]),
        coefficients=of_fits("coefficients.nc", study.lagrangian_yardsticks()),
    output:
        pdf="results/figures/{set}_{tracer}_on_{sim}_yardsticks.pdf",
        png=report(
            "results/figures/{set}_{tracer}_on_{sim}_yardsticks.png",
            **figure_place("yardsticks"),
        ),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_yardsticks.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_yardsticks.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_yardsticks"),
        own_yardsticks=config["own_yardsticks"],
    message:
        f"Figure: yardsticks beside {study.showcase} on {{wildcards.sim}}"
    script:
        "../scripts/plot_yardsticks.py"


rule plot_statistics:
    input:
        statistics=of_evaluations("statistics.nc", study.models_of_statistics()),
        redshift_space=of_evaluations(
            "redshift_space/spectra.nc", study.models_in_redshift_space()
        ),
    output:
        pdf="results/figures/{set}_{tracer}_on_{sim}_statistics.pdf",
        png=report(
            "results/figures/{set}_{tracer}_on_{sim}_statistics.png",
            **figure_place("statistics"),
        ),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_statistics.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_statistics.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_statistics"),
    message:
        f"Figure: statistics beyond the power of {study.showcase} on {{wildcards.sim}}"
    script:
        "../scripts/plot_statistics.py"


rule plot_calibration:
    input:
        calibration=of_evaluations("calibration.nc", study.calibrated_models()),
    output:
        pdf="results/figures/{set}_{tracer}_on_{sim}_calibration.pdf",
        png=report(
            "results/figures/{set}_{tracer}_on_{sim}_calibration.png",
            **figure_place("calibration"),
        ),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_calibration.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_calibration.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_calibration"),
    message:
        "Figure: f as a probability on {wildcards.sim}"
    script:
        "../scripts/plot_calibration.py"


rule plot_full_against_projected:
    input:
        full=of_evaluations("spectra.nc", study.scale_sets),
        projected=of_evaluations(
            "spectra.nc", [f"{s}-pc{{K}}" for s in study.scale_sets]
        ),
    output:
        pdf="results/figures/{set}_{tracer}_on_{sim}_full_against_pc{K}.pdf",
        png=report(
            "results/figures/{set}_{tracer}_on_{sim}_full_against_pc{K}.png",
            **figure_place("full_against_pc{K}"),
        ),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_full_against_pc{K}.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_full_against_pc{K}.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_full_against_projected"),
    message:
        "Figure: all inputs against {wildcards.K} directions on {wildcards.sim}"
    script:
        "../scripts/plot_full_against_projected.py"


rule plot_losses:
    input:
        losses=of_losses(study, study.scale_sets),
    output:
        pdf="results/figures/{set}_{tracer}_losses.pdf",
        png=report(
            "results/figures/{set}_{tracer}_losses.png", **figure_place("losses")
        ),
    log:
        "logs/figures/{set}_{tracer}_losses.log",
    benchmark:
        "logs/figures/{set}_{tracer}_losses.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_losses"),
    message:
        "Figure: losses of the ablations, {wildcards.set}"
    script:
        "../scripts/plot_losses.py"


rule plot_gradient_spectra:
    input:
        pca=of_fits("gradient_pca.nc", study.scale_sets),
    output:
        pdf="results/figures/{set}_{tracer}_gradient_spectra.pdf",
        png=report(
            "results/figures/{set}_{tracer}_gradient_spectra.png",
            **figure_place("gradient_spectra"),
        ),
    log:
        "logs/figures/{set}_{tracer}_gradient_spectra.log",
    benchmark:
        "logs/figures/{set}_{tracer}_gradient_spectra.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_gradient_spectra"),
    message:
        "Figure: gradient PCA of {wildcards.set}"
    script:
        "../scripts/plot_gradient_spectra.py"


rule plot_directions:
    input:
        projection=f"results/fits/{{set}}/{{tracer}}/{study.showcase}/projection.nc",
        gradient_pca=f"results/fits/{{set}}/{{tracer}}/{study.showcase}/gradient_pca.nc",
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
    output:
        pdf="results/figures/{set}_{tracer}_directions.pdf",
        png=report(
            "results/figures/{set}_{tracer}_directions.png",
            **figure_place("directions"),
        ),
    log:
        "logs/figures/{set}_{tracer}_directions.log",
    benchmark:
        "logs/figures/{set}_{tracer}_directions.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_directions"),
    message:
        "Figure: the two directions of {wildcards.set}"
    script:
        "../scripts/plot_directions.py"


rule plot_comparison:
    input:
        comparison="results/tables/{set}_{tracer}_comparison.csv",
    output:
        pdf="results/figures/{set}_{tracer}_comparison.pdf",
        png=report(
            "results/figures/{set}_{tracer}_comparison.png",
            **figure_place("comparison"),
        ),
    log:
        "logs/figures/{set}_{tracer}_comparison.log",
    benchmark:
        "logs/figures/{set}_{tracer}_comparison.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_comparison"),
        own_yardsticks=config["own_yardsticks"],
    message:
        "Figure: all models on all test boxes of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/plot_comparison.py"


rule plot_by_directions:
    input:
        comparison="results/tables/{set}_{tracer}_comparison.csv",
    output:
        pdf="results/figures/{set}_{tracer}_by_directions.pdf",
        png=report(
            "results/figures/{set}_{tracer}_by_directions.png",
            **figure_place("by_directions"),
        ),
    log:
        "logs/figures/{set}_{tracer}_by_directions.log",
    benchmark:
        "logs/figures/{set}_{tracer}_by_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_by_directions"),
        models=study.models_by_directions(),
    message:
        "Figure: how many directions, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/plot_by_directions.py"


rule plot_explanation:
    input:
        **bias_files(study),
    output:
        pdf="results/figures/{set}_{tracer}_explanation.pdf",
        png=report(
            "results/figures/{set}_{tracer}_explanation.png",
            **figure_place("explanation"),
        ),
    log:
        "logs/figures/{set}_{tracer}_explanation.log",
    benchmark:
        "logs/figures/{set}_{tracer}_explanation.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("plot_explanation"),
    message:
        f"Figure: what f of {study.showcase} is, {{wildcards.set}}, {{wildcards.tracer}}"
    script:
        "../scripts/plot_explanation.py"
