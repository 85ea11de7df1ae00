"""Password resets as a campaign: who needs one, when it may go out, and that nobody is mailed twice."""
