"""Typer commands and the wiring of everything else."""
