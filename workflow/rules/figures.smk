"""Figures, tables and the report, for every training set, halo cut and test box."""


rule plot_slices:
    input:
        prediction=f"results/fits/{{set}}/{{tracer}}/{config['showcase']}/on_{{sim}}/prediction.zarr",
        halos="results/{sim}/halos/{tracer}.zarr",
        code=library("plots"),
    output:
        figure_in_report("slices", "1. Fields"),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_slices.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_slices.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(lambda w: peak_mb.plot_slices(size_of(w.sim))),
        runtime=minutes(10),
    message:
        "Figure: slices of {wildcards.sim}"
    script:
        "../scripts/plot_slices.py"


rule plot_spectra_by_scales:
    input:
        spectra=spectra_of(["linear", *config["scale_sets"]]),
        code=library("plots"),
    output:
        figure_in_report("spectra_by_scales", "3. Spectra"),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_spectra_by_scales.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_spectra_by_scales.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=["linear", *config["scale_sets"]],
    message:
        "Figure: spectra by smoothing scales on {wildcards.sim}"
    script:
        "../scripts/plot_spectra_by_scales.py"


rule plot_yardsticks:
    input:
        spectra=spectra_of([config["showcase"], *config["yardsticks"]]),
        coefficients=expand(
            "results/fits/{set}/{tracer}/{model}/coefficients.nc",
            model=lagrangian_yardsticks(),
            allow_missing=True,
        ),
        code=library("plots"),
    output:
        figure_in_report("yardsticks", "3. Spectra"),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_yardsticks.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_yardsticks.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=[config["showcase"], *config["yardsticks"]],
        lagrangian=lagrangian_yardsticks(),
    message:
        f"Figure: yardsticks beside {config['showcase']} on {{wildcards.sim}}"
    script:
        "../scripts/plot_yardsticks.py"


rule plot_statistics:
    input:
        statistics=evaluated("statistics.nc", models_of_statistics()),
        redshift_space=evaluated(
            "redshift_space/spectra.nc", models_in_redshift_space()
        ),
        code=library("plots_statistics"),
    output:
        figure_in_report("statistics", "3. Spectra"),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_statistics.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_statistics.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=models_of_statistics(),
        in_redshift_space=models_in_redshift_space(),
    message:
        f"Figure: statistics beyond the power of {config['showcase']} on {{wildcards.sim}}"
    script:
        "../scripts/plot_statistics.py"


rule plot_calibration:
    input:
        calibration=evaluated("calibration.nc", calibrated_models()),
        code=library("plots_calibration"),
    output:
        figure_in_report("calibration", "2. The halo-to-mass ratio"),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_calibration.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_calibration.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=calibrated_models(),
    message:
        "Figure: f as a probability on {wildcards.sim}"
    script:
        "../scripts/plot_calibration.py"


rule plot_full_against_projected:
    input:
        full=spectra_of(config["scale_sets"]),
        projected=spectra_of([f"{s}-pc{{K}}" for s in config["scale_sets"]]),
        code=library("plots"),
    output:
        figure_in_report("full_against_pc{K}", "3. Spectra"),
    log:
        "logs/figures/{set}_{tracer}_on_{sim}_full_against_pc{K}.log",
    benchmark:
        "logs/figures/{set}_{tracer}_on_{sim}_full_against_pc{K}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
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
        set_figure_in_report("losses", "4. Training"),
    log:
        "logs/figures/{set}_{tracer}_losses.log",
    benchmark:
        "logs/figures/{set}_{tracer}_losses.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=config["scale_sets"],
    message:
        "Figure: losses of the ablations, {wildcards.set}"
    script:
        "../scripts/plot_losses.py"


rule plot_gradient_spectra:
    input:
        pca=of_fits("gradient_pca.nc"),
        code=library("plots"),
    output:
        set_figure_in_report("gradient_spectra", "5. Directions"),
    log:
        "logs/figures/{set}_{tracer}_gradient_spectra.log",
    benchmark:
        "logs/figures/{set}_{tracer}_gradient_spectra.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=config["scale_sets"],
    message:
        "Figure: gradient PCA of {wildcards.set}"
    script:
        "../scripts/plot_gradient_spectra.py"


