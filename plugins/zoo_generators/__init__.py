"""zoo_generators."""
