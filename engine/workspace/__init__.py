"""The folder that a plan's files stand in: private files and the lock."""
