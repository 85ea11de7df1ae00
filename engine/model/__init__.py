"""The words that everybody uses: users, providers, errors, codes, ports. Imports nothing of ours."""
