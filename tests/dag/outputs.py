"""What every rule of the default plan makes, as JSON on the last line; run with a Snakefile."""

import json
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
    StorageSettings,
    WorkflowSettings,
)


def main() -> None:
    with SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(),
            storage_settings=StorageSettings(),
            workflow_settings=WorkflowSettings(),
            snakefile=Path("Snakefile"),
        )
        workflow.dag(dag_settings=DAGSettings()).execute_workflow(executor="dryrun")
        rules = workflow._workflow.rules
        print(json.dumps({rule.name: [str(output) for output in rule.output] for rule in rules}))


if __name__ == "__main__":
    main()
