"""Projections: orthogonalised features, and the directions that f depends on."""


rule orthogonalise_features:
    input:
        features=training_features,
        code=library("projection"),
    output:
        "results/fits/{set}/{tracer}/{base}/projection.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}/orthogonalise_features.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}/orthogonalise_features.tsv"
    wildcard_constraints:
        base=BASE_OF_MODES,
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(moments_peak),
        runtime=minutes(60),
    params:
        inputs=lambda wildcards: variant_of(wildcards.base, VARIANT_INPUTS),
    message:
        "Orthogonalising {wildcards.base} over the training boxes of {wildcards.set}"
    script:
        "../scripts/orthogonalise_features.py"


rule make_inputs_by_hand:
    input:
        features=training_features,
        linear_power=training_power,
        code=library("hand_made"),
    output:
        "results/fits/{set}/{tracer}/{base}/projection.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}/make_inputs_by_hand.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}/make_inputs_by_hand.tsv"
    wildcard_constraints:
        base=BASE_BY_HAND,
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(moments_peak),
        runtime=minutes(60),
    params:
        radius=lambda wildcards: VARIANTS[parse_network(wildcards.base).variant][
            "tophat_radius"
        ],
    message:
        "Inputs of {wildcards.base} by hand, over the training boxes of {wildcards.set}"
    script:
        "../scripts/make_inputs_by_hand.py"


rule measure_feature_covariance:
    input:
        features=all_training_features,
        code=library("projection"),
    output:
        "results/fits/{set}/feature_covariance.nc",
    log:
        "logs/fits/{set}/measure_feature_covariance.log",
    benchmark:
        "logs/fits/{set}/measure_feature_covariance.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(moments_peak),
        runtime=minutes(60),
    message:
        "Covariance of all features over the training boxes of {wildcards.set}"
    script:
        "../scripts/measure_feature_covariance.py"


rule find_gradient_directions:
    input:
        weights=all_seeds("results/fits/{set}/{tracer}/{base}"),
        projection="results/fits/{set}/{tracer}/{base}/projection.nc",
        features=training_features,
        particles=training_particles,
        code=library("gradients"),
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
        mem_mb=memory(gradient_peak),
        runtime=minutes(60),
    params:
        device=config["device"],
        deterministic=config.get("deterministic", False),
    message:
        "Gradient PCA of {wildcards.base} on {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/find_gradient_directions.py"


rule project_on_gradients:
    input:
        projection=of_gradients("projection.nc"),
        gradient_pca=of_gradients("gradient_pca.nc"),
        code=library("projection"),
    output:
        "results/fits/{set}/{tracer}/{base}-pc{K}/projection.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}-pc{K}/project_on_gradients.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}-pc{K}/project_on_gradients.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(200),
        runtime=minutes(10),
    params:
        gradient_of=lambda wildcards: gradient_of(wildcards.base),
    message:
        "Projection of {wildcards.base} on {wildcards.K} gradient directions"
    script:
        "../scripts/project_on_gradients.py"
