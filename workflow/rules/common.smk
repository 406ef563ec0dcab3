"""The config, checked, and the plan that follows from it (workflow/scripts/lagbias/plan)."""

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from lagbias.base.errors import InputError, StorageError
from lagbias.base.files import check_writable
from lagbias.config.load import checked
from lagbias.plan.code import Code
from lagbias.plan.inputs import (
    EVALUATION,
    Inputs,
    bias_files,
    of_evaluations,
    of_fits,
    of_losses,
    of_seeds,
    planted_fit,
)
from lagbias.plan.needs import Needs
from lagbias.plan.script_times import keep_times
from lagbias.plan.study import Study
from lagbias.plan.targets import (
    figure_place,
    figures,
    models,
    planted_table,
    table_place,
    tables,
    verdicts,
)
from lagbias.plan.wildcards import (
    GALAXIES,
    HALOS,
    HOD_GALAXIES,
    TRACER,
    by_hand,
    constraints,
    networks,
    of_modes,
    one_of,
)

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"

try:
    config.update(
        checked(config, SCHEMA, workflow.configfiles, look=workflow.is_main_process)
    )
    study = Study(config)
    UNFINISHED = study.unfinished()
except InputError as error:
    raise WorkflowError(str(error)) from None

inputs, needs, code_of = Inputs(study), Needs(study), Code(SCRIPTS).of


# Of other folders' runs a repository knows nothing, so that its scripts keep their times.
if workflow.is_main_process and not IS_MODULE and os.path.samefile(ROOT, "."):
    keep_times(
        SCRIPTS.glob("*.py"),
        Path(".snakemake/script_times.json"),
        runs=not workflow.output_settings.dryrun,
    )


# A module's would take the place of that of the outer workflow.
if not IS_MODULE:

    # Snakemake itself ends in a traceback where it cannot delete an output that it is to make.
    onstart:
        try:
            check_writable("results", "logs")
        except StorageError as error:
            raise WorkflowError(str(error))


wildcard_constraints:
    **constraints(study),
