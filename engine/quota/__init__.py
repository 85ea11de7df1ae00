"""The quota around a port: windows, pauses, and how many calls are in flight."""
