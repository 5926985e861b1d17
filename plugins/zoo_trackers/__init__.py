"""Experiment trackers: TensorBoard and MLflow."""
