"""An embedded WorkOS emulator: a real HTTP server on loopback, at least as strict as the real API.

`process` starts it for others, `server` runs it in this process; nothing else here is for use from outside.
"""
