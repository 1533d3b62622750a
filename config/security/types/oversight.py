"""What is watched: thresholds of compliance, and whom an alert reaches."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from config.security.keys import Conflict, Key

ROOM = "compliance"


class Channel(StrEnum):
    """Where an alert goes."""

    LOG = "LOG"
    SLACK = "SLACK"
    PAGERDUTY = "PAGERDUTY"


@dataclass(frozen=True, slots=True)
class Screening:
    """Sanctions lists."""

    largest_shrink_percent: Annotated[int, Key("a list that lost more of its entries is refused", 0, 100, ROOM)]
    rescreen_days: Annotated[int, Key("days after which everyone is screened again, deltas apart", 1, 365, ROOM)]


@dataclass(frozen=True, slots=True)
class Filing:
    """Reports to authorities. Amounts in US dollars, compared with >= unless said."""

    sar_usd: Annotated[int, Key("suspicious activity from here (31 CFR 1023.320)", 1, 5_000, ROOM)]
    sar_days: Annotated[int, Key("days to file one", 1, 30, ROOM)]
    sar_days_no_suspect: Annotated[int, Key("days to file one where no suspect is known", 1, 60, ROOM)]
    ctr_above_usd: Annotated[int, Key("currency transactions above this (31 CFR 1010.311)", 1, 10_000, ROOM)]
    ctr_days: Annotated[int, Key("days to file one", 1, 15, ROOM)]
    travel_rule_usd: Annotated[int, Key("transfers from here carry IVMS101 data (31 CFR 1010.410)", 1, 3_000, ROOM)]
    ofac_business_days: Annotated[int, Key("business days to report what was blocked (31 CFR 501.603)", 1, 10, ROOM)]


@dataclass(frozen=True, slots=True)
class WashTrades:
    """One owner on both sides."""

    price_percent: Annotated[float, Key("prices within this of each other", 0, 100, ROOM)]
    quantity_percent: Annotated[float, Key("quantities within this of each other", 0, 100, ROOM)]
    window_seconds: Annotated[int, Key("seconds between the two", 1, 86_400, ROOM)]
    round_trips_a_day: Annotated[int, Key("round trips that open a case", 1, 1_000, ROOM)]


@dataclass(frozen=True, slots=True)
class Layering:
    """Orders shown and withdrawn."""

    levels: Annotated[int, Key("price levels on one side", 1, 100, ROOM)]
    times_median_size: Annotated[float, Key("or so many times the median size", 1, 1_000, ROOM)]
    longest_life_seconds: Annotated[float, Key("seconds such an order lives at most", 0.001, 3_600, ROOM)]
    cancelled_percent: Annotated[int, Key("share that was cancelled", 1, 100, ROOM)]
    opposite_fill_seconds: Annotated[float, Key("seconds within which the other side filled", 0.001, 3_600, ROOM)]
    episodes_a_day: Annotated[int, Key("episodes that open a case", 1, 1_000, ROOM)]


@dataclass(frozen=True, slots=True)
class Laundering:
    """Money in and out."""

    structuring_amounts: Annotated[int, Key("amounts just below a threshold", 2, 100, ROOM)]
    structuring_low_percent: Annotated[int, Key("from this share of the threshold", 1, 99, ROOM)]
    structuring_high_percent: Annotated[int, Key("to this share", 1, 99, ROOM)]
    structuring_hours: Annotated[int, Key("within so many hours", 1, 8_760, ROOM)]
    pass_through_percent: Annotated[int, Key("share of what came in that went out", 1, 100, ROOM)]
    pass_through_hours: Annotated[int, Key("within so many hours", 1, 8_760, ROOM)]
    dormant_days: Annotated[int, Key("days without an act, then one", 1, 3_650, ROOM)]
    velocity_sigmas: Annotated[float, Key("standard deviations above one's own habit", 1, 100, ROOM)]

    def conflicts(self) -> Iterator[Conflict]:
        """The band has a lower and an upper end."""
        if self.structuring_low_percent > self.structuring_high_percent:
            high = f"at most structuring_high_percent ({self.structuring_high_percent})"
            yield Conflict("structuring_low_percent", str(self.structuring_low_percent), high)


@dataclass(frozen=True, slots=True)
class Compliance:
    """Thresholds. All are general knowledge until counsel confirms them."""

    screening: Screening
    filing: Filing
    wash_trades: WashTrades
    layering: Layering
    laundering: Laundering

    def conflicts(self) -> Iterator[Conflict]:
        """A suspect unknown gives more time, not less."""
        if self.filing.sar_days_no_suspect < self.filing.sar_days:
            least = f"at least sar_days ({self.filing.sar_days})"
            yield Conflict("filing.sar_days_no_suspect", str(self.filing.sar_days_no_suspect), least)


Channels = Annotated[tuple[Channel, ...], Key("channels of this severity, LOG always among them", 1, 3)]


@dataclass(frozen=True, slots=True)
class Severities:
    """By severity, as PagerDuty names them."""

    critical: Channels
    error: Channels
    warning: Channels
    info: Channels

    def conflicts(self) -> Iterator[Conflict]:
        """What is nowhere written down cannot be found again."""
        for name in ("critical", "error", "warning", "info"):
            channels = getattr(self, name)
            if Channel.LOG not in channels:
                yield Conflict(name, "a list without LOG", "LOG among the channels")
            if len(set(channels)) < len(channels):
                yield Conflict(name, "a channel twice", "each channel once")


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """A channel outside, called as `providers` says of the service of its name."""

    enabled: Annotated[bool, Key("whether alerts are sent there", waits_for="notifications")]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a number becomes an alert."""

    engine_silent_seconds: Annotated[
        int, Key("seconds without a heartbeat after which an engine counts as gone", 5, 600)
    ]
    dead_letter_attempts: Annotated[int, Key("tries after which an event or a piece of work is set aside", 1, 50)]


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Alerts."""

    channels: Severities
    slack: AlertChannel
    pagerduty: AlertChannel
    thresholds: Thresholds
