"""Where Cognito users come from: a live user pool or export files."""
