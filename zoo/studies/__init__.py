"""Many runs at once: generators × datasets × options × seeds, on Ray."""
