"""`Date`: a moment, in milliseconds since 1970.

Source: ECMAScript, Date objects. Local time is UTC, as in production.
"""

from __future__ import annotations

import calendar
import math
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import range_error
from paddock.worker.isolate.web.objects import JsProxy, null
from paddock.worker.isolate.web.text import js_string, number

__all__ = ["Date"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAN: Final = math.nan
_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:?\d\d)?)?"
)


#: V8's older forms: "Jan 31, 2026 10:00", "Sat Jan 31 2026 10:00:00 GMT+0100 (CET)", "1/31/2026", "2026/1/31".
_NAMED: Final = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})"
    r"(?:,?\s+(\d\d?):(\d\d)(?::(\d\d))?)?(?:\s*(?:GMT|UTC|Z))?([+-]\d\d:?\d\d)?(?:\s*\(.*\))?"
)
_NUMERIC: Final = re.compile(
    r"(?:(\d{4})[/-](\d\d?)[/-](\d\d?)|(\d\d?)/(\d\d?)/(\d{4}))(?:,?\s+(\d\d?):(\d\d)(?::(\d\d))?)?"
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: The last moment that there is. Source: ECMAScript, "Time Values and Time Range".
_LAST: Final = 8.64e15


class Date(JsProxy, metaclass=JsClass):
    """A moment. Without arguments: now. `getTime()` is NaN where a text could not be read."""

    def __init__(self, *parts: object) -> None:
        if not parts:
            self._ms = float(_now())
        elif len(parts) > 1:
            self._ms = _of_parts(*(float(part) if isinstance(part, int | float) else _NAN for part in parts))
        elif isinstance(parts[0], Date):
            self._ms = parts[0]._ms
        elif isinstance(parts[0], int | float):
            self._ms = float(parts[0]) if math.isnan(parts[0]) else float(math.trunc(parts[0]))
        else:
            self._ms = _parsed(js_string(parts[0]))
        if abs(self._ms) > _LAST:
            self._ms = _NAN

    @staticmethod
    def now() -> int:
        return _now()

    @staticmethod
    def parse(text: object) -> int | float:
        return number(_parsed(js_string(text)))

    @staticmethod
    def UTC(*parts: float) -> int | float:
        return number(_of_parts(*parts))

    def getTime(self) -> int | float:
        return number(self._ms)

    valueOf = getTime

    def getFullYear(self) -> int | float:
        return self._part("year")

    def getMonth(self) -> int | float:
        """The month, counted from 0."""
        return self._part("month") - 1

    def getDate(self) -> int | float:
        return self._part("day")

    def getHours(self) -> int | float:
        return self._part("hour")

    def getMinutes(self) -> int | float:
        return self._part("minute")

    def getSeconds(self) -> int | float:
        return self._part("second")

    def getMilliseconds(self) -> int | float:
        return _NAN if math.isnan(self._ms) else int(self._ms % 1000)

    def getDay(self) -> int | float:
        """The day of the week, Sunday being 0."""
        return _NAN if math.isnan(self._ms) else (self._moment().weekday() + 1) % 7

    getUTCFullYear, getUTCMonth, getUTCDate, getUTCDay = getFullYear, getMonth, getDate, getDay
    getUTCHours, getUTCMinutes, getUTCSeconds = getHours, getMinutes, getSeconds
    getUTCMilliseconds = getMilliseconds

    def setTime(self, ms: float) -> int | float:
        self._ms = float(ms)
        return self.getTime()

    def setFullYear(self, year: float, *rest: float) -> int | float:
        return self._set(0, year, *rest)

    def setMonth(self, month: float, *rest: float) -> int | float:
        return self._set(1, month, *rest)

    def setDate(self, day: float) -> int | float:
        return self._set(2, day)

    def setHours(self, hours: float, *rest: float) -> int | float:
        return self._set(3, hours, *rest)

    def setMinutes(self, minutes: float, *rest: float) -> int | float:
        return self._set(4, minutes, *rest)

    def setSeconds(self, seconds: float, *rest: float) -> int | float:
        return self._set(5, seconds, *rest)

    def setMilliseconds(self, ms: float) -> int | float:
        return self._set(6, ms)

    setUTCFullYear, setUTCMonth, setUTCDate, setUTCHours = setFullYear, setMonth, setDate, setHours
    setUTCMinutes, setUTCSeconds, setUTCMilliseconds = setMinutes, setSeconds, setMilliseconds

    def getTimezoneOffset(self) -> int:
        return 0

    def toISOString(self) -> str:
        """Like 2026-01-31T12:00:00.000Z. Raises a RangeError where there is no time."""
        if math.isnan(self._ms):
            raise range_error("Invalid time value")
        return self._moment().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def toJSON(self) -> object:
        return null() if math.isnan(self._ms) else self.toISOString()

    def toUTCString(self) -> str:
        return "Invalid Date" if math.isnan(self._ms) else self._moment().strftime("%a, %d %b %Y %H:%M:%S GMT")

    def toDateString(self) -> str:
        return self.toString() if math.isnan(self._ms) else self._moment().strftime("%a %b %d %Y")

    def toLocaleDateString(self) -> str:
        """In the form of the United States, which is the default; other locales are not available."""
        moment = self._moment()
        return f"{moment.month}/{moment.day}/{moment.year}"

    def toLocaleTimeString(self) -> str:
        moment = self._moment()
        return f"{moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"

    def toLocaleString(self) -> str:
        return f"{self.toLocaleDateString()}, {self.toLocaleTimeString()}"

    def toString(self) -> str:
        if math.isnan(self._ms):
            return "Invalid Date"
        return self._moment().strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")

    def _set(self, first: int, *values: float) -> int | float:
        """Replace some of year, month, day, hours, minutes, seconds and milliseconds, the first one given by place."""
        if math.isnan(self._ms):
            return _NAN
        moment = self._moment()
        parts: list[float] = [moment.year, moment.month - 1, moment.day, moment.hour, moment.minute, moment.second,
                              self._ms % 1000]  # fmt: skip
        parts[first : first + len(values)] = values
        self._ms = _of_parts(*parts)
        return self.getTime()

    def _part(self, name: str) -> int | float:
        return _NAN if math.isnan(self._ms) else int(getattr(self._moment(), name))

    def _moment(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self._ms)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _of_parts(year: float, month: float = 0, day: float = 1, *clock: float) -> float:
    if any(math.isnan(part) for part in (year, month, day, *clock)):
        return _NAN
    hours, minutes, seconds, ms = (*clock, 0, 0, 0, 0)[:4]
    whole_year = int(year) + (1900 if 0 <= year <= 99 else 0) + int(month) // 12
    days = calendar.timegm((whole_year, int(month) % 12 + 1, 1, 0, 0, 0)) / 86400 + int(day) - 1
    return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000 + ms


def _parsed(text: str) -> float:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return _parsed_otherwise(text.strip())
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    parts = [int(year), int(month or 1) - 1, int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)]
    if not (0 <= parts[1] <= 11 and 1 <= parts[2] <= 31 and parts[3] <= 24 and parts[4] <= 59 and parts[5] <= 59):
        return _NAN
    return _of_parts(*parts, int((fraction or "0").ljust(3, "0")[:3])) - _offset_s(zone) * 1000


def _parsed_otherwise(text: str) -> float:
    """A date that is not in ISO's form, in one of the forms that V8 takes."""
    if match := _NAMED.fullmatch(text):
        name, day, year, hour, minute, second, zone = match.groups()
        month = _MONTHS.index(name.lower()) if name.lower() in _MONTHS else _NAN
        clock = (int(hour or 0), int(minute or 0), int(second or 0))
        return _of_parts(int(year), month, int(day), *clock) - _offset_s(zone) * 1000
    if match := _NUMERIC.fullmatch(text):
        groups = match.groups()
        numbers = groups[:3] if groups[0] else (groups[5], groups[3], groups[4])
        years, months, days = (int(number or 0) for number in numbers)
        is_date = 1 <= months <= 12 and 1 <= days <= 31
        return _of_parts(years, months - 1, days, *(int(part or 0) for part in groups[6:])) if is_date else _NAN
    try:
        return parsedate_to_datetime(text).timestamp() * 1000
    except (ValueError, TypeError):
        return _NAN


def _offset_s(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    digits = zone[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[0] == "-" else 1)
