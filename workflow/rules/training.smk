"""One training job for each scale set, halo cut, seed and projection."""


rule train_network:
    input:
        features=inputs.features_of("train"),
        particles=inputs.of_boxes("particles.zarr"),
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
        validation_features=inputs.features_of("validate"),
        validation_particles=inputs.of_boxes("particles.zarr", "validate"),
        validation_halos=inputs.of_boxes("halos/{tracer}.zarr", "validate"),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
    output:
        weights="results/fits/{set}/{tracer}/{network}/seed{seed}/weights.pt",
        losses="results/fits/{set}/{tracer}/{network}/seed{seed}/losses.csv",
    log:
        "logs/fits/{set}/{tracer}/{network}/seed{seed}/train_network.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{network}/seed{seed}/train_network.tsv"
    wildcard_constraints:
        network=networks(study, labels=False),
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["training"]
    resources:
        **needs.of("train_network"),
    params:
        code=code_of("train_network"),
        settings=inputs.training,
        device=config["device"],
        deterministic=config["deterministic"],
    message:
        "Training {wildcards.network} on {wildcards.set}, {wildcards.tracer}, seed {wildcards.seed}"
    script:
        "../scripts/train_network.py"


rule train_on_labels:
    input:
        features=inputs.features_of("train"),
        particles=inputs.of_boxes("particles.zarr"),
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
        labels=inputs.of_boxes("labels/{tracer}.zarr"),
        validation_features=inputs.features_of("validate"),
        validation_particles=inputs.of_boxes("particles.zarr", "validate"),
        validation_halos=inputs.of_boxes("halos/{tracer}.zarr", "validate"),
        validation_labels=inputs.of_boxes("labels/{tracer}.zarr", "validate"),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
    output:
        weights="results/fits/{set}/{tracer}/{network}/seed{seed}/weights.pt",
        losses="results/fits/{set}/{tracer}/{network}/seed{seed}/losses.csv",
    log:
        "logs/fits/{set}/{tracer}/{network}/seed{seed}/train_on_labels.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{network}/seed{seed}/train_on_labels.tsv"
    wildcard_constraints:
        network=networks(study, labels=True),
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["training"]
    resources:
        **needs.of("train_network"),
    params:
        code=code_of("train_on_labels"),
        settings=inputs.training,
        device=config["device"],
        deterministic=config["deterministic"],
    message:
        "Training {wildcards.network} on labels of {wildcards.set}, {wildcards.tracer}, seed {wildcards.seed}"
    script:
        "../scripts/train_on_labels.py"
