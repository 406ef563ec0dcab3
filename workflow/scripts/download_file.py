"""Rule download_file."""

from lagbias.base.jobs import reporting
from lagbias.simulations.download import download_file


def run(job):
    with reporting(job):
        path = job.wildcards.path
        root = job.output[0].removesuffix(f"/{path}")
        download_file(path=path, root=root, url_base=job.params.url_base)


if "snakemake" in globals():
    run(snakemake)
