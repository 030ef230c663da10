"""Hyperparameter tuning jobs of the embedded AWS, from the plain request to the best trial.

`request` reads and checks, `optimiser` proposes, `loop` runs the trials, `service` answers the
API. Training jobs themselves belong to `local.jobs`.
"""

from local.tuning.service import TuningJobs

__all__ = ["TuningJobs"]
