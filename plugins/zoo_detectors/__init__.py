"""zoo_detectors."""
