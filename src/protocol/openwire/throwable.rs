//! Java's exceptions as a broker tells them.

use std::fmt;

use bytes::BufMut;

use super::error::CodecError;
use super::wire::{Reader, Wire, Writer};

/// An exception of the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Throwable {
    /// The class, such as `javax.jms.JMSSecurityException`.
    pub class: Option<String>,
    /// Its text.
    pub message: Option<String>,
    /// Where it came from; there when both peers offered stack traces.
    pub trace: Option<Box<Trace>>,
}

/// Where an exception came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trace {
    /// The calls, the innermost first.
    pub frames: Vec<StackFrame>,
    /// What caused it.
    pub cause: Option<Throwable>,
}

/// One call on Java's stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StackFrame {
    /// The class.
    pub class: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line; negative: not known.
    pub line: i32,
}

impl Throwable {
    /// An exception without a trace.
    pub fn new(class: impl Into<String>, message: impl Into<String>) -> Self {
        Throwable { class: Some(class.into()), message: Some(message.into()), trace: None }
    }

    /// The class without its package; empty when it was not told.
    pub fn simple_name(&self) -> &str {
        let class = self.class.as_deref().unwrap_or_default();
        class.rsplit('.').next().unwrap_or_default()
    }

    /// What caused it.
    pub fn cause(&self) -> Option<&Throwable> {
        self.trace.as_ref().and_then(|trace| trace.cause.as_ref())
    }

    /// The exception and what caused it, each caused by the next.
    pub fn chain(&self) -> impl Iterator<Item = &Throwable> {
        std::iter::successors(Some(self), |one| one.cause())
    }

    fn read_body(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let class = Wire::read(r, "Throwable.class")?;
        let message = Wire::read(r, "Throwable.message")?;
        if !r.stack_traces() {
            return Ok(Throwable { class, message, trace: None });
        }
        let count = r.cursor.i16("Throwable.frames")?;
        // In the tight encoding what is missing of a line takes bits.
        let least = if r.is_tight() { 4 } else { 7 };
        let count = r.cursor.count(count.into(), least, "Throwable.frames")?;
        let mut frames = Vec::new();
        for _ in 0..count {
            frames.push(StackFrame {
                class: Wire::read(r, "StackFrame.class")?,
                method: Wire::read(r, "StackFrame.method")?,
                file: Wire::read(r, "StackFrame.file")?,
                line: Wire::read(r, "StackFrame.line")?,
            });
        }
        let cause = r.deeper("Throwable.cause", |r| Wire::read(r, "Throwable.cause"))?;
        Ok(Throwable { class, message, trace: Some(Box::new(Trace { frames, cause })) })
    }
}

/// The class and the text, as Java prints it.
impl fmt::Display for Throwable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class.as_deref().unwrap_or("an exception"))?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl Wire for Option<Throwable> {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        Ok(if r.bool(field)? { Some(Throwable::read_body(r)?) } else { None })
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) {
        let mut next = self.as_ref();
        while let Some(one) = next {
            w.bool(true);
            one.class.write(w, "Throwable.class");
            one.message.write(w, "Throwable.message");
            let Some(trace) = &one.trace else { return };
            w.count(trace.frames.len(), "Throwable.frames");
            for frame in &trace.frames {
                frame.class.write(w, "StackFrame.class");
                frame.method.write(w, "StackFrame.method");
                frame.file.write(w, "StackFrame.file");
                w.out.put_i32(frame.line);
            }
            next = trace.cause.as_ref();
        }
        w.bool(false);
    }
}
