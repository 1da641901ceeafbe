//! The settings of producers that speak OpenWire.

use super::{BrokerUrl, Config, invalid, settings};
use crate::error::Result;
use std::time::Duration;

/// See the module's text.
#[derive(Clone, Debug)]
pub(crate) struct ActiveMq {
    pub(crate) url: BrokerUrl,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) client_id: Option<String>,
    /// Whether messages are persistent that do not say.
    pub(crate) persistent: bool,
    /// `None`: for ever.
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) use_async_send: bool,
    pub(crate) always_sync_send: bool,
    /// `None`: only what must waits for an answer.
    pub(crate) send_timeout: Option<Duration>,
    /// `None`: no window.
    pub(crate) window: Option<i32>,
    pub(crate) use_compression: bool,
    /// The one destination of the producer; empty: any.
    pub(crate) destination: String,
    pub(crate) max_inactivity: Duration,
    /// Whether it is offered, as the next one.
    pub(crate) tight_encoding: bool,
    pub(crate) marshalling_cache: bool,
}

impl ActiveMq {
    /// The settings, with those of the URL.
    pub(crate) fn from_config(config: &Config, url: BrokerUrl) -> Result<ActiveMq> {
        let mut config = config.clone();
        for (key, value) in &url.settings {
            config.set(key, value).map_err(|error| error.context("an option of `url`"))?;
        }
        let text = |key| settings::text(&config, key);
        let given = |key| Some(text(key)).filter(|value| !value.is_empty());
        let flag = |key| settings::flag(&config, key);
        let time = |key| settings::milliseconds(&config, key);
        let positive = |key| time(key).map(|time| Some(time).filter(|time| !time.is_zero()));
        let send_timeout = positive("send_timeout")?;
        let destination = text("destination");
        if !destination.is_empty() {
            crate::policy::destination::parse(&destination)
                .map_err(|error| invalid(format!("`destination`: {}", error.message())))?;
        }
        Ok(ActiveMq {
            user_name: given("user_name"),
            password: given("password"),
            client_id: given("client_id"),
            persistent: text("delivery_mode") == "persistent",
            time_to_live: positive("time_to_live")?,
            use_async_send: flag("use_async_send"),
            always_sync_send: flag("always_sync_send"),
            send_timeout,
            window: Some(settings::number::<i32>(&config, "producer_window_size")?).filter(|size| *size > 0),
            use_compression: flag("use_compression"),
            destination,
            max_inactivity: time("max_inactivity_duration")?,
            tight_encoding: flag("tight_encoding"),
            marshalling_cache: flag("marshalling_cache"),
            url,
        })
    }
}
