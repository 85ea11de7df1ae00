"""The plan file: from YAML text to a checked `Spec`."""
