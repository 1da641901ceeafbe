//! In place of `tls` in a build without that feature: neither type has a value, so no connection carries its cost.

use crate::config::TlsFiles;
use crate::error::{Error, ErrorKind, Result};
use std::io::{self, IoSlice};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) enum Tls {}

#[derive(Debug)]
pub(crate) enum Session {}

impl Tls {
    pub(crate) fn new(_: &TlsFiles) -> Result<Tls> {
        Err(Error::new(ErrorKind::Unsupported, "`use_tls`: this build has no TLS (feature `tls`)"))
    }

    pub(crate) async fn shake_hands(&self, _: &str, _: &TcpStream) -> std::result::Result<Session, String> {
        match *self {}
    }
}

impl Session {
    pub(crate) fn try_read(&self, _: &TcpStream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn write_vectored(&self, _: &TcpStream, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn held(&self) -> usize {
        match *self {}
    }

    pub(crate) fn owes(&self) -> bool {
        match *self {}
    }

    pub(crate) fn settle(&self, _: &TcpStream) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn farewell(&self, _: &TcpStream) {
        match *self {}
    }
}
