"""Keys from an identity provider: rotation, outages, and forged key ids."""

import httpx
import pytest
from joserfc.jwk import ECKey

from shared.auth.errors import Unauthenticated
from shared.auth.key_sets import RemoteKeys
from shared.clock import HOUR, SECOND

URL = "https://id.example.test/keys"


class Provider:
    """An identity provider that answers with its keys, or with an error."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": "old"})]
        self.asked = 0
        self.away = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            return httpx.Response(503, request=request)
        document = {"keys": [key.as_dict(private=False) for key in self.keys]}
        return httpx.Response(200, json=document, request=request)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))


async def test_keys_are_fetched_once_and_again_after_an_hour() -> None:
    provider = Provider()
    keys = RemoteKeys(URL, client=provider.client())
    for at in (0, SECOND, HOUR):
        await keys.key_set(kid="old", now=at)
    assert provider.asked == 1
    await keys.key_set(kid="old", now=HOUR + SECOND)
    assert provider.asked == 2


async def test_a_new_key_is_found_when_a_token_names_it() -> None:
    provider = Provider()
    keys = RemoteKeys(URL, client=provider.client())
    await keys.key_set(kid="old", now=0)
    provider.keys.append(ECKey.generate_key("P-256", {"kid": "new"}))
    found = await keys.key_set(kid="new", now=31 * SECOND)
    assert found.get_by_kid("new").kid == "new"


async def test_forged_key_ids_do_not_hammer_the_provider() -> None:
    provider = Provider()
    keys = RemoteKeys(URL, client=provider.client())
    for second in range(30):
        await keys.key_set(kid=f"forged-{second}", now=second * SECOND)
    assert provider.asked == 1


async def test_keys_once_seen_outlive_an_outage() -> None:
    provider = Provider()
    keys = RemoteKeys(URL, client=provider.client())
    await keys.key_set(kid="old", now=0)
    provider.away = True
    assert (await keys.key_set(kid="old", now=2 * HOUR)).get_by_kid("old").kid == "old"


async def test_without_any_key_nobody_is_believed() -> None:
    provider = Provider()
    provider.away = True
    keys = RemoteKeys(URL, client=provider.client())
    with pytest.raises(Unauthenticated, match="cannot be had"):
        await keys.key_set(kid="old", now=0)
