"""Declarative, idempotent migration of users from AWS Cognito to WorkOS."""
