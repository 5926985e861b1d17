"""Can readers tell generated images from real ones? A blinded study and its statistics."""
