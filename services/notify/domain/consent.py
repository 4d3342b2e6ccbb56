"""What a member allows: by channel, for all channels at once, and by category of message."""

from collections.abc import Mapping

from shared.events.meaning import ALL_CHANNELS, CATEGORIES, CHANNELS

Consent = Mapping[str, bool]
"""The last word on each channel, on `all`, and on each category."""


def after(consent: Consent, said: Mapping[str, bool]) -> dict[str, bool]:
    """What holds after a member has said something; on `all` it replaces each channel's word."""
    holds = dict(consent)
    if ALL_CHANNELS in said:
        holds = {name: granted for name, granted in holds.items() if name in CATEGORIES}
    return holds | dict(said)


def consent_to(consent: Consent, channel: str, category: str) -> bool | None:
    """Whether a message of a category may be said on a channel; None: nothing was said of it."""
    if category in CATEGORIES and consent.get(category) is False:
        return False
    return consent.get(channel, consent.get(ALL_CHANNELS))


def channels_granted(consent: Consent) -> frozenset[str]:
    """The channels that the member said yes to; a yes to all is one to each."""
    known = CHANNELS.union(consent) if consent.get(ALL_CHANNELS) else consent.keys()
    return frozenset(
        name
        for name in known
        if name not in CATEGORIES and name != ALL_CHANNELS and consent_to(consent, name, "")
    )
