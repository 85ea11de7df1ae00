"""One run's users on disk, so that memory does not grow with the pool."""
