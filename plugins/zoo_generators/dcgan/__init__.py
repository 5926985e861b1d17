"""dcgan."""
