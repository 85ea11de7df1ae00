"""`plan`, `apply` and `verify`: one pipeline over all kinds of resources."""
