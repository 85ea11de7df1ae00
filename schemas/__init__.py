"""JSON Schemas of the plan file and of what commands print with `--json`; read them through `engine.spec.schema`."""
