"""From a Cognito record to what WorkOS should hold for it; pure, no services."""
