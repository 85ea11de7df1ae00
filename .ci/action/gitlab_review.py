"""Fetches the review of the merge request that brought this commit: the file that its job `plan` kept.

Runs on the job's own Python with nothing installed. Reads CI_API_V4_URL, CI_PROJECT_ID, CI_COMMIT_SHA and
MIGRATE_GITLAB_TOKEN. Ends with 1 where there is no such file: then nothing may be applied.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode


def fetch(name: str) -> bytes:
    """The file of that name."""
    project = f"/projects/{os.environ['CI_PROJECT_ID']}"
    merged = json.loads(_get(f"{project}/repository/commits/{os.environ['CI_COMMIT_SHA']}/merge_requests"))
    number = next(int(one["iid"]) for one in merged if one["state"] == "merged")
    ref = quote(f"refs/merge-requests/{number}/head", safe="")
    return _get(f"{project}/jobs/artifacts/{ref}/raw/{quote(name)}?{urlencode({'job': 'plan'})}")


def _get(path: str) -> bytes:
    headers = {"PRIVATE-TOKEN": os.environ["MIGRATE_GITLAB_TOKEN"]}
    request = urllib.request.Request(os.environ["CI_API_V4_URL"] + path, headers=headers)  # noqa: S310 - GitLab's own
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    try:
        Path(sys.argv[1]).write_bytes(fetch(sys.argv[1]))
    except (StopIteration, OSError) as error:
        answered = f" (GitLab answered {error.code})" if isinstance(error, urllib.error.HTTPError) else ""
        sys.exit(f"there is no review of a merge request for this commit{answered}; nothing is applied")
