"""A first plan file for a pool: what was found there, what to propose for it, and the text."""
