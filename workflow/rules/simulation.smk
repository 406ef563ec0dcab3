"""Boxes made here: a small simulation in AbacusSummit's formats."""

COMPILED = "resources/.nbody_compiled"

# Once it is there it is a file like any other: were its job to run again, Snakemake would not look
# behind the `ancient` input, and what is stale there would stay.
if study.mini_boxes() and not Path(COMPILED).exists():

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
            **needs.of("warm_up_simulation"),
        message:
            "Compiling the N-body code (PySCo) once; half a minute, cached for all later boxes"
        script:
            "../scripts/warm_up_simulation.py"


# The folder of a snapshot carries its redshift: a rule for each redshift of the boxes. A finished
# box has no rule: a pulled script must not spend its hours again.
for redshift in study.redshifts_of(UNFINISHED):

    rule simulate_mini:
        name:
            study.simulation_rule(redshift)
        input:
            compiled=ancient(COMPILED),
        output:
            density=f"resources/ic/{{sim}}/ic_dens_N{study.mini_density_grid()}.asdf",
            products=study.simulated_products(redshift),
            settings="resources/{sim}/simulation.json",
        log:
            "logs/{sim}/simulate_mini.log",
        benchmark:
            "logs/{sim}/simulate_mini.tsv"
        wildcard_constraints:
            sim="|".join(study.at_redshift(redshift, UNFINISHED)),
        conda:
            "../../envs/simulation.yaml"
        threads: config["threads"]["simulation"]
        resources:
            **needs.of("simulate_mini"),
        params:
            settings=lambda w: study.simulation_settings(w.sim),
        message:
            "Simulating {wildcards.sim} in AbacusSummit's formats"
        script:
            "../scripts/simulate_mini.py"
