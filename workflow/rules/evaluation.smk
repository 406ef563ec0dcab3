"""Model fields on boxes not trained on, their spectra and statistics."""


rule predict_halo_field:
    input:
        weights=of_seeds("results/fits/{set}/{tracer}/{network}", study),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
        features=inputs.network_features,
        particles="results/{sim}/{space}particles.zarr",
    output:
        directory(
            "results/fits/{set}/{tracer}/{network}/on_{sim}/{space}prediction.zarr"
        ),
    log:
        "logs/fits/{set}/{tracer}/{network}/on_{sim}/{space}predict_halo_field.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{network}/on_{sim}/{space}predict_halo_field.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("predict_halo_field"),
    params:
        code=code_of("predict_halo_field"),
        cell_size=config["mesh"]["evaluation_cell_size"],
        device=config["device"],
        deterministic=config["deterministic"],
    message:
        "Model field of {wildcards.network} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/predict_halo_field.py"


rule measure_calibration:
    input:
        weights=of_seeds("results/fits/{set}/{tracer}/{network}", study),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
        features=inputs.network_features,
        particles="results/{sim}/particles.zarr",
        labels="results/{sim}/labels/{tracer}.zarr",
        training_labels=inputs.training_labels,
    output:
        "results/fits/{set}/{tracer}/{network}/on_{sim}/calibration.nc",
    log:
        "logs/fits/{set}/{tracer}/{network}/on_{sim}/measure_calibration.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{network}/on_{sim}/measure_calibration.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("measure_calibration"),
    params:
        code=code_of("measure_calibration"),
    message:
        "Calibration of {wildcards.network} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}"
    script:
        "../scripts/measure_calibration.py"


rule compare_spectra:
    input:
        prediction=inputs.prediction,
        halos="results/{sim}/{space}halos/{tracer}.zarr",
        matter="results/{sim}/{space}matter.zarr",
    output:
        "results/fits/{set}/{tracer}/{model}/on_{sim}/{space}spectra.nc",
    log:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}compare_spectra.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}compare_spectra.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("compare_spectra"),
    params:
        code=code_of("compare_spectra"),
        k_max=config["evaluation"]["k_max"],
    message:
        "Spectra of {wildcards.model} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/compare_spectra.py"


use rule compare_spectra as compare_transfer with:
    input:
        prediction=inputs.prediction,
        halos="results/{sim}/{space}halos/{other}.zarr",
        matter="results/{sim}/{space}matter.zarr",
    output:
        "results/fits/{set}/{tracer}/{model}/on_{sim}/{space}transfer_to_{other}.nc",
    log:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}compare_transfer_to_{other}.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}compare_transfer_to_{other}.tsv"
    message:
        "Spectra of {wildcards.model} ({wildcards.set}, {wildcards.tracer}) against {wildcards.other} of {wildcards.sim}/{wildcards.space}"


rule measure_statistics:
    input:
        prediction=inputs.prediction,
        halos="results/{sim}/{space}halos/{tracer}.zarr",
    output:
        "results/fits/{set}/{tracer}/{model}/on_{sim}/{space}statistics.nc",
    log:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}measure_statistics.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}measure_statistics.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("measure_statistics"),
    params:
        code=code_of("measure_statistics"),
        k_max=config["evaluation"]["k_max"],
    message:
        "Statistics of {wildcards.model} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/measure_statistics.py"
