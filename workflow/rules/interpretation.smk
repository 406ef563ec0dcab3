"""What a learned f is: its gradients, and its shape over the training boxes."""


rule find_gradient_directions:
    input:
        weights=of_seeds("results/fits/{set}/{tracer}/{base}", study),
        projection="results/fits/{set}/{tracer}/{base}/projection.nc",
        features=inputs.training_features,
        particles=inputs.of_boxes("particles.zarr"),
    output:
        "results/fits/{set}/{tracer}/{base}/gradient_pca.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}/find_gradient_directions.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}/find_gradient_directions.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("find_gradient_directions"),
    params:
        code=code_of("find_gradient_directions"),
        device=config["device"],
        deterministic=config["deterministic"],
    message:
        "Gradient PCA of {wildcards.base} on {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/find_gradient_directions.py"


rule explain_model:
    input:
        weights=of_seeds("results/fits/{set}/{tracer}/{base}", study),
        projection="results/fits/{set}/{tracer}/{base}/projection.nc",
        gradient_pca="results/fits/{set}/{tracer}/{base}/gradient_pca.nc",
        features=inputs.features_to_explain,
        particles=inputs.of_boxes("particles.zarr"),
    output:
        "results/fits/{set}/{tracer}/{base}/explain.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}/explain_model.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}/explain_model.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("explain_model"),
    params:
        code=code_of("explain_model"),
    message:
        "What f of {wildcards.base} is ({wildcards.set}, {wildcards.tracer})"
    script:
        "../scripts/explain_model.py"
