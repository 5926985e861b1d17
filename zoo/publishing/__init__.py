"""Run folder to a folder that can be published, and back; nothing is uploaded from here."""
