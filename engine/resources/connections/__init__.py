"""SSO connections, made of a pool's OIDC and SAML providers."""
