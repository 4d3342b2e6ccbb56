"""Webhooks to any other system, as Standard Webhooks 1.0 has it.

`webhook-id` is the job's id: the same at every attempt, so that the other side can drop what it has
heard. `webhook-timestamp` is the instant of the attempt, and `webhook-signature` holds one
signature for each secret (two while keys are rotated). The job is gone for ever with 410; every
other answer but 2xx is tried again, after `Retry-After` where it is given.
"""

from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx
import orjson
from standardwebhooks import Webhook

from services.notify.domain.delivery import Answer, Away, Message, Refused, Spoken
from shared.clock import DAY, SECOND, Clock, Instant, from_datetime, to_datetime

EVENT_TYPE = "regulars.job.requested.v1"
_GONE = 410
_RETRY_AFTER_MAX = DAY
_ERROR_LENGTH_MAX = 200


class WebhookSender:
    """Speaks to one URL; connections are kept open."""

    def __init__(
        self, url: str, secrets: Sequence[str], *, timeout_seconds: float, clock: Clock
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            url: where messages are posted.
            secrets: `whsec_…`, the newest first; each signs.
            timeout_seconds: for a whole attempt.
            clock: for the time stamps of signatures.
        """
        self._url = url
        self._signers = [Webhook(secret) for secret in secrets]
        self._clock = clock
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            headers={"user-agent": "regulars-notify", "content-type": "application/json"},
        )

    async def send(self, message: Message) -> Answer:
        """Post one message and read what the other side says to it."""
        at = self._clock.now()
        body = _body(message, at)
        headers = {
            "webhook-id": message.job_id,
            "webhook-timestamp": str(at // SECOND),
            "webhook-signature": self._signatures(message.job_id, at, body),
        }
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=headers
            ) as response:
                return _answer(response, at)
        except httpx.TimeoutException:
            return Away("no answer in time")
        except httpx.TransportError as error:
            return Away(f"not reached: {type(error).__name__}"[:_ERROR_LENGTH_MAX])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _signatures(self, job_id: str, at: Instant, body: bytes) -> str:
        text, moment = body.decode(), to_datetime(at)
        return " ".join(signer.sign(job_id, moment, text) for signer in self._signers)


def _body(message: Message, at: Instant) -> bytes:
    return orjson.dumps(
        {
            "type": EVENT_TYPE,
            "timestamp": to_datetime(at),
            "data": {
                "job_id": message.job_id,
                "member_id": message.member_id,
                "channel": message.channel,
                "category": message.category,
                "purpose": message.purpose,
                "template": message.template,
                "language": message.language,
                "text": message.text,
                "store_id": message.store_id,
            },
        },
        option=orjson.OPT_UTC_Z,
    )


def _answer(response: httpx.Response, at: Instant) -> Answer:
    if response.is_success:
        return Spoken(response.headers.get("x-request-id"))
    error = f"answered {response.status_code}"
    if response.status_code == _GONE:
        return Refused(f"{error} (gone)")
    return Away(error, _retry_after(response.headers.get("retry-after"), at))


def _retry_after(value: str | None, at: Instant) -> Instant | None:
    """`Retry-After` in µs from now: seconds or an HTTP date, at most a day."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        wait = int(value.strip()[:9]) * SECOND
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        wait = max(0, from_datetime(aware) - at)
    return min(wait, _RETRY_AFTER_MAX)
