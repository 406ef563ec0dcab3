"""Model fields and yardsticks on boxes not trained on, and their spectra."""


rule predict_halo_field:
    input:
        weights=all_seeds("results/fits/{set}/{tracer}/{network}"),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
        features=box_features,
        particles="results/{sim}/{space}particles.zarr",
        code=library("prediction"),
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
        mem_mb=memory(prediction_peak),
        runtime=minutes(60),
    params:
        cell_size=config["mesh"]["evaluation_cell_size"],
        device=config["device"],
        deterministic=config.get("deterministic", False),
    message:
        "Model field of {wildcards.network} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/predict_halo_field.py"


rule measure_calibration:
    input:
        weights=all_seeds("results/fits/{set}/{tracer}/{network}"),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
        features=box_features,
        particles="results/{sim}/particles.zarr",
        labels="results/{sim}/labels/{tracer}.zarr",
        training_labels=training_labels,
        code=library("calibration"),
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
        mem_mb=memory(calibration_peak),
        runtime=minutes(30),
    message:
        "Calibration of {wildcards.network} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}"
    script:
        "../scripts/measure_calibration.py"


rule fit_linear_bias:
    input:
        matter=training_matter,
        halos=training_halos,
        code=library("yardsticks"),
    output:
        "results/fits/{set}/{tracer}/linear/bias.nc",
    log:
        "logs/fits/{set}/{tracer}/linear/fit_linear_bias.log",
    benchmark:
        "logs/fits/{set}/{tracer}/linear/fit_linear_bias.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(lambda w: peak_mb.fit_linear_bias(sizes_of(w))),
        runtime=minutes(30),
    params:
        k_max=config["evaluation"]["linear_k_max"],
    message:
        "Linear bias of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/fit_linear_bias.py"


rule predict_linear_bias:
    input:
        bias="results/fits/{set}/{tracer}/linear/bias.nc",
        matter="results/{sim}/matter.zarr",
        code=library("yardsticks"),
    output:
        directory("results/fits/{set}/{tracer}/linear/on_{sim}/prediction.zarr"),
    log:
        "logs/fits/{set}/{tracer}/linear/on_{sim}/predict_linear_bias.log",
    benchmark:
        "logs/fits/{set}/{tracer}/linear/on_{sim}/predict_linear_bias.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(lambda w: peak_mb.predict_linear_bias(size_of(w.sim))),
        runtime=minutes(10),
    message:
        "Linear-bias field of {wildcards.set}, {wildcards.tracer} on {wildcards.sim}"
    script:
        "../scripts/predict_linear_bias.py"


rule compare_spectra:
    input:
        prediction=prediction_of,
        halos="results/{sim}/{space}halos/{tracer}.zarr",
        matter="results/{sim}/{space}matter.zarr",
        code=library("spectra"),
    output:
        "results/fits/{set}/{tracer}/{model}/on_{sim}/{space}spectra.nc",
    log:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}compare_spectra.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}compare_spectra.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(lambda w: peak_mb.compare_spectra(size_of(w.sim))),
        runtime=minutes(60),
    params:
        k_max=config["evaluation"]["k_max"],
    message:
        "Spectra of {wildcards.model} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/compare_spectra.py"


use rule compare_spectra as compare_transfer with:
    input:
        prediction=prediction_of,
        halos="results/{sim}/{space}halos/{other}.zarr",
        matter="results/{sim}/{space}matter.zarr",
        code=library("spectra"),
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
        prediction=prediction_of,
        halos="results/{sim}/{space}halos/{tracer}.zarr",
        code=library("statistics"),
    output:
        "results/fits/{set}/{tracer}/{model}/on_{sim}/{space}statistics.nc",
    log:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}measure_statistics.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{model}/on_{sim}/{space}measure_statistics.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(lambda w: peak_mb.measure_statistics(size_of(w.sim))),
        runtime=minutes(60),
    params:
        k_max=config["evaluation"]["k_max"],
    message:
        "Statistics of {wildcards.model} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/measure_statistics.py"
