"""What networks are compared with: linear bias, a polynomial f, f in bins, labels."""


rule fit_linear_bias:
    input:
        matter=inputs.of_boxes("matter.zarr"),
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
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
        **needs.of("fit_linear_bias"),
    params:
        code=code_of("fit_linear_bias"),
        k_max=config["evaluation"]["linear_k_max"],
    message:
        "Linear bias of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/fit_linear_bias.py"


rule predict_linear_bias:
    input:
        bias="results/fits/{set}/{tracer}/linear/bias.nc",
        matter="results/{sim}/matter.zarr",
    output:
        directory("results/fits/{set}/{tracer}/linear/on_{sim}/prediction.zarr"),
    log:
        "logs/fits/{set}/{tracer}/linear/on_{sim}/predict_linear_bias.log",
    benchmark:
        "logs/fits/{set}/{tracer}/linear/on_{sim}/predict_linear_bias.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("predict_linear_bias"),
    params:
        code=code_of("predict_linear_bias"),
    message:
        "Linear-bias field of {wildcards.set}, {wildcards.tracer} on {wildcards.sim}"
    script:
        "../scripts/predict_linear_bias.py"


rule fit_lagrangian_bias:
    input:
        features=inputs.features_to_fit,
        particles=inputs.of_boxes("particles.zarr"),
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
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
        **needs.of("fit_lagrangian_bias"),
    params:
        code=code_of("fit_lagrangian_bias", inputs.basis),
        basis=inputs.basis,
        block=study.default_training().block,
        estimator=study.default_training().estimator,
    message:
        "Fitting {wildcards.lagrangian} on {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/fit_lagrangian_bias.py"


rule predict_lagrangian_bias:
    input:
        coefficients="results/fits/{set}/{tracer}/{lagrangian}/coefficients.nc",
        features=inputs.yardstick_features,
        particles="results/{sim}/{space}particles.zarr",
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
        **needs.of("predict_lagrangian_bias"),
    params:
        code=code_of("predict_lagrangian_bias", inputs.basis),
        basis=inputs.basis,
        cell_size=config["mesh"]["evaluation_cell_size"],
    message:
        "Model field of {wildcards.lagrangian} ({wildcards.set}, {wildcards.tracer}) on {wildcards.sim}/{wildcards.space}"
    script:
        "../scripts/predict_lagrangian_bias.py"


rule predict_labels:
    input:
        files=inputs.member_files,
        particles="results/{sim}/{space}particles.zarr",
        halos="results/{sim}/{space}halos/{tracer}.zarr",
    output:
        directory("results/fits/{set}/{tracer}/labels/on_{sim}/{space}prediction.zarr"),
    log:
        "logs/fits/{set}/{tracer}/labels/on_{sim}/{space}predict_labels.log",
    benchmark:
        "logs/fits/{set}/{tracer}/labels/on_{sim}/{space}predict_labels.tsv"
    wildcard_constraints:
        tracer=f"{HALOS}|{GALAXIES}",
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        **needs.of("predict_labels"),
    params:
        code=code_of("predict_labels", inputs.reader("member_positions", "halos")),
        box=inputs.box,
        cell_size=config["mesh"]["evaluation_cell_size"],
        velocities=inputs.velocities,
    message:
        "Particles in halos of {wildcards.sim}/{wildcards.space}, {wildcards.tracer}, on the evaluation mesh"
    script:
        "../scripts/predict_labels.py"
