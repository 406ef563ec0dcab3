"""Neural-net Lagrangian halo bias (arXiv:2212.08095): from an N-body box to a report."""

from snakemake.utils import min_version

# The oldest one that this was run with: that of envs/ and of requirements.lock.
min_version("9.16.3")


include: "workflow/rules/paths.smk"


# A --configfile stands alone; without one, the default is used (--config changes single keys).
if not stands_alone():

    configfile: default_config()


include: "workflow/rules/common.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/halos.smk"
include: "workflow/rules/projection.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/yardsticks.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/interpretation.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        figures(study),
        tables(study),
    message:
        "Everything is there: open results/report.html"


report: "workflow/report/workflow.rst"
