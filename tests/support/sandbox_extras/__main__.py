"""The command line of the sandbox of tests: `python -m tests.support.sandbox_extras`."""

from __future__ import annotations

import sys

import orjson

from engine.model.errors import MigrateError
from engine.sandbox.__main__ import options_of, parser
from engine.sandbox.server import serve
from tests.support.sandbox_extras.options import Faults, Options, changed_faults
from tests.support.sandbox_extras.server import Server


def main() -> int:
    known = parser()
    known.add_argument("--faults", default="{}")
    given = known.parse_args()
    try:
        plain = options_of(given)
        told = {name: getattr(plain, name) for name in type(plain).__slots__}
        options = Options(**told, faults=changed_faults(Faults(), orjson.loads(given.faults)))
        serve(Server(options), parent_pipe=given.parent_pipe)
    except (MigrateError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
