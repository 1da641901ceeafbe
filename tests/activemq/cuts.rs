//! Connections that a relay cuts at each step of a transaction: what the caller was told against what the broker stored.

use crate::broker::{Broker, LIMIT, bodies, close, producer, queue};
use crate::wire::{Agreement, Direction};
use mqproducer::protocol::openwire::Command;
use mqproducer::{ErrorKind, Message, Producer, Result, SendOptions};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::Instant;

/// Begin, two messages, commit.
const COMMIT: usize = 3;

/// Where the connection ends, for one of the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// The broker does not get the step's frame.
    Before,
    /// The broker gets it, and the client nothing more.
    Behind,
    /// The broker has answered it, and the client does not hear that.
    Answered,
}

/// A relay that cuts its first connection at a step, and no other one.
struct Relay {
    port: u16,
    /// Steps that have come, of the first connection.
    seen: Arc<AtomicUsize>,
    cut: Arc<AtomicBool>,
    /// Ends when the broker has done with the first connection.
    first: Mutex<Option<JoinHandle<()>>>,
}

/// Copies one direction until its end, and closes the other side's direction then.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

impl Relay {
    fn start(broker: &Broker, step: usize, when: When) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, address) = (listener.local_addr().unwrap().port(), broker.address());
        let (seen, cut) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, done) = (Arc::clone(&seen), Arc::clone(&cut));
        let first = spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(&address).unwrap();
            cut_at(client, server, step, when, &counted, &done);
            // Later connections are passed through. Not before the broker has done with the first one, which it leaves
            // unread when the same client comes again.
            spawn(move || {
                for client in listener.incoming().map_while(std::result::Result::ok) {
                    let Ok(server) = TcpStream::connect(&address) else { continue };
                    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    spawn(move || copy(back.0, back.1));
                    spawn(move || copy(client, server));
                }
            });
        });
        Relay { port, seen, cut, first: Mutex::new(Some(first)) }
    }

    /// Waits until the first steps have come, or the connection is cut and the producer knows.
    fn settle(&self, producer: &Producer, steps: usize) {
        let limit = Instant::now() + LIMIT;
        while self.seen.load(Ordering::SeqCst) < steps && !self.cut.load(Ordering::SeqCst) {
            assert!(Instant::now() < limit, "{steps} steps do not come");
            std::thread::yield_now();
        }
        while self.cut.load(Ordering::SeqCst) {
            let statistics = producer.statistics().unwrap();
            if statistics.open_connections == 0 || statistics.reconnects > 0 {
                return;
            }
            assert!(Instant::now() < limit, "the cut is not noticed");
            std::thread::yield_now();
        }
    }
}

fn cut_at(
    mut client: TcpStream,
    mut server: TcpStream,
    step: usize,
    when: When,
    seen: &AtomicUsize,
    cut: &Arc<AtomicBool>,
) {
    // The number of the command whose answer ends the connection; 0: none yet.
    let awaited = Arc::new(AtomicUsize::new(0));
    // Nothing goes to the client any more.
    let silent = Arc::new(AtomicBool::new(false));
    let mut answers = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (number, silenced, done) = (Arc::clone(&awaited), Arc::clone(&silent), Arc::clone(cut));
    let agreement = Agreement::default();
    let (mut clients, mut brokers) = (Direction::new(&agreement), Direction::new(&agreement));
    let back = spawn(move || {
        let mut chunk = [0; 8192];
        while let Ok(read @ 1..) = answers.0.read(&mut chunk) {
            for (bytes, packet) in brokers.frames(&chunk[..read]) {
                if let Command::Response(response) = &packet.command
                    && response.correlation_id as usize == number.load(Ordering::SeqCst)
                    && response.correlation_id != 0
                {
                    silenced.store(true, Ordering::SeqCst);
                    done.store(true, Ordering::SeqCst);
                    let _ = answers.1.shutdown(Shutdown::Both);
                    let _ = answers.0.shutdown(Shutdown::Write);
                }
                if !silenced.load(Ordering::SeqCst) {
                    let _ = answers.1.write_all(&bytes);
                }
            }
        }
        // The broker has done with it.
        let _ = answers.1.shutdown(Shutdown::Both);
    });
    let (mut chunk, mut steps) = ([0; 8192], 0);
    'reading: while let Ok(read @ 1..) = client.read(&mut chunk) {
        for (bytes, packet) in clients.frames(&chunk[..read]) {
            let is_step = matches!(packet.command, Command::TransactionInfo(_) | Command::Message(_));
            let is_last = is_step && steps == step;
            steps += usize::from(is_step);
            if is_last && when == When::Answered {
                assert!(packet.response_required, "step {step} has no answer");
                awaited.store(packet.command_id as usize, Ordering::SeqCst);
            }
            if is_last && when == When::Behind {
                silent.store(true, Ordering::SeqCst);
            }
            if !(is_last && when == When::Before) {
                server.write_all(&bytes).unwrap();
            }
            // Who sees the step sees the cut, too.
            let ends = is_last && when != When::Answered;
            cut.fetch_or(ends, Ordering::SeqCst);
            if is_step {
                seen.store(steps, Ordering::SeqCst);
            }
            if ends {
                let _ = client.shutdown(Shutdown::Both);
                break 'reading;
            }
        }
    }
    // What the broker has got it reads to the end, so that only its own end is waited for.
    let _ = server.shutdown(Shutdown::Write);
    back.join().unwrap();
}

