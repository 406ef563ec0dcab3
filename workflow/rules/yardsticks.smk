"""Lagrangian yardsticks: a polynomial f, f in bins, and the labels of proto-halos."""


rule fit_lagrangian_bias:
    input:
        features=training_features,
        particles=training_particles,
        halos=training_halos,
        code=library("lagrangian"),
    output:
        "results/fits/{set}/{tracer}/{lagrangian}/coefficients.nc",
    log:
        "logs/fits/{set}/{tracer}/{lagrangian}/fit_lagrangian_bias.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{lagrangian}/fit_lagrangian_bias.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(fitting_peak),
        runtime=minutes(60),
    params:
        block=TRAINING.block,
        estimator=TRAINING.estimator,
    message:
        "Fitting {wildcards.lagrangian} on {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/fit_lagrangian_bias.py"


rule predict_lagrangian_bias:
    input:
        coefficients="results/fits/{set}/{tracer}/{lagrangian}/coefficients.nc",
        features=box_features,
        particles="results/{sim}/{space}particles.zarr",
        code=library("lagrangian_prediction"),
    output:
        directory(
            "results/fits/{set}/{tracer}/{lagrangian}/on_{sim}/{space}prediction.zarr"
        ),
    log:
        "logs/fits/{set}/{tracer}/{lagrangian}/on_{sim}/{space}predict_lagrangian_bias.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{lagrangian}/on_{sim}/{space}predict_lagrangian_bias.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(lambda w: peak_mb.predict_lagrangian_bias(size_of(w.sim))),
        runtime=minutes(30),
    params:
        cell_size=config["mesh"]["evaluation_cell_size"],
    message:
        "Model field of {wildcards.lagrangian} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/predict_lagrangian_bias.py"


rule predict_labels:
    input:
        files=particle_files,
        particles="results/{sim}/{space}particles.zarr",
        halos="results/{sim}/{space}halos/{tracer}.zarr",
        code=library("labels"),
    output:
        directory("results/fits/{set}/{tracer}/labels/on_{sim}/{space}prediction.zarr"),
    log:
        "logs/fits/{set}/{tracer}/labels/on_{sim}/{space}predict_labels.log",
    benchmark:
        "logs/fits/{set}/{tracer}/labels/on_{sim}/{space}predict_labels.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(lambda w: peak_mb.predict_labels(size_of(w.sim))),
        runtime=minutes(30),
    params:
        root=lambda wildcards: SIMULATIONS[wildcards.sim].get("root", "resources"),
        density_grid=lambda wildcards: density_grid(wildcards.sim),
        redshift=lambda wildcards: redshift_of(wildcards.sim),
        cell_size=config["mesh"]["evaluation_cell_size"],
    message:
        "Particles in halos of {wildcards.sim}/{wildcards.space}, {wildcards.tracer}, on the evaluation mesh"
    script:
        "../scripts/predict_labels.py"
