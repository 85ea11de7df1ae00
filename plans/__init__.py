"""Plan files to start from; `migrate init --example` and `--quickstart` copy them."""
