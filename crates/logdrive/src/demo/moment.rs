//! One moment in the many ways in which services write it.

use base::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// A moment in the machine's zone.
pub(crate) struct Moment(Zoned);

impl Moment {
    pub(crate) fn new(at: Timestamp, zone: &TimeZone) -> Self {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
        Self(at.to_zoned(zone.clone()))
    }

    fn show(&self, format: &str) -> String {
        self.0.strftime(format).to_string()
    }

    /// `31/Jan/2026:10:00:00 +0100`
    pub(crate) fn access(&self) -> String {
        self.show("%d/%b/%Y:%H:%M:%S %z")
    }

    /// `2026/01/31 10:00:00`
    pub(crate) fn nginx(&self) -> String {
        self.show("%Y/%m/%d %H:%M:%S")
    }

    /// `2026-01-31T09:00:00.123Z`
    pub(crate) fn utc(&self) -> String {
        self.0.with_time_zone(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// `2026-01-31 10:00:00,123`
    pub(crate) fn java(&self) -> String {
        self.show("%Y-%m-%d %H:%M:%S,%3f")
    }

    /// `2026-01-31 09:00:00.123 UTC`
    pub(crate) fn postgres(&self) -> String {
        self.0.with_time_zone(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S.%3f UTC").to_string()
    }

    /// `Jan 31 10:00:00`
    pub(crate) fn syslog(&self) -> String {
        self.show("%b %e %H:%M:%S")
    }
}
