"""Tables, for every training set and tracer."""


rule evaluate_models:
    input:
        spectra=inputs.on_test_boxes("spectra.nc", study.all_models()),
    output:
        EVALUATION,
    log:
        "logs/tables/{set}_{tracer}_evaluation.log",
    benchmark:
        "logs/tables/{set}_{tracer}_evaluation.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("evaluate_models"),
    message:
        "Table: sums of power in bands, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/evaluate_models.py"


rule compare_models:
    input:
        evaluation=EVALUATION,
        losses=of_losses(study, study.networks()),
    output:
        report(
            "results/tables/{set}_{tracer}_comparison.csv", **table_place("comparison")
        ),
    log:
        "logs/tables/{set}_{tracer}_comparison.log",
    benchmark:
        "logs/tables/{set}_{tracer}_comparison.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("compare_models"),
    message:
        "Table: all models on all test boxes of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/compare_models.py"


rule compare_with_showcase:
    input:
        evaluation=EVALUATION,
    output:
        report(
            "results/tables/{set}_{tracer}_differences.csv",
            **table_place("differences"),
        ),
    log:
        "logs/tables/{set}_{tracer}_differences.log",
    benchmark:
        "logs/tables/{set}_{tracer}_differences.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("compare_with_showcase"),
        reference=study.showcase,
    message:
        "Table: all models less the showcase, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/compare_with_showcase.py"


use rule compare_models as compare_tracers with:
    input:
        evaluation=inputs.spectra_of_tracers,
        losses=inputs.losses_of_tracers,
    output:
        report("results/tables/{set}_tracers.csv", **table_place("tracers")),
    log:
        "logs/tables/{set}_tracers.log",
    benchmark:
        "logs/tables/{set}_tracers.tsv"
    message:
        "Table: networks of every tracer on all test boxes of {wildcards.set}"


rule tabulate_claims:
    input:
        evaluation=EVALUATION,
        pca=of_fits("gradient_pca.nc", study.scale_sets),
        losses=of_losses(study, study.networks()),
        angles="results/fits/{set}/{tracer}/angles.csv",
        filters="results/tables/{set}_{tracer}_filters.csv",
        planted=planted_table(study),
    output:
        claims=report(
            "results/tables/{set}_{tracer}_claims.csv", **table_place("claims")
        ),
        verdicts="results/tables/{set}_{tracer}_verdicts.csv",
    log:
        "logs/tables/{set}_{tracer}_claims.log",
    benchmark:
        "logs/tables/{set}_{tracer}_claims.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_claims"),
        trained_on=inputs.training_boxes,
    message:
        "Table: the papers' claims, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_claims.py"


rule tabulate_headline:
    input:
        evaluation=EVALUATION,
    output:
        report("results/tables/{set}_{tracer}_headline.csv", **table_place("headline")),
    log:
        "logs/tables/{set}_{tracer}_headline.log",
    benchmark:
        "logs/tables/{set}_{tracer}_headline.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_headline"),
        trained_on=inputs.training_boxes,
        showcase=study.showcase,
    message:
        "Table: the three numbers that the report opens with, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_headline.py"


rule tabulate_summary:
    input:
        evaluation=inputs.evaluation_on_box,
        losses=of_losses(study, study.networks()),
    output:
        report(
            "results/tables/{set}_{tracer}_on_{sim}_summary.csv",
            **table_place("summary"),
        ),
    log:
        "logs/tables/{set}_{tracer}_on_{sim}_summary.log",
    benchmark:
        "logs/tables/{set}_{tracer}_on_{sim}_summary.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_summary"),
    message:
        "Table: all models on {wildcards.sim}"
    script:
        "../scripts/tabulate_summary.py"


rule tabulate_statistics:
    input:
        statistics=inputs.on_test_boxes("statistics.nc", study.models_of_statistics()),
        redshift_space=inputs.on_test_boxes(
            "redshift_space/spectra.nc", study.models_in_redshift_space()
        ),
    output:
        report(
            "results/tables/{set}_{tracer}_statistics.csv", **table_place("statistics")
        ),
    log:
        "logs/tables/{set}_{tracer}_statistics.log",
    benchmark:
        "logs/tables/{set}_{tracer}_statistics.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_statistics"),
    message:
        "Table: statistics beyond the power on all test boxes of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_statistics.py"


