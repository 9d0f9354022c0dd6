"""Timestamps of the wire: epoch seconds inside, ISO 8601, RFC 822 or epoch seconds outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _moment(seconds: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=round(seconds * 1000))


def render_iso8601(seconds: float, always_millis: bool = False) -> str:
    """`2026-01-31T12:00:00Z`, with milliseconds where there are some (or always, as S3 writes)."""
    moment = _moment(seconds)
    millis = moment.microsecond // 1000
    text = f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
    text += f"T{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    return f"{text}.{millis:03d}Z" if millis or always_millis else f"{text}Z"


def render_rfc822(seconds: float) -> str:
    """`Sat, 31 Jan 2026 12:00:00 GMT`, as HTTP's Date; fractions are cut off."""
    moment = _EPOCH + timedelta(seconds=int(seconds // 1))
    return (
        f"{_WEEKDAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )


def render(seconds: float, form: str) -> str:
    if form == "iso8601":
        return render_iso8601(seconds)
    if form == "rfc822":
        return render_rfc822(seconds)
    return str(int(seconds)) if seconds == int(seconds) else repr(seconds)


def _seconds(moment: datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) / timedelta(seconds=1)


def parse(text: str) -> float:
    """Epoch seconds of any of the three forms. Raises ValueError."""
    from email.utils import parsedate_to_datetime  # costs 8 ms, and few requests hold such a date

    text = text.strip()
    if len(text) > 64:
        raise ValueError("timestamp too long")
    try:
        return require_finite(float(text))
    except ValueError:
        pass
    try:
        return _seconds(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        pass
    try:
        return _seconds(parsedate_to_datetime(text))
    except (TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"not a timestamp: {text}") from error


def require_finite(seconds: float) -> float:
    """The same number, if a calendar can show it (years 1 to 9999)."""
    if not -62135596800 <= seconds < 253402300800:
        raise ValueError("timestamp out of range")
    return seconds
