"""One training job for each scale set, halo cut, seed and projection."""


rule train_network:
    input:
        features=training_features,
        particles=training_particles,
        halos=training_halos,
        validation_features=validation_features,
        validation_particles=validation_particles,
        validation_halos=validation_halos,
        labels=labels_to_train_on,
        validation_labels=labels_to_validate_on,
        start=starting_weights,
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
        code=training_code,
    output:
        weights="results/fits/{set}/{tracer}/{network}/seed{seed}/weights.pt",
        losses="results/fits/{set}/{tracer}/{network}/seed{seed}/losses.csv",
    log:
        "logs/fits/{set}/{tracer}/{network}/seed{seed}/train_network.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{network}/seed{seed}/train_network.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["training"]
    resources:
        mem_mb=memory(training_peak),
        runtime=minutes(240),
    params:
        settings=lambda wildcards: training_settings(wildcards.network, wildcards.set),
        device=config["device"],
        deterministic=config.get("deterministic", False),
    message:
        "Training {wildcards.network} on {wildcards.set}, {wildcards.tracer}, seed {wildcards.seed}"
    script:
        "../scripts/train_network.py"
