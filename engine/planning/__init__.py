"""Desired users against what is known: the changes of a run, and the guards that refuse them; pure."""
