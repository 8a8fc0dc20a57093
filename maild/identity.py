"""Who the desk is, as maild.toml says it."""

from __future__ import annotations

from maild.desk.rulebook import Identity
from maild.settings import Settings


def identity(settings: Settings) -> Identity:
    """Who the desk is, for the rulebook."""
    desk = settings.desk
    return Identity(
        name=desk.name,
        address=desk.address,
        tag=desk.tag,
        aliases=tuple(alias for alias in desk.aliases if alias != desk.address),
        language=desk.language,
        timezone=desk.timezone,
        reply_address=desk.reply_address,
        delimiter=desk.delimiter,
        lists=desk.lists,
        forms=desk.forms,
        message_id_domain=desk.address.rpartition("@")[2],
    )
