//! The I/O task of an OpenWire connection: it reads, writes what callers could not, keeps deadlines and the connection
//! alive, and tells the end.

use super::{Link, answer_of, echo};
use crate::completion::together;
use crate::error::{Error, Result};
use crate::net::connection::buffer::ReadBuffer;
use crate::net::outbox::Progress;
use crate::net::transport::Ready;
use crate::protocol::openwire::{Decoder, KeepAliveInfo, MAX_FRAME, Packet, WireFormat, split};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Reads in a row before other connections get their turn.
const READS_IN_A_ROW: usize = 32;
/// A connection is looked after no more often.
const SHORTEST_CHECK: Duration = Duration::from_millis(10);

/// Who keeps silent, and for how long.
struct Silence {
    /// `None`: nobody looks.
    longest: Option<Duration>,
    last_read: Instant,
    next_check: Instant,
}

impl Silence {
    fn new(format: &WireFormat) -> Self {
        let longest = Some(Duration::from_millis(format.max_inactivity_duration)).filter(|longest| !longest.is_zero());
        // Brokers begin to talk after this time.
        let first = Instant::now() + Duration::from_millis(format.max_inactivity_initial_delay);
        let mut silence = Silence { longest, last_read: first, next_check: Instant::now() };
        silence.schedule();
        silence
    }

    /// As ActiveMQ's clients: three looks in the longest time.
    fn schedule(&mut self) {
        let period = self.longest.map_or(Duration::from_secs(3600), |longest| (longest / 3).max(SHORTEST_CHECK));
        self.next_check = Instant::now() + period;
    }
}

impl Link {
    /// Reads and writes until the connection ends; returns why.
    pub(super) async fn serve(self: &Arc<Self>, mut buffer: ReadBuffer) -> Error {
        let mut silence = Silence::new(&self.format);
        let mut decoder = Decoder::new(&self.format);
        if let Err(cause) = self.take_frames(&mut buffer, &mut decoder) {
            return cause;
        }
        let watch = match self.transport.watch() {
            Ok(watch) => watch,
            Err(error) => return self.broken(&error.to_string()),
        };
        loop {
            let (stream, next_check) = (&self.transport, silence.next_check);
            // In random order: a broker that never stops talking must not keep writes, deadlines and the end waiting.
            let step = tokio::select! {
                ready = watch.readable() => match ready {
                    Ok(ready) => self.read(ready, &mut buffer, &mut decoder, &mut silence).await,
                    Err(error) => Err(self.broken(&error.to_string())),
                },
                ready = watch.writable(), if self.outbox.is_blocked() || stream.owes() => match ready {
                    Ok(ready) => self.write(ready),
                    Err(error) => Err(self.broken(&error.to_string())),
                },
                () = self.next_wake() => self.tend(),
                () = tokio::time::sleep_until(next_check.into()) => self.look_after(&mut silence),
            };
            if let Err(cause) = step {
                return cause;
            }
        }
    }

    async fn next_wake(&self) {
        let earliest = self.waiting.lock().earliest();
        match earliest {
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), self.wake.notified()).await;
            }
            None => self.wake.notified().await,
        }
    }

    fn tend(&self) -> Result<()> {
        if let Some(cause) = self.doomed.get() {
            return Err(cause.clone());
        }
        let expired = self.waiting.lock().expire(Instant::now());
        if expired.is_empty() {
            return Ok(());
        }
        let ids: Vec<i32> = expired.iter().map(|(id, _)| *id).collect();
        let taken_back = self.outbox.withdraw(&ids);
        for ((_, asker), taken_back) in expired.into_iter().zip(taken_back) {
            asker.late(!taken_back);
        }
        Ok(())
    }

    /// Says a word when none was said for long, and ends a connection whose broker says none.
    fn look_after(&self, silence: &mut Silence) -> Result<()> {
        silence.schedule();
        let Some(longest) = silence.longest else {
            return Ok(());
        };
        let silent = Instant::now().saturating_duration_since(silence.last_read);
        if silent > longest {
            return Err(self.broken(&format!("the broker has said nothing for {} ms", silent.as_millis())));
        }
        // A broker that does not read would not hear it.
        if !self.wrote.swap(false, Ordering::Relaxed) && !self.outbox.is_blocked() {
            self.tell(0, &KeepAliveInfo::default().into())?;
        }
        Ok(())
    }

    fn write(&self, mut ready: Ready<'_>) -> Result<()> {
        self.transport.settle().map_err(|error| self.broken(&error.to_string()))?;
        match self.outbox.resume(&self.transport) {
            Progress::Done | Progress::Held | Progress::Watch => Ok(()),
            Progress::NeedsWritable => {
                ready.exhausted();
                Ok(())
            }
            Progress::Failed(error) => Err(self.broken(&error.to_string())),
        }
    }

    async fn read(
        self: &Arc<Self>,
        mut ready: Ready<'_>,
        buffer: &mut ReadBuffer,
        decoder: &mut Decoder,
        silence: &mut Silence,
    ) -> Result<()> {
        for _ in 0..READS_IN_A_ROW {
            match ready.try_read(buffer.room()) {
                Ok(0) => return Err(self.broken("the broker closed it")),
                Ok(n) => {
                    silence.last_read = silence.last_read.max(Instant::now());
                    let asked = buffer.filled(n);
                    self.take_frames(buffer, decoder)?;
                    if !asked {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error.to_string())),
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Takes the whole frames at the front.
    fn take_frames(self: &Arc<Self>, buffer: &mut ReadBuffer, decoder: &mut Decoder) -> Result<()> {
        let consumed = together(|| self.receive_all(buffer.bytes(), decoder))?;
        buffer.consume(consumed);
        Ok(())
    }

    fn receive_all(self: &Arc<Self>, bytes: &[u8], decoder: &mut Decoder) -> Result<usize> {
        let mut consumed = 0;
        while let Some((body, length)) =
            split(&bytes[consumed..], MAX_FRAME).map_err(|error| self.protocol(&error.to_string()))?
        {
            let packet = decoder.decode(body).map_err(|error| self.protocol(&error.to_string()))?;
            self.receive(packet)?;
            consumed += length;
        }
        Ok(consumed)
    }

    fn receive(self: &Arc<Self>, packet: Packet) -> Result<()> {
        if echo(&packet) {
            return self.tell(packet.command_id, &KeepAliveInfo::default().into());
        }
        match answer_of(packet.command) {
            Ok((id, answer)) => {
                let asker = self.waiting.lock().take(id);
                match asker {
                    Some(asker) => asker.answered(answer),
                    None => tracing::debug!(address = %self.address, id, "an answer came too late"),
                }
            }
            Err(command) => self.events.received(self, command),
        }
        Ok(())
    }

    pub(super) fn die(&self, cause: Error) {
        tracing::debug!(address = %self.address, %cause, "a connection ended");
        let _ = self.ended.set(cause.clone());
        // The peer hears of the end now, not when the last handle goes.
        self.transport.shut_down();
        self.events.ending(self);
        self.outbox.close(cause.clone());
        let left = self.waiting.lock().poison(cause.clone());
        for asker in left {
            asker.lost(&cause);
        }
        self.events.ended(self, &cause);
    }
}
