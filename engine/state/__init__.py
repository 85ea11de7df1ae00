"""What outlives a run: the state file, its lock, and the folder that they stand in."""
