"""Trained models as files of their own, to use without this workflow."""


rule write_model:
    input:
        weights=of_seeds("results/fits/{set}/{tracer}/{network}", study),
        projection="results/fits/{set}/{tracer}/{network}/projection.nc",
        features=inputs.features_of("train"),
        particles=inputs.of_boxes("particles.zarr"),
        halos=inputs.of_boxes("halos/{tracer}.zarr"),
        spectra=inputs.spectra_of_network,
    output:
        model="results/models/{set}_{tracer}_{network}.safetensors",
        card="results/models/{set}_{tracer}_{network}.md",
    log:
        "logs/models/{set}_{tracer}_{network}.log",
    benchmark:
        "logs/models/{set}_{tracer}_{network}.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/training.yaml"
    resources:
        **needs.of("write_model"),
    params:
        code=code_of("write_model"),
        trained_on=inputs.trained_on,
    message:
        "Model file of {wildcards.network} ({wildcards.set}, {wildcards.tracer}) and its card"
    script:
        "../scripts/write_model.py"
