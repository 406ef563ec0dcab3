#!/usr/bin/env bash
# PySCo is on PyPI alone, and asks there for icc-rt, which it runs without and which some machines
# have no build of. A `pip:` section of simulation.yaml cannot say --no-deps; Snakemake runs this in
# the environment once it is made. What PySCo does import is named in simulation.yaml.
python -m pip install --no-deps pysco-nbody==1.0.9
