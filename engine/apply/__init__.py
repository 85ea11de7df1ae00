"""Carrying out a plan: claim, call, record."""
