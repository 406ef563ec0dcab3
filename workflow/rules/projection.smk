"""Projections: orthogonalised features, and the directions that f depends on."""


rule orthogonalise_features:
    input:
        features=inputs.training_features,
    output:
        "results/fits/{set}/{tracer}/{base}/projection.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}/orthogonalise_features.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}/orthogonalise_features.tsv"
    wildcard_constraints:
        base=of_modes(study),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("accumulate_moments"),
    params:
        code=code_of("orthogonalise_features"),
        inputs=inputs.inputs_of,
    message:
        "Orthogonalising {wildcards.base} over the training boxes of {wildcards.set}"
    script:
        "../scripts/orthogonalise_features.py"


rule make_inputs_by_hand:
    input:
        features=inputs.training_features,
        linear_power=inputs.of_boxes("linear_power.nc"),
    output:
        "results/fits/{set}/{tracer}/{base}/projection.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}/make_inputs_by_hand.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}/make_inputs_by_hand.tsv"
    wildcard_constraints:
        base=by_hand(study),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("accumulate_moments"),
    params:
        code=code_of("make_inputs_by_hand"),
        radius=lambda w: study.changed_inputs(w.base)["tophat_radius"],
    message:
        "Inputs of {wildcards.base} by hand, over the training boxes of {wildcards.set}"
    script:
        "../scripts/make_inputs_by_hand.py"


rule measure_feature_covariance:
    input:
        features=inputs.all_training_features,
    output:
        "results/fits/{set}/feature_covariance.nc",
    log:
        "logs/fits/{set}/measure_feature_covariance.log",
    benchmark:
        "logs/fits/{set}/measure_feature_covariance.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("measure_feature_covariance"),
    params:
        code=code_of("measure_feature_covariance"),
    message:
        "Covariance of all features over the training boxes of {wildcards.set}"
    script:
        "../scripts/measure_feature_covariance.py"


rule project_on_gradients:
    input:
        projection="results/fits/{set}/{tracer}/{base}/projection.nc",
        gradient_pca="results/fits/{set}/{tracer}/{base}/gradient_pca.nc",
    output:
        "results/fits/{set}/{tracer}/{base}-pc{K}/projection.nc",
    log:
        "logs/fits/{set}/{tracer}/{base}-pc{K}/project_on_gradients.log",
    benchmark:
        "logs/fits/{set}/{tracer}/{base}-pc{K}/project_on_gradients.tsv"
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code_of("project_on_gradients"),
    message:
        "Projection of {wildcards.base} on {wildcards.K} gradient directions"
    script:
        "../scripts/project_on_gradients.py"
