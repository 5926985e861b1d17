"""zoo_datasets."""
