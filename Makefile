# Two commands do everything on a fresh machine: `make report` and `make test`.
PYTHON ?= python3
CORES ?= 2

.PHONY: report test lint

# Before each start Snakemake looks at every input of all jobs that are ready; eight of them will do.
QUICKLY = --scheduler greedy --scheduler-subsample 8

report: .venv/installed
	.venv/bin/python -m snakemake --cores $(CORES) $(QUICKLY)

test: .venv/installed
	.venv/bin/python -m pytest

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow
	.venv/bin/python -m snakemake --lint

# PySCo asks for icc-rt, which it runs without and which some machines have no build of.
.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -r requirements.lock
	.venv/bin/python -m pip install --quiet --no-deps pysco-nbody==1.0.9
	touch $@
