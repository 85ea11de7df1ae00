"""WorkOS behind the port `UserTarget`, and the quota around it."""
