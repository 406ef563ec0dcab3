"""Boxes made here: a small simulation in AbacusSummit's formats."""

COMPILED = "resources/.nbody_compiled"

# Once it is there it is a file like any other: were its job to run again, Snakemake would not look
# behind the `ancient` input, and what is stale there would stay.
if MINI and not Path(COMPILED).exists():

    rule warm_up_simulation:
        output:
            touch(COMPILED),
        log:
            "logs/warm_up_simulation.log",
        benchmark:
            "logs/warm_up_simulation.tsv"
        conda:
            "../../envs/simulation.yaml"
        threads: config["threads"]["simulation"]
        resources:
            mem_mb=memory(1140),
            runtime=minutes(15),
        message:
            "Compiling the N-body code (PySCo) once; a minute or so, cached for all later boxes"
        script:
            "../scripts/warm_up_simulation.py"


# A finished box has no rule either: a pulled script must not spend its hours again.
UNFINISHED = [sim for sim in MINI if not simulated(sim)]


# The folder of a snapshot carries its redshift: a rule for each redshift of the boxes.
for redshift in sorted({redshift_of(sim) for sim in UNFINISHED}):

    rule simulate_mini:
        name:
            simulation_rule(redshift)
        input:
            compiled=ancient(COMPILED),
        output:
            density=f"resources/ic/{{sim}}/ic_dens_N{config['mini']['particles_per_side']}.asdf",
            products=[
                str(file).replace("SIM", "{sim}")
                for file in BoxFiles.under("resources", "SIM", redshift, 0).expected(
                    config["mini"]["files_per_product"]
                )[1:]
            ],
            settings="resources/{sim}/simulation.json",
        log:
            "logs/{sim}/simulate_mini.log",
        benchmark:
            "logs/{sim}/simulate_mini.tsv"
        wildcard_constraints:
            sim="|".join(sim for sim in UNFINISHED if redshift_of(sim) == redshift),
        conda:
            "../../envs/simulation.yaml"
        threads: config["threads"]["simulation"]
        resources:
            mem_mb=memory(peak_mb.simulate_mini(config["mini"]["particles_per_side"])),
            runtime=minutes(
                simulation_minutes(
                    config["mini"]["particles_per_side"], config["mini"]["mesh"]
                )
            ),
        params:
            settings=lambda wildcards: simulation_settings(wildcards.sim),
        message:
            "Simulating {wildcards.sim} in AbacusSummit's formats"
        script:
            "../scripts/simulate_mini.py"
