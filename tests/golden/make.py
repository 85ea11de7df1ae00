"""`python -m tests.golden.make` writes what the commands say today; `test_golden` holds later versions against it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.golden.scenarios import SCENARIOS

FOLDER = Path(__file__).parent


def main() -> None:
    """Write every scenario's documents."""
    for scenario, run in SCENARIOS.items():
        with tempfile.TemporaryDirectory() as folder:
            documents = run(Path(folder))
        (FOLDER / scenario).mkdir(exist_ok=True)
        for name, document in documents.items():
            text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            (FOLDER / scenario / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
