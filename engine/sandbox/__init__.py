"""An embedded WorkOS stand-in: a real HTTP server on loopback, at least as strict as the real API."""
