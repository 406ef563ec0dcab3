"""No more jobs at once than cores.

Snakemake 9.10 to 9.16.3 does not count a job that is ready alone, but gives its cores back when it
ends: more and more jobs run at once (snakemake issue 3913, repaired in later versions).
"""

import inspect

from snakemake.scheduling.job_scheduler import JobScheduler


def count_jobs_ready_alone(scheduler):
    """Let a scheduler take the resources of a job that was alone from those that are free."""
    select = scheduler.job_selector

    def counted(self, jobs):
        selected = select(self, jobs)
        if len(jobs) < 2:
            self.update_available_resources(selected)
        return selected

    scheduler.job_selector = counted


# A second module that includes this finds the fault no more.
if "len(jobs) == 1" in inspect.getsource(JobScheduler.job_selector):
    count_jobs_ready_alone(JobScheduler)
