"""Figures, from files of fits and evaluations to PDF and PNG."""

import os

# Figures do not depend on what a user has set for other programs: a notebook's backend is not
# installed here. matplotlib reads this when it is first imported, which is after this.
os.environ["MPLBACKEND"] = "Agg"