rule tabulate_biases:
    input:
        **bias_files(study),
    output:
        report("results/tables/{set}_{tracer}_biases.csv", **table_place("biases")),
    log:
        "logs/tables/{set}_{tracer}_biases.log",
    benchmark:
        "logs/tables/{set}_{tracer}_biases.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_biases"),
    message:
        "Table: biases of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_biases.py"


rule tabulate_directions:
    input:
        pca=of_fits("gradient_pca.nc", study.scale_sets),
    output:
        report(
            "results/tables/{set}_{tracer}_directions.csv", **table_place("directions")
        ),
    log:
        "logs/tables/{set}_{tracer}_directions.log",
    benchmark:
        "logs/tables/{set}_{tracer}_directions.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_directions"),
    message:
        "Table: gradient power by direction, {wildcards.set}"
    script:
        "../scripts/tabulate_directions.py"


rule tabulate_filters:
    input:
        pca=of_fits("gradient_pca.nc", study.networks_of_features()),
        projections=of_fits("projection.nc", study.networks_of_features()),
        linear_power=inputs.of_boxes("linear_power.nc"),
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
    output:
        report("results/tables/{set}_{tracer}_filters.csv", **table_place("filters")),
    log:
        "logs/tables/{set}_{tracer}_filters.log",
    benchmark:
        "logs/tables/{set}_{tracer}_filters.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_filters"),
    message:
        "Table: the first direction beside a top-hat, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_filters.py"


rule tabulate_angles:
    input:
        pca=inputs.of_compared_fits("gradient_pca.nc"),
        projections=inputs.of_compared_fits("projection.nc"),
        covariance="results/fits/{set}/feature_covariance.nc",
    output:
        report("results/tables/{set}_{tracer}_angles.csv", **table_place("angles")),
    log:
        "logs/tables/{set}_{tracer}_angles.log",
    benchmark:
        "logs/tables/{set}_{tracer}_angles.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_angles"),
    message:
        "Table: principal angles between directions, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_angles.py"


# What claims are of: no other training set and no other halos.
use rule tabulate_angles as tabulate_angles_of_scales with:
    input:
        pca=of_fits("gradient_pca.nc", study.scale_sets),
        projections=of_fits("projection.nc", study.scale_sets),
        covariance="results/fits/{set}/feature_covariance.nc",
    output:
        "results/fits/{set}/{tracer}/angles.csv",
    log:
        "logs/fits/{set}/{tracer}/tabulate_angles_of_scales.log",
    benchmark:
        "logs/fits/{set}/{tracer}/tabulate_angles_of_scales.tsv"
    message:
        "Table: angles between scale sets, {wildcards.set}, {wildcards.tracer}"


rule tabulate_transfers:
    input:
        spectra=inputs.transfers,
        halos=inputs.transfer_halos,
        training_halos=inputs.transfer_training_halos,
    output:
        report("results/tables/{set}_{tracer}_transfer.csv", **table_place("transfer")),
    log:
        "logs/tables/{set}_{tracer}_transfer.log",
    benchmark:
        "logs/tables/{set}_{tracer}_transfer.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        code=code_of("tabulate_transfers"),
        cases=inputs.transfer_cases,
    message:
        "Table: models of {wildcards.set}, {wildcards.tracer}, on other boxes and tracers"
    script:
        "../scripts/tabulate_transfers.py"


rule tabulate_planted:
    input:
        pca=f"{planted_fit(study)}/gradient_pca.nc",
        training_features=inputs.planting_features_of("train"),
        training_particles=inputs.of_boxes("particles.zarr"),
        test_features=inputs.planting_features_of("test"),
        test_particles=inputs.of_boxes("particles.zarr", "test"),
        predictions=inputs.planted_predictions,
    output:
        report("results/tables/{set}_{tracer}_planted.csv", **table_place("planted")),
    log:
        "logs/tables/{set}_{tracer}_planted.log",
    benchmark:
        "logs/tables/{set}_{tracer}_planted.tsv"
    conda:
        "../../envs/training.yaml"
    resources:
        **needs.of("tabulate_planted"),
    params:
        code=code_of("tabulate_planted"),
    message:
        "Table: what training returns of a known f, {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_planted.py"
