//! Who this producer is to brokers, and the unique ids of its messages.

use crate::config::Settings;
use crate::protocol::remoting::message_id::{UniqueIdPrefix, UniqueIdSeed};
use crate::random::generator;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 86_400_000;
/// No month is shorter.
const SHORTEST_MONTH_MS: i64 = 28 * DAY_MS;
/// Room for a message id of either length.
pub(super) const ID_ROOM: usize = 56;

static NEXT_INSTANCE: AtomicU32 = AtomicU32::new(1);

/// Client id and message ids of one producer.
#[derive(Debug)]
pub(crate) struct Identity {
    client_id: String,
    prefix: UniqueIdPrefix,
    counter: AtomicU16,
    /// When the month began that an id was made in last.
    month: AtomicI64,
}

impl Identity {
    pub(crate) fn new(settings: &Settings) -> Self {
        let host = settings.client_ip.unwrap_or_else(host_address);
        let pid = std::process::id();
        let instance = match settings.instance_name.as_str() {
            "DEFAULT" => format!("{pid}#{}", NEXT_INSTANCE.fetch_add(1, Ordering::Relaxed)),
            name => name.to_owned(),
        };
        // Random, because containers share addresses and low process ids.
        let seed = UniqueIdSeed { host, pid: pid as u16, hash: generator().i32(..) };
        let unit = match settings.unit_name.trim() {
            "" => String::new(),
            unit => format!("@{unit}"),
        };
        Identity {
            client_id: format!("{host}@{instance}{unit}"),
            prefix: UniqueIdPrefix::new(&seed),
            counter: AtomicU16::new(generator().u16(..)),
            month: AtomicI64::new(i64::MIN),
        }
    }

    /// `ip@instance`, and `@unit` when there is one.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// This client's address: the id's first part.
    pub(crate) fn host(&self) -> &str {
        self.client_id.split('@').next().unwrap_or_default()
    }

    /// Appends a new unique id of a message born at `now_ms`.
    pub(crate) fn append_message_id(&self, now_ms: i64, out: &mut String) {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        self.prefix.append(self.since_month_start(now_ms) as i32, counter, out);
    }

    /// Appends several, all of messages born at `now_ms`.
    pub(crate) fn append_message_ids(&self, now_ms: i64, count: u16, out: &mut String) {
        let first = self.counter.fetch_add(count, Ordering::Relaxed);
        self.prefix.append_many(self.since_month_start(now_ms) as i32, first, count, out);
    }

    /// Milliseconds since the month began.
    fn since_month_start(&self, now_ms: i64) -> i64 {
        let since = now_ms.wrapping_sub(self.month.load(Ordering::Relaxed));
        if (0..SHORTEST_MONTH_MS).contains(&since) {
            return since;
        }
        let start = month_start(now_ms);
        self.month.store(start, Ordering::Relaxed);
        now_ms - start
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The first millisecond of the month, in UTC.
fn month_start(now_ms: i64) -> i64 {
    let days = now_ms.div_euclid(DAY_MS);
    // The proleptic Gregorian calendar in eras of 400 years that begin on a 1st of March.
    let from_era = days + 719_468;
    let day_of_era = from_era.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5;
    (days - day_of_month) * DAY_MS
}

/// The first address of this host that others can reach, IPv4 before IPv6.
fn host_address() -> IpAddr {
    let addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    let v4 = addresses.iter().find(|ip| ip.is_ipv4());
    v4.or(addresses.first()).copied().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_start_where_the_calendar_says() {
        for (now, start) in [
            (0, 0),
            (1_709_251_199_999, 1_706_745_600_000), // 2024-02-29T23:59:59.999Z, 2024-02-01
            (1_709_251_200_000, 1_709_251_200_000), // 2024-03-01
            (1_798_761_599_999, 1_796_083_200_000), // 2026-12-31T23:59:59.999Z, 2026-12-01
            (1_798_761_600_000, 1_798_761_600_000), // 2027-01-01
        ] {
            assert_eq!(month_start(now), start, "{now}");
        }
    }

    #[test]
    fn many_ids_are_those_that_would_be_made_one_by_one() {
        let config = crate::Config::new().with("url", "mock://").and_then(|c| c.with("producer_group", "G")).unwrap();
        let identity = Identity::new(&Settings::from_config(&config).unwrap());
        let (now, mut many, mut each) = (1_709_251_200_001, String::new(), String::new());
        // The counter goes round.
        identity.counter.store(u16::MAX - 3, Ordering::Relaxed);
        [0, 1, 9].into_iter().for_each(|count| identity.append_message_ids(now, count, &mut many));
        identity.counter.store(u16::MAX - 3, Ordering::Relaxed);
        (0..10).for_each(|_| identity.append_message_id(now, &mut each));
        assert_eq!(many, each);
    }

    #[test]
    fn ids_count_from_the_month_that_it_is_also_when_the_clock_jumps() {
        let config = crate::Config::new().with("url", "mock://").and_then(|c| c.with("producer_group", "G")).unwrap();
        let identity = Identity::new(&Settings::from_config(&config).unwrap());
        for now in [1_709_251_199_999, 1_709_251_200_000, 1_709_251_200_001, 1_706_745_600_000, 0, 1_798_761_599_999] {
            for _ in 0..2 {
                assert_eq!(identity.since_month_start(now), now - month_start(now), "{now}");
            }
        }
    }
}
