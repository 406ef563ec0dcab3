"""Networks and how they are trained."""

import os

# Trainings do not depend on what a user has set for other programs: Lightning's defaults.
for name in [name for name in os.environ if name.startswith("PL_TRAINER_")]:
    del os.environ[name]
