"""The fake of `RedirectUriPort`."""

from __future__ import annotations

from engine.model.call_errors import Terminal
from engine.model.creations import Made
from engine.resources.redirect_uris.port import HeldRedirectUri
from tests.support.fake_script import Script


class FakeRedirectUris:
    """`uris` are the application's, the default one first."""

    def __init__(self, script: Script, uris: list[str]) -> None:
        self._script, self.uris = script, uris

    async def all(self) -> list[HeldRedirectUri]:
        return self._script.read("redirect_uris.all", None, [self._held(uri) for uri in self.uris])

    async def create(self, uri: str) -> Made[HeldRedirectUri]:
        if uri in self.uris:
            return Made(self._held(uri), ours=False)
        after = self._script.begin("redirect_uris.create", f"uri {uri}")
        self.uris.append(uri)
        return self._script.end(after, Made(self._held(uri), ours=True))

    async def delete(self, redirect_uri_id: str) -> None:
        after = self._script.begin("redirect_uris.delete", f"delete {redirect_uri_id}")
        held = next((one for one in map(self._held, self.uris) if one.id == redirect_uri_id), None)
        if held is not None and held.default:
            raise Terminal("http_409", status=409)
        self.uris[:] = [uri for uri in self.uris if held is None or uri != held.uri]
        self._script.end(after, None)

    def _held(self, uri: str) -> HeldRedirectUri:
        return HeldRedirectUri(f"ruri_{uri}", uri, uri == self.uris[0])
