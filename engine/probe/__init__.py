"""Identity providers asked over HTTPS, never led into a private network."""
