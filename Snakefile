"""Neural-net Lagrangian halo bias (arXiv:2212.08095): from an N-body box to a report."""

# `include:` would leave out the default target of what it includes.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
