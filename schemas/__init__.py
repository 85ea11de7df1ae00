"""JSON Schemas of the plan file and of what commands print with `--json`; see `engine.plan_file.schema`."""
