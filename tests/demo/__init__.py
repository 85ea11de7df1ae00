"""`make demo`: a migration from the first look to the report, on invented users, with nothing faked."""
