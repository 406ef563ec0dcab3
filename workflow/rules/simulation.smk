"""Boxes made here: a small simulation in AbacusSummit's formats."""

if MINI:

    rule warm_up_simulation:
        output:
            touch("resources/.nbody_compiled"),
        log:
            "logs/warm_up_simulation.log",
        benchmark:
            "logs/warm_up_simulation.tsv"
        conda:
            "../../envs/simulation.yaml"
        threads: config["threads"]["simulation"]
        resources:
            mem_mb=1500,
            runtime=15,
        message:
            "Compiling the N-body code (PySCo) once; about two minutes, cached for all later boxes"
        script:
            "../scripts/warm_up_simulation.py"

    rule simulate_mini:
        input:
            compiled=ancient("resources/.nbody_compiled"),
        output:
            density=f"resources/ic/{{sim}}/ic_dens_N{config['mini']['particles_per_side']}.asdf",
            products=[
                str(file).replace("SIM", "{sim}")
                for file in BoxFiles.under(
                    "resources", "SIM", config["redshift"], 0
                ).expected(config["mini"]["files_per_product"])[1:]
            ],
        log:
            "logs/{sim}/simulate_mini.log",
        benchmark:
            "logs/{sim}/simulate_mini.tsv"
        wildcard_constraints:
            sim="|".join(MINI),
        conda:
            "../../envs/simulation.yaml"
        threads: config["threads"]["simulation"]
        resources:
            # the N-body process and its parent: 2.3 GB at 192^3 particles
            mem_mb=lambda wildcards, attempt: int(
                attempt
                * (1000 + 180 * (config["mini"]["particles_per_side"] / 100) ** 3)
            ),
            runtime=60,
        params:
            settings=config["mini"],
            master_seed=config["master_seed"],
            redshift=config["redshift"],
            phase=lambda wildcards: SIMULATIONS[wildcards.sim]["phase"],
        message:
            "Simulating {wildcards.sim} in AbacusSummit's formats"
        script:
            "../scripts/simulate_mini.py"
