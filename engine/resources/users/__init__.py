"""Users: what a record maps to, who stands for an address, and what becomes of each person."""
