"""When a mail, or a post to a webhook, that could not be delivered is tried again, and how long a domain that defers mail is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

LIFE = timedelta(days=5)  # RFC 5321 §4.5.4.1: give up after at least four to five days
_GAPS = (timedelta(seconds=10), *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240)))
# The first is for a relay that is just being restarted: an acknowledgement is wanted within seconds.
_SPREAD = 0.1
_PATIENT = 3
_ALONE = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 30))


def next_attempt(
    attempts: int, created_at: datetime, now: datetime, row: int = 0, life: timedelta = LIFE
) -> datetime | None:
    """The time of the next attempt after `attempts` (1 or more) have failed, the last one at `now`; None: give up,
    for it would be later than `life` after `created_at`.

    Gaps grow from ten seconds to four hours. Each is lengthened by up to a tenth, by a share that is fixed for an outbox
    `row`, so that mails which failed together do not all come back together.
    """
    gap = _GAPS[min(max(attempts, 1), len(_GAPS)) - 1]
    share = (row * 2654435761 % 2**32) / 2**32  # Knuth's multiplicative hash: neighbours land far apart
    due = now + gap * (1 + _SPREAD * share)
    return due if due <= created_at + life else None


def left_alone(times: int) -> timedelta | None:
    """For how long nothing is tried at a domain that has deferred mail `times` in a row; None: one or two may be about single mails.

    From one minute to half an hour; after each, as much is tried as there is, and the first mail it takes ends it.
    """
    return None if times < _PATIENT else _ALONE[min(times - _PATIENT, len(_ALONE) - 1)]
