"""Smoothed features of the linear density, one zarr store a scale, and its power."""


rule compute_features:
    input:
        density=density_file,
        code=library("features", "abacus"),
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
        mem_mb=memory(lambda w: peak_mb.compute_features(size_of(w.sim))),
        runtime=minutes(30),
    params:
        redshift=lambda wildcards: redshift_of(wildcards.sim),
    message:
        "Features of {wildcards.sim} smoothed at R = {wildcards.R} Mpc/h"
    script:
        "../scripts/compute_features.py"


rule measure_linear_power:
    input:
        density=density_file,
        code=library("linear_power", "abacus"),
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
        mem_mb=memory(lambda w: peak_mb.measure_linear_power(size_of(w.sim))),
        runtime=minutes(30),
    params:
        redshift=lambda wildcards: redshift_of(wildcards.sim),
    message:
        "Power of the linear density of {wildcards.sim}"
    script:
        "../scripts/measure_linear_power.py"
