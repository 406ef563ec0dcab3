"""Smoothed features of the linear density, one zarr store a scale, and its power."""


rule compute_features:
    input:
        density=inputs.density_at_scale,
    output:
        directory("results/{sim}/features/R{R}.zarr"),
    log:
        "logs/{sim}/features/R{R}.log",
    benchmark:
        "logs/{sim}/features/R{R}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["features"]
    resources:
        **needs.of("compute_features"),
    params:
        code=code_of("compute_features", inputs.reader("linear_density")),
        box=inputs.box_without_halos,
    message:
        "Features of {wildcards.sim} smoothed at R = {wildcards.R} Mpc/h"
    script:
        "../scripts/compute_features.py"


rule measure_linear_power:
    input:
        density=inputs.density_files,
    output:
        "results/{sim}/linear_power.nc",
    log:
        "logs/{sim}/measure_linear_power.log",
    benchmark:
        "logs/{sim}/measure_linear_power.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["features"]
    resources:
        **needs.of("measure_linear_power"),
    params:
        code=code_of("measure_linear_power", inputs.reader("linear_density")),
        box=inputs.box_without_halos,
    message:
        "Power of the linear density of {wildcards.sim}"
    script:
        "../scripts/measure_linear_power.py"
