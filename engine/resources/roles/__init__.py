"""Roles and permissions of an environment."""
