"""Everything that a plan makes in WorkOS, a folder a kind; each holds its rules and nothing of the way they are run."""
