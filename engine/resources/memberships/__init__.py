"""Memberships: who belongs to which organization, with which roles."""
