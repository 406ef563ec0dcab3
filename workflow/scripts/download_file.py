"""Rule download_file."""

from pathlib import Path

from lagbias.download import download_file
from lagbias.jobs import reporting


def run(job):
    with reporting(job):
        root = job.params.root
        download_file(
            path=Path(job.output[0]).relative_to(root).as_posix(),
            root=root,
            url_base=job.params.url_base,
        )


if "snakemake" in globals():
    run(snakemake)
