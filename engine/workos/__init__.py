"""WorkOS behind the engine's ports, through the official SDK."""
