"""What every room needs: errors, files and stores, seeds, threads, devices, jobs."""
