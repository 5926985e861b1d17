"""zoo_cli."""