rule plot_directions:
    input:
        projection=f"results/fits/{{set}}/{{tracer}}/{config['showcase']}/projection.nc",
        gradient_pca=f"results/fits/{{set}}/{{tracer}}/{config['showcase']}/gradient_pca.nc",
        halos=training_halos,
        code=library("plots"),
    output:
        set_figure_in_report("directions", "5. Directions"),
    log:
        "logs/figures/{set}_{tracer}_directions.log",
    benchmark:
        "logs/figures/{set}_{tracer}_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    message:
        "Figure: the two directions of {wildcards.set}"
    script:
        "../scripts/plot_directions.py"


rule tabulate_claims:
    input:
        spectra=on_test_boxes("spectra.nc", all_models()),
        pca=of_fits("gradient_pca.nc"),
        losses=losses_of(networks()),
        angles="results/tables/{set}_{tracer}_angles.csv",
        filters="results/tables/{set}_{tracer}_filters.csv",
        planted=planted_table,
        code=library("claims"),
    output:
        claims=table_in_report("claims", "the papers' claims"),
        verdicts="results/tables/{set}_{tracer}_verdicts.csv",
    log:
        "logs/tables/{set}_{tracer}_claims.log",
    benchmark:
        "logs/tables/{set}_{tracer}_claims.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=all_models(),
        scale_sets=config["scale_sets"],
        networks=networks(),
    message:
        "Table: the papers' claims, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_claims.py"


rule tabulate_planted:
    input:
        pca=planted_fit("gradient_pca.nc"),
        training_features=planting_features_of("train"),
        training_particles=training_particles,
        test_features=planting_features_of("test"),
        test_particles=test_particles,
        predictions=planted_predictions,
        code=library("planted_comparison"),
    output:
        table_in_report("planted", "what training returns of a known f"),
    log:
        "logs/tables/{set}_{tracer}_planted.log",
    benchmark:
        "logs/tables/{set}_{tracer}_planted.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(planted_peak),
        runtime=minutes(30),
    message:
        "Table: what training returns of a known f, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_planted.py"


rule compare_models:
    input:
        spectra=on_test_boxes("spectra.nc", all_models()),
        losses=losses_of(networks()),
        code=library("comparison"),
    output:
        table_in_report("comparison", "all models, all test boxes"),
    log:
        "logs/tables/{set}_{tracer}_comparison.log",
    benchmark:
        "logs/tables/{set}_{tracer}_comparison.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    message:
        "Table: all models on all test boxes of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/compare_models.py"


rule compare_with_showcase:
    input:
        spectra=on_test_boxes("spectra.nc", all_models()),
        code=library("comparison"),
    output:
        table_in_report("differences", "all models less the showcase", "0. Summary"),
    log:
        "logs/tables/{set}_{tracer}_differences.log",
    benchmark:
        "logs/tables/{set}_{tracer}_differences.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=all_models(),
        reference=config["showcase"],
    message:
        "Table: all models less the showcase, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/compare_with_showcase.py"


use rule compare_models as compare_tracers with:
    input:
        spectra=spectra_of_tracers,
        losses=losses_of_tracers,
        code=library("comparison"),
    output:
        report(
            "results/tables/{set}_tracers.csv",
            caption="../report/tracers.rst",
            category="6. Transfer",
            labels={"table": "models of other tracers", "trained on": "{set}"},
        ),
    log:
        "logs/tables/{set}_tracers.log",
    benchmark:
        "logs/tables/{set}_tracers.tsv"
    message:
        "Table: networks of every tracer on all test boxes of {wildcards.set}"


rule tabulate_statistics:
    input:
        statistics=on_test_boxes("statistics.nc", models_of_statistics()),
        redshift_space=on_test_boxes(
            "redshift_space/spectra.nc", models_in_redshift_space()
        ),
        code=library("statistics_table"),
    output:
        table_in_report(
            "statistics", "beyond the power", "3. Spectra", "statistics_table"
        ),
    log:
        "logs/tables/{set}_{tracer}_statistics.log",
    benchmark:
        "logs/tables/{set}_{tracer}_statistics.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    message:
        "Table: statistics beyond the power on all test boxes of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_statistics.py"


