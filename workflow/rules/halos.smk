"""Final positions: particles as two integers, halos above a cut, matter on a mesh."""


rule index_particles:
    input:
        files=particle_files,
        code=library("mesh"),
    output:
        directory("results/{sim}/{space}particles.zarr"),
    log:
        "logs/{sim}/{space}index_particles.log",
    benchmark:
        "logs/{sim}/{space}index_particles.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: config["threads"]["particles"]
    resources:
        mem_mb=memory(lambda w: peak_mb.index_particles(size_of(w.sim))),
        runtime=minutes(60),
    params:
        root=lambda wildcards: SIMULATIONS[wildcards.sim].get("root", "resources"),
        density_grid=lambda wildcards: density_grid(wildcards.sim),
        redshift=lambda wildcards: redshift_of(wildcards.sim),
        cell_size=config["mesh"]["cell_size"],
    message:
        "Particles of {wildcards.sim}/{wildcards.space} as two integers each"
    script:
        "../scripts/index_particles.py"


rule select_halos:
    input:
        files=particle_files,
        code=library("mesh"),
    output:
        directory("results/{sim}/{space}halos/{tracer}.zarr"),
    log:
        "logs/{sim}/{space}halos/{tracer}.log",
    benchmark:
        "logs/{sim}/{space}halos/{tracer}.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(halos_peak),
        runtime=minutes(30),
    params:
        root=lambda wildcards: SIMULATIONS[wildcards.sim].get("root", "resources"),
        density_grid=lambda wildcards: density_grid(wildcards.sim),
        redshift=lambda wildcards: redshift_of(wildcards.sim),
        cell_size=config["mesh"]["cell_size"],
        galaxies=galaxy_settings,
    message:
        "Halos of {wildcards.sim}/{wildcards.space}, {wildcards.tracer}"
    script:
        "../scripts/select_halos.py"


rule plant_halos:
    input:
        features=planting_features,
        particles="results/{sim}/particles.zarr",
        halos="results/{sim}/halos/{tracer}.zarr",
        code=library("planted"),
    output:
        directory("results/{sim}/halos/{tracer}-planted.zarr"),
    log:
        "logs/{sim}/halos/{tracer}-planted.log",
    benchmark:
        "logs/{sim}/halos/{tracer}-planted.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=memory(lambda w: peak_mb.plant_halos(size_of(w.sim))),
        runtime=minutes(30),
    params:
        master_seed=config["master_seed"],
    message:
        "Halos of a known f in {wildcards.sim}, as many and as heavy as {wildcards.tracer}"
    script:
        "../scripts/plant_halos.py"


rule label_particles:
    input:
        files=particle_files,
        particles="results/{sim}/particles.zarr",
        code=library("labels"),
    output:
        directory("results/{sim}/labels/{tracer}.zarr"),
    log:
        "logs/{sim}/labels/{tracer}.log",
    benchmark:
        "logs/{sim}/labels/{tracer}.tsv"
    wildcard_constraints:
        tracer=TRACER,
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory(lambda w: peak_mb.label_particles(size_of(w.sim))),
        runtime=minutes(30),
    params:
        root=lambda wildcards: SIMULATIONS[wildcards.sim].get("root", "resources"),
        density_grid=lambda wildcards: density_grid(wildcards.sim),
        redshift=lambda wildcards: redshift_of(wildcards.sim),
    message:
        "Where the particles of halos began, {wildcards.tracer} of {wildcards.sim}"
    script:
        "../scripts/label_particles.py"


rule paint_matter:
    input:
        particles="results/{sim}/{space}particles.zarr",
        code=library("prediction"),
    output:
        directory("results/{sim}/{space}matter.zarr"),
    log:
        "logs/{sim}/{space}paint_matter.log",
    benchmark:
        "logs/{sim}/{space}paint_matter.tsv"
    conda:
        "../../envs/training.yaml"
    threads: config["threads"]["evaluation"]
    resources:
        mem_mb=memory(lambda w: peak_mb.paint_matter(size_of(w.sim))),
        runtime=minutes(30),
    params:
        cell_size=config["mesh"]["evaluation_cell_size"],
    message:
        "Matter of {wildcards.sim}/{wildcards.space} on the evaluation mesh"
    script:
        "../scripts/paint_matter.py"
