"""Downloads of published boxes (`source: https`), one job a file.

At most as many at a time as `--resources download_slots=4` says (slurm/config.yaml sets it). The
jobs are local ones: nodes of a cluster often have no way out, and a download needs no cores.

Only files that are not there have a rule. One that is there is a source as any other: what carries
the final name is whole, and an edited script or another mirror must not fetch 180 GB again, nor
stop at files that are protected. To fetch a file once more, delete it and ask for it by name.
A job that was killed goes on from the `.{name}.partial` that it left beside its output.
"""

from snakemake.logging import logger

from lagbias.simulations.manifest import format_manifest, missing_paths

DOWNLOADS = study.downloads()

if missing_paths(DOWNLOADS) and workflow.is_main_process:
    logger.info(format_manifest(DOWNLOADS))


rule download_file:
    output:
        "resources/{path}",
    log:
        "logs/download/{path}.log",
    benchmark:
        "logs/download/{path}.tsv"
    wildcard_constraints:
        path=one_of(missing_paths(DOWNLOADS)),
    retries: 1
    localrule: True
    conda:
        "../../envs/download.yaml"
    resources:
        download_slots=1,
        mem_mb=500,
        runtime=720,
    params:
        url_base=config["download"]["url"],
    message:
        "Downloading {wildcards.path}"
    script:
        "../scripts/download_file.py"
