"""Final positions: particles as two integers, halos above a cut, matter on a mesh."""


rule index_particles:
    input:
        files=inputs.particle_files,
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
        **needs.of("index_particles"),
    params:
        code=code_of(
            "index_particles", inputs.reader("linear_density", "particle_chunks")
        ),
        box=inputs.box_without_halos,
        cell_size=config["mesh"]["cell_size"],
        velocities=inputs.velocities,
    message:
        "Particles of {wildcards.sim}/{wildcards.space} as two integers each"
    script:
        "../scripts/index_particles.py"


rule select_halos:
    input:
        files=inputs.source_files,
    output:
        directory("results/{sim}/{space}halos/{tracer}.zarr"),
    log:
        "logs/{sim}/{space}halos/{tracer}.log",
    benchmark:
        "logs/{sim}/{space}halos/{tracer}.tsv"
    wildcard_constraints:
        tracer=HALOS,
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("select_halos"),
    params:
        code=code_of("select_halos", inputs.reader("halos")),
        box=inputs.box,
        cell_size=config["mesh"]["cell_size"],
    message:
        "Halos of {wildcards.sim}/{wildcards.space}, {wildcards.tracer}"
    script:
        "../scripts/select_halos.py"


rule draw_galaxies:
    input:
        files=inputs.source_files,
    output:
        directory("results/{sim}/{space}halos/{tracer}.zarr"),
    log:
        "logs/{sim}/{space}halos/{tracer}.log",
    benchmark:
        "logs/{sim}/{space}halos/{tracer}.tsv"
    wildcard_constraints:
        tracer=GALAXIES,
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("select_halos"),
    params:
        code=code_of("draw_galaxies", inputs.reader("halos")),
        box=inputs.box,
        cell_size=config["mesh"]["cell_size"],
        galaxies=study.galaxy_settings(),
    message:
        "Galaxies of {wildcards.sim}/{wildcards.space}, {wildcards.tracer}"
    script:
        "../scripts/draw_galaxies.py"


rule populate_halos:
    input:
        files=inputs.member_files,
    output:
        directory("results/{sim}/{space}halos/{tracer}.zarr"),
    log:
        "logs/{sim}/{space}halos/{tracer}.log",
    benchmark:
        "logs/{sim}/{space}halos/{tracer}.tsv"
    wildcard_constraints:
        tracer=HOD_GALAXIES,
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs.of("populate_halos"),
    params:
        code=code_of("populate_halos", inputs.reader("halos", "member_positions")),
        box=inputs.box,
        cell_size=config["mesh"]["cell_size"],
        occupation=inputs.occupation,
        master_seed=config["master_seed"],
    message:
        "Galaxies by AbacusHOD of {wildcards.sim}/{wildcards.space}, {wildcards.tracer}"
    script:
        "../scripts/populate_halos.py"


rule plant_halos:
    input:
        features=inputs.planting_features,
        particles="results/{sim}/particles.zarr",
        halos="results/{sim}/halos/{tracer}.zarr",
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
    resources:
        **needs.of("plant_halos"),
    params:
        code=code_of("plant_halos"),
        master_seed=config["master_seed"],
    message:
        "Halos of a known f in {wildcards.sim}, as many and as heavy as {wildcards.tracer}"
    script:
        "../scripts/plant_halos.py"


rule label_particles:
    input:
        files=inputs.member_files,
        particles="results/{sim}/particles.zarr",
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
    resources:
        **needs.of("label_particles"),
    params:
        code=code_of("label_particles", inputs.reader("member_points")),
        box=inputs.box,
    message:
        "Where the particles of halos began, {wildcards.tracer} of {wildcards.sim}"
    script:
        "../scripts/label_particles.py"


rule paint_matter:
    input:
        particles="results/{sim}/{space}particles.zarr",
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
        **needs.of("paint_matter"),
    params:
        code=code_of("paint_matter"),
        cell_size=config["mesh"]["evaluation_cell_size"],
    message:
        "Matter of {wildcards.sim}/{wildcards.space} on the evaluation mesh"
    script:
        "../scripts/paint_matter.py"
