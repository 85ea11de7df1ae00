"""Keeps one comment in a pull request of GitHub, or a merge request of GitLab, from a file of `migrate --summary`.

The file's first line is a marker, by which later runs find the comment and update it in place. Runs on the job's own
Python with nothing installed, and knows the service by its variables. Outside a pull request it does nothing.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PAGE = 100
_CUT = "\n\n</details>\n\nThe rest is in the job's summary.\n"


@dataclass(frozen=True)
class Service:
    """`longest` is what a comment holds, in characters; `is_mine` tells whether a comment is this job's to replace."""

    url: str
    headers: dict[str, str]
    comments: str
    one: Callable[[Any], str]
    update: str
    longest: int
    is_mine: Callable[[dict[str, Any]], bool]


def github() -> Service | None:
    """None where the run is of no pull request."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number = (event.get("pull_request") or {}).get("number")
    if number is None:
        return None
    issues = f"/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    headers = {
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return Service(
        os.environ.get("GITHUB_API_URL", "https://api.github.com"), headers, f"{issues}/{int(number)}/comments",
        lambda comment: f"{issues}/comments/{comment}", "PATCH", 65_536,
        # The job's own token writes as an app. Anybody may write the marker, and nobody's words are ours to replace.
        lambda comment: (comment.get("user") or {}).get("type") == "Bot",
    )  # fmt: skip


def gitlab() -> Service | None:
    """None where the pipeline is of no merge request."""
    number = os.environ.get("CI_MERGE_REQUEST_IID")
    if not number:
        return None
    notes = f"/projects/{os.environ['CI_PROJECT_ID']}/merge_requests/{int(number)}/notes"
    url, headers = os.environ["CI_API_V4_URL"], {"PRIVATE-TOKEN": os.environ["MIGRATE_GITLAB_TOKEN"]}
    me = _call("GET", url + "/user", headers)["id"]
    return Service(
        url, headers, notes, lambda note: f"{notes}/{note}", "PUT", 1_000_000,
        lambda note: (note.get("author") or {}).get("id") == me,
    )  # fmt: skip


def keep_comment(service: Service, text: str) -> None:
    """Write the comment, or update the one that an earlier run wrote."""
    if len(text) > service.longest:
        text = text[: service.longest - len(_CUT)] + _CUT
    marker = text.partition("\n")[0]
    mine = (
        one["id"]
        for one in _comments(service)
        if service.is_mine(one) and (one.get("body") or "").splitlines()[:1] == [marker]
    )
    found = next(mine, None)
    if found is None:
        _call("POST", service.url + service.comments, service.headers, {"body": text})
    else:
        _call(service.update, service.url + service.one(found), service.headers, {"body": text})


def _comments(service: Service) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        found = _call("GET", f"{service.url}{service.comments}?per_page={_PAGE}&page={page}", service.headers)
        yield from found
        if len(found) < _PAGE:
            return
        page += 1


def _call(method: str, url: str, headers: dict[str, str], body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    sent = headers if data is None else {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, sent, method=method)  # noqa: S310 - the job's variable says where
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
        return json.load(answer)


def main(path: Path) -> str:
    """What was done, for the job's log."""
    try:
        service = gitlab() if "GITLAB_CI" in os.environ else github()
        if service is None:
            return "no pull request: no comment"
        keep_comment(service, path.read_text(encoding="utf-8"))
    except urllib.error.HTTPError as error:
        # A read-only token is usual where a fork asks, and the summary has the text as well.
        return f"::warning::no comment was written: the service answered {error.code}"
    except OSError as error:
        return f"::warning::no comment was written: {type(error).__name__}"
    return "the comment is up to date"


if __name__ == "__main__":
    sys.stdout.write(main(Path(sys.argv[1])) + "\n")
