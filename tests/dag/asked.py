"""What rules make, and what every job asks for at two attempts, as JSON on the last line.

Run in a folder with a Snakefile: a dry run prints the resources of rules without a message only.
"""

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

RESOURCES = ("mem_mb", "runtime")


def asked(job, attempt: int) -> dict[str, int | None]:
    job.attempt = attempt
    return {name: job.resources.get(name) for name in RESOURCES}


def main() -> None:
    output = OutputSettings(dryrun=True, quiet={Quietness.ALL})
    with SnakemakeApi(output) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=4),
            config_settings=ConfigSettings(),
            storage_settings=StorageSettings(),
            workflow_settings=WorkflowSettings(),
            snakefile=Path("Snakefile"),
        )
        dag = workflow.dag(dag_settings=DAGSettings(forceall=True))
        dag.execute_workflow(executor="dryrun")
        found = [
            {
                "rule": job.rule.name, "wildcards": dict(job.wildcards_dict),
                "attempts": [asked(job, attempt) for attempt in (1, 2)],
            }
            for job in workflow._workflow.dag.jobs
        ]  # fmt: skip
        outputs = {
            rule.name: [str(output) for output in rule.output] for rule in workflow._workflow.rules
        }
    print(json.dumps({"jobs": found, "outputs": outputs}))


if __name__ == "__main__":
    main()
