"""Export files as a `UserSource`, and how they are written."""
