"""A live Cognito user pool as a `UserSource`."""
