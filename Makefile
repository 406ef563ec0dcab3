# Two commands do everything on a fresh machine: `make report` and `make test`; CONTRIBUTING.md has
# the others.
PYTHON ?= python3
CORES ?= 2

.PHONY: report test test-slow bench lint types docs snakedeploy

# Before each start Snakemake looks at every input of all jobs that are ready; eight of them will do
# for eight cores.
SUBSAMPLE = $(if $(filter 1 2 3 4 5 6 7 8,$(CORES)),--scheduler-subsample 8)

# One line a job on the terminal; Snakemake's own words are in .snakemake/log.
LINES = PYTHONPATH="workflow/terminal$${PYTHONPATH:+:$$PYTHONPATH}"

report: .venv/installed
	$(LINES) .venv/bin/python -m snakemake --cores $(CORES) --scheduler greedy $(SUBSAMPLE) --logger lines

# Each process has one thread, or they would wait for each other.
PYTEST = OMP_NUM_THREADS=1 .venv/bin/python -m pytest

test: .venv/installed
	$(PYTEST) --numprocesses 2 --dist worksteal -m "not slow"

# Four processes, since those of Slurm and of conda mostly wait, and others wait for a run of the
# whole workflow that they share.
test-slow: .venv/installed
	$(PYTEST) --numprocesses 4 --dist worksteal -m slow

# After `make report`, on its boxes; one thread.
bench: .venv/installed
	OMP_NUM_THREADS=1 .venv/bin/python benchmarks/ratios.py --output docs/size/ratios.md

lint: .venv/installed
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m snakefmt --check Snakefile workflow
	.venv/bin/python -m snakemake --lint

types: .venv/installed
	.venv/bin/python -m basedpyright

# One test needs it; it brings packages that nothing else here does.
snakedeploy: .venv/installed
	.venv/bin/python -m pip install --quiet snakedeploy==0.17.1

docs: .venv/installed-docs
	.venv/bin/python -m sphinx -W --keep-going --quiet docs docs/_build/html

.venv/installed-docs: docs/requirements.txt .venv/installed
	.venv/bin/python -m pip install --quiet -r docs/requirements.txt --constraint requirements.lock
	@touch $@

# An environment that lost its Python, by an upgrade of the system, is made again.
FINDS_ITS_PACKAGES = .venv/bin/python -c 'import importlib.util as u; print(u.find_spec("snakemake"))'
ifeq ($(filter-out None,$(shell $(FINDS_ITS_PACKAGES) 2>/dev/null)),)
.PHONY: .venv/installed
endif

DO = expected 3.11 or later; install it and name it: make report PYTHON=python3.11
NO_PYTHON = found no $(PYTHON), $(DO)
NO_VENV = $(PYTHON) has no module venv; install it (Debian, Ubuntu: apt install python3-venv)
TOO_OLD = import sys; v = sys.version_info[:2]; \
	sys.exit(v < (3, 11) and "error: $(PYTHON) is Python %d.%d, $(DO)" % v)
refuse = { echo "error: $(1)" >&2; exit 1; }

# Always from nothing: what an older Python or a pip that was stopped left there is in the way.
# PySCo asks for icc-rt, which it runs without and which some machines have no build of.
.venv/installed: requirements.lock
	@command -v "$(PYTHON)" >/dev/null || $(call refuse,$(NO_PYTHON))
	@"$(PYTHON)" -c '$(TOO_OLD)'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || $(call refuse,$(NO_VENV))
	"$(PYTHON)" -m venv --clear .venv
	.venv/bin/python -m pip install --quiet -r requirements.lock
	.venv/bin/python -m pip install --quiet --no-deps pysco-nbody==1.0.9
	@touch $@