/// One way to send, and one place to cut.
#[derive(Clone, Copy, Debug)]
struct Case {
    failover: bool,
    answered_sends: bool,
    step: usize,
    when: When,
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (failover, answered_sends) in [(false, false), (false, true), (true, false)] {
        for step in 0..=COMMIT {
            let answered = step == COMMIT || (answered_sends && step > 0);
            for when in [When::Before, When::Behind].into_iter().chain(answered.then_some(When::Answered)) {
                all.push(Case { failover, answered_sends, step, when });
            }
        }
    }
    all
}

fn attempt(producer: &Producer, relay: &Relay, queue: &str) -> Result<()> {
    let transaction = producer.begin_transaction()?;
    for number in 1..=2 {
        let body = format!("cut {number}");
        transaction.send(&Message::new(queue, body.as_bytes()), &SendOptions::default())?;
        relay.settle(producer, number + 1);
    }
    transaction.commit()
}

/// What was told, and how many messages of the transaction were stored, of which there must be `least`.
fn play(broker: &Broker, case: Case, least: usize) -> (Result<()>, usize) {
    let relay = Relay::start(broker, case.step, case.when);
    let queue = queue("cuts");
    let url = match case.failover {
        true => format!("failover:(tcp://127.0.0.1:{})?maxReconnectDelay=100", relay.port),
        false => format!("tcp://127.0.0.1:{}", relay.port),
    };
    let answered = if case.answered_sends { "true" } else { "false" };
    let producer = producer(&url, &[("always_sync_send", answered)]);
    let told = attempt(&producer, &relay, &queue);
    relay.first.lock().unwrap().take().unwrap().join().unwrap();
    // The next one goes as if nothing had been.
    let next = producer.begin_transaction().unwrap();
    next.send(&Message::new(&queue, b"next"), &SendOptions::default()).unwrap();
    next.commit().unwrap();
    close(&producer);
    let mut stored = bodies(&broker.read(&queue, least + 1));
    assert_eq!(stored.pop().as_deref(), Some("next"), "{case:?}");
    assert!(stored.is_empty() || stored == ["cut 1", "cut 2"], "{case:?}: {stored:?}");
    (told, stored.len())
}

/// Before the commit is on its way the transaction is known to be rolled back; from then on it is in doubt, and all or
/// nothing is stored. Nothing is called committed.
#[test]
fn a_cut_at_each_step_of_a_transaction_is_told_as_what_it_is() {
    let broker = Broker::start(&[], true);
    std::thread::scope(|scope| {
        for lane in cases().chunks(5) {
            let (broker, lane) = (&broker, lane.to_vec());
            scope.spawn(move || {
                for case in lane {
                    let all = if case.step == COMMIT && case.when != When::Before { 2 } else { 0 };
                    let (told, stored) = play(broker, case, all);
                    let error = told.expect_err("committed without an answer");
                    let expected = match case.step {
                        COMMIT => ErrorKind::TransactionInDoubt,
                        _ => ErrorKind::TransactionRolledBack,
                    };
                    assert_eq!(error.kind(), expected, "{case:?}: {error}");
                    assert_eq!(stored, all, "{case:?}: {error}");
                    assert_eq!(error.maybe_persisted(), expected == ErrorKind::TransactionInDoubt, "{case:?}: {error}");
                }
            });
        }
    });
}
