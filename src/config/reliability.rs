//! The keys of reliable sending, and what they change in the other settings.

use super::settings::{Settings, milliseconds, number, text};
use super::{Config, invalid};
use crate::error::Result;
use crate::policy::backoff::retry_pause;
use crate::policy::validate::LONGEST_TIMEOUT;
use std::path::PathBuf;
use std::time::Duration;

/// A replica that does not answer is waited for by a broker for 3 s unless it is told otherwise: a shorter try would
/// never hear of it.
const TRY_TIMEOUT: Duration = Duration::from_secs(4);

/// What reliable sending does besides its tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reliability {
    /// `None`: what is given up is only told.
    pub(crate) spool: Option<SpoolRules>,
}

/// How messages are kept that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpoolRules {
    pub(crate) file: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) fsync: Fsync,
    pub(crate) retry_interval: Duration,
    /// `None`: for ever.
    pub(crate) max_age: Option<Duration>,
}

/// When the spool is forced onto the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fsync {
    Always,
    Interval(Duration),
    Never,
}

/// Changes the settings as the keys of reliable sending want it.
pub(super) fn apply(config: &Config, settings: &mut Settings) -> Result<()> {
    if text(config, "reliability") != "reliable" {
        if !text(config, "spool_file").is_empty() {
            return Err(invalid("`spool_file` needs `reliability` = `reliable`, which is `standard`".to_owned()));
        }
        return Ok(());
    }
    let tries = number::<u32>(config, "reliable_retry_times")? + 1;
    (settings.sync_tries, settings.async_tries) = (tries, tries);
    settings.retry_when_not_store_ok = true;
    settings.retry_backoff = milliseconds(config, "reliable_retry_interval")?;
    settings.retry_backoff_max = milliseconds(config, "reliable_retry_interval_max")?;
    settings.retry_jitter = f64::from(number::<u8>(config, "reliable_retry_jitter")?) / 100.0;
    if !config.set.contains_key("send_msg_timeout") {
        let pause = |done| retry_pause(done, settings.retry_backoff, settings.retry_backoff_max, 0.0);
        let total = TRY_TIMEOUT * tries + (1..tries).map(pause).sum::<Duration>();
        settings.send_msg_timeout = total.min(LONGEST_TIMEOUT);
    }
    settings.reliability = Some(Reliability { spool: spool(config)? });
    Ok(())
}

fn spool(config: &Config) -> Result<Option<SpoolRules>> {
    let file = text(config, "spool_file");
    if file.is_empty() {
        return Ok(None);
    }
    Ok(Some(SpoolRules {
        file: file.into(),
        max_bytes: number(config, "spool_max_bytes")?,
        fsync: match text(config, "spool_fsync").as_str() {
            "interval" => Fsync::Interval(milliseconds(config, "spool_fsync_interval")?),
            "never" => Fsync::Never,
            _ => Fsync::Always,
        },
        retry_interval: milliseconds(config, "spool_retry_interval")?,
        max_age: Some(milliseconds(config, "spool_max_age")?).filter(|age| !age.is_zero()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &[(&str, &str)]) -> Result<Settings> {
        let mut config = Config::default();
        for (key, value) in [("url", "rocketmq://a:1"), ("producer_group", "G")].iter().chain(more) {
            config.set(key, value)?;
        }
        Settings::from_config(&config)
    }

    const RELIABLE: (&str, &str) = ("reliability", "reliable");

    /// Rows: SO-08 SO-10.
    #[test]
    fn reliable_sending_has_three_tries_more_a_second_apart_and_time_for_them() {
        let standard = settings(&[]).unwrap();
        assert!(standard.reliability.is_none() && !standard.retry_when_not_store_ok);
        let reliable = settings(&[RELIABLE, ("retry_times_when_send_failed", "9")]).unwrap();
        assert_eq!((reliable.sync_tries, reliable.async_tries), (4, 4));
        assert!(reliable.retry_when_not_store_ok);
        let second = Duration::from_secs(1);
        assert_eq!((reliable.retry_backoff, reliable.retry_backoff_max, reliable.retry_jitter), (second, second, 0.0));
        assert_eq!(reliable.send_msg_timeout, Duration::from_secs(19));
        assert_eq!(reliable.reliability.unwrap().spool, None);
        let own =
            [RELIABLE, ("send_msg_timeout", "700"), ("reliable_retry_times", "1"), ("reliable_retry_jitter", "25")];
        let own = settings(&own).unwrap();
        assert_eq!((own.send_msg_timeout, own.sync_tries, own.retry_jitter), (Duration::from_millis(700), 2, 0.25));
        let long = settings(&[RELIABLE, ("reliable_retry_interval", "3600000")]).unwrap();
        assert_eq!(long.send_msg_timeout, LONGEST_TIMEOUT, "no more than any send may have");
    }

    #[test]
    fn a_spool_belongs_to_reliable_sending() {
        let error = settings(&[("spool_file", "s")]).unwrap_err();
        assert_eq!(error.message(), "`spool_file` needs `reliability` = `reliable`, which is `standard`");
        let of = |more: &[(&str, &str)]| {
            let all: Vec<_> = [RELIABLE, ("spool_file", "s")].iter().chain(more).copied().collect();
            settings(&all).unwrap().reliability.unwrap().spool.unwrap()
        };
        let plain = of(&[]);
        assert_eq!((plain.max_bytes, plain.fsync, plain.max_age), (64 * 1024 * 1024, Fsync::Always, None));
        let other = of(&[("spool_fsync", "interval"), ("spool_fsync_interval", "7"), ("spool_max_age", "9")]);
        assert_eq!(other.fsync, Fsync::Interval(Duration::from_millis(7)));
        assert_eq!(other.max_age, Some(Duration::from_millis(9)));
        assert_eq!(of(&[("spool_fsync", "never")]).fsync, Fsync::Never);
        assert!(settings(&[("spool_max_bytes", "4095")]).unwrap_err().message().contains("4096"));
    }
}
