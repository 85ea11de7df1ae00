"""Where users come from: a live Cognito user pool, or the files of an export. Both are a `UserSource`."""
