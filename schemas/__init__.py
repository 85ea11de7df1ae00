"""JSON Schemas of the plan file and of everything the commands print with `--json`; read them through `engine.spec.schema`."""
