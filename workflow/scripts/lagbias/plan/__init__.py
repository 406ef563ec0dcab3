"""From a config to file names, targets, resources and code dependence."""
