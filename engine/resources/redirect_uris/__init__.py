"""Redirect URIs: where WorkOS may send people back to."""