rule plot_comparison:
    input:
        comparison="results/tables/{set}_{tracer}_comparison.csv",
        code=library("plots_comparison"),
    output:
        set_figure_in_report("comparison", "0. Summary"),
    log:
        "logs/figures/{set}_{tracer}_comparison.log",
    benchmark:
        "logs/figures/{set}_{tracer}_comparison.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    message:
        "Figure: all models on all test boxes of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/plot_comparison.py"


rule plot_by_directions:
    input:
        comparison="results/tables/{set}_{tracer}_comparison.csv",
        code=library("plots_comparison"),
    output:
        set_figure_in_report("by_directions", "5. Directions"),
    log:
        "logs/figures/{set}_{tracer}_by_directions.log",
    benchmark:
        "logs/figures/{set}_{tracer}_by_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=models_by_directions(),
    message:
        "Figure: how many directions, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/plot_by_directions.py"


rule tabulate_summary:
    input:
        spectra=spectra_of(all_models()),
        losses=losses_of(networks()),
        code=library("tables"),
    output:
        report(
            "results/tables/{set}_{tracer}_on_{sim}_summary.csv",
            caption="../report/summary.rst",
            category="0. Summary",
            labels={"table": "all models"} | CASE_LABELS,
        ),
    log:
        "logs/tables/{set}_{tracer}_on_{sim}_summary.log",
    benchmark:
        "logs/tables/{set}_{tracer}_on_{sim}_summary.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=all_models(),
        networks=networks(),
    message:
        "Table: all models on {wildcards.sim}"
    script:
        "../scripts/tabulate_summary.py"


rule tabulate_directions:
    input:
        pca=of_fits("gradient_pca.nc"),
        code=library("tables"),
    output:
        table_in_report(
            "directions", "gradient power", "5. Directions", "directions_table"
        ),
    log:
        "logs/tables/{set}_{tracer}_directions.log",
    benchmark:
        "logs/tables/{set}_{tracer}_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=config["scale_sets"],
    message:
        "Table: gradient power by direction, {wildcards.set}"
    script:
        "../scripts/tabulate_directions.py"


rule tabulate_angles:
    input:
        pca=of_compared_fits("gradient_pca.nc"),
        projections=of_compared_fits("projection.nc"),
        covariance="results/fits/{set}/feature_covariance.nc",
        code=library("angles"),
    output:
        table_in_report("angles", "principal angles", "5. Directions"),
    log:
        "logs/tables/{set}_{tracer}_angles.log",
    benchmark:
        "logs/tables/{set}_{tracer}_angles.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(220),
        runtime=minutes(10),
    message:
        "Table: principal angles between directions, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_angles.py"


rule tabulate_filters:
    input:
        pca=of_fits("gradient_pca.nc"),
        projections=of_fits("projection.nc"),
        linear_power=training_power,
        halos=training_halos,
        code=library("tables"),
    output:
        table_in_report("filters", "the first direction as a filter", "5. Directions"),
    log:
        "logs/tables/{set}_{tracer}_filters.log",
    benchmark:
        "logs/tables/{set}_{tracer}_filters.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        models=config["scale_sets"],
    message:
        "Table: the first direction beside a top-hat, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_filters.py"


rule tabulate_transfers:
    input:
        spectra=lambda wildcards: list(transfers_of(wildcards)),
        halos=transfer_halos,
        training_halos=transfer_training_halos,
        code=library("tables"),
    output:
        table_in_report("transfer", "other boxes and tracers", "6. Transfer"),
    log:
        "logs/tables/{set}_{tracer}_transfer.log",
    benchmark:
        "logs/tables/{set}_{tracer}_transfer.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        cases=lambda wildcards: list(transfers_of(wildcards).values()),
    message:
        "Table: models of {wildcards.set}, {wildcards.tracer}, on other boxes and tracers"
    script:
        "../scripts/tabulate_transfers.py"


rule make_report:
    input:
        figures=figures(),
        tables=tables(),
        verdicts=set_cases("results/tables/{set}_{tracer}_verdicts.csv"),
        captions=captions(),
        code=library("report"),
    output:
        "results/report.html",
    log:
        "logs/make_report.log",
    benchmark:
        "logs/make_report.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(190),
        runtime=minutes(10),
    params:
        config=config,
        snakefile=of_repository(ROOT / "Snakefile"),
        targets=[*figures(), *tables()],
    message:
        "Report: one self-contained HTML file"
    script:
        "../scripts/make_report.py"
