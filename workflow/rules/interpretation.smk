"""What a learned f is, over the particles of the training boxes: file, figure and biases."""


rule explain_model:
    input:
        weights=all_seeds("results/fits/{set}/{tracer}/{base}"),
        projection="results/fits/{set}/{tracer}/{base}/projection.nc",
        gradient_pca="results/fits/{set}/{tracer}/{base}/gradient_pca.nc",
        features=training_features,
        particles=training_particles,
        code=library("explanation"),
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
        mem_mb=memory(explanation_peak),
        runtime=minutes(60),
    message:
        "What f of {wildcards.base} is ({wildcards.set}, {wildcards.tracer})"
    script:
        "../scripts/explain_model.py"


rule plot_explanation:
    input:
        **bias_files(),
        code=library("plots_explanation"),
    output:
        set_figure_in_report("explanation", "2. The halo-to-mass ratio"),
    log:
        "logs/figures/{set}_{tracer}_explanation.log",
    benchmark:
        "logs/figures/{set}_{tracer}_explanation.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        polynomials=polynomials(),
    message:
        f"Figure: what f of {config['showcase']} is, {{wildcards.set}}, {{wildcards.tracer}}"
    script:
        "../scripts/plot_explanation.py"


rule tabulate_biases:
    input:
        **bias_files(),
        code=library("tables"),
    output:
        table_in_report("biases", "biases to a long wave", "2. The halo-to-mass ratio"),
    log:
        "logs/tables/{set}_{tracer}_biases.log",
    benchmark:
        "logs/tables/{set}_{tracer}_biases.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(300),
        runtime=minutes(10),
    params:
        network=config["showcase"],
        polynomials=polynomials(),
    message:
        "Table: biases of {wildcards.set}, {wildcards.tracer}"
    script:
        "../scripts/tabulate_biases.py"
