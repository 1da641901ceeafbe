//! Ending a transaction, and the broker's question what became of one.

use bytes::BytesMut;

use super::command::{ONEWAY, request_code};
use super::error::CodecError;
use super::frame::Serializer;
use super::header::{Header, Identity};
use super::request::{Fixed, encode};
use super::sys_flag;

/// What to do with a half message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum TransactionState {
    /// Not known yet; the broker asks again.
    Unknown = 0,
    /// Deliver it.
    Commit = sys_flag::TRANSACTION_COMMIT,
    /// Drop it.
    Rollback = sys_flag::TRANSACTION_ROLLBACK,
}

impl TransactionState {
    fn from_wire(value: i32) -> Result<Self, CodecError> {
        match value {
            0 => Ok(TransactionState::Unknown),
            sys_flag::TRANSACTION_COMMIT => Ok(TransactionState::Commit),
            sys_flag::TRANSACTION_ROLLBACK => Ok(TransactionState::Rollback),
            _ => Err(CodecError::invalid("commitOrRollback", &value.to_string(), "0, 8 or 12")),
        }
    }
}

/// The fields of an END_TRANSACTION request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransaction<'a> {
    /// The message's topic; in answer to a check, the check's own.
    pub topic: &'a str,
    /// The producer's group.
    pub producer_group: &'a str,
    /// The half message's queue offset.
    pub tran_state_table_offset: i64,
    /// The half message's commit-log offset.
    pub commit_log_offset: i64,
    /// What to do.
    pub state: TransactionState,
    /// Whether it answers a check.
    pub from_transaction_check: bool,
    /// The message's unique id.
    pub msg_id: &'a str,
    /// Transaction id.
    pub transaction_id: &'a str,
    /// The broker meant; empty: left out.
    pub broker_name: &'a str,
}

/// Where [`EndTransaction::fields`] writes its numbers.
#[derive(Clone, Debug, Default)]
pub struct EndTransactionText([String; 3]);

impl<'a> EndTransaction<'a> {
    /// The fields as they go into the frame.
    pub fn fields<'t>(&self, text: &'t mut EndTransactionText) -> Vec<(&'static str, &'t str)>
    where
        'a: 't,
    {
        text.0 = [
            self.commit_log_offset.to_string(),
            self.tran_state_table_offset.to_string(),
            (self.state as i32).to_string(),
        ];
        let [commit_log_offset, table_offset, state] = &text.0;
        let from_check = if self.from_transaction_check { "true" } else { "false" };
        let mut fields: Vec<(&'static str, &'t str)> = Vec::with_capacity(9);
        fields.push(("producerGroup", self.producer_group));
        if !self.broker_name.is_empty() {
            fields.push(("bname", self.broker_name));
        }
        fields.extend([
            ("commitLogOffset", commit_log_offset.as_str()),
            ("topic", self.topic),
            ("msgId", self.msg_id),
            ("tranStateTableOffset", table_offset.as_str()),
            ("commitOrRollback", state.as_str()),
            ("transactionId", self.transaction_id),
            ("fromTransactionCheck", from_check),
        ]);
        fields
    }

    /// Appends the one-way request as a whole frame; `remark` tells the broker of a local failure.
    pub fn encode(
        &self,
        out: &mut BytesMut,
        serializer: Serializer,
        opaque: i32,
        remark: Option<&str>,
        extra: &[(&str, &str)],
    ) {
        let mut text = EndTransactionText::default();
        let fields = self.fields(&mut text);
        let code = request_code::END_TRANSACTION;
        let fixed = Fixed { code, identity: Identity::OURS, opaque, flag: ONEWAY, remark };
        encode(out, serializer, &fixed, fields.into_iter().chain(extra.iter().copied()), b"");
    }

    /// The fields of a decoded request.
    pub fn decode(header: &'a Header) -> Result<Self, CodecError> {
        Ok(EndTransaction {
            topic: header.get("topic").unwrap_or_default(),
            producer_group: header.require("producerGroup")?,
            tran_state_table_offset: header.require_int("tranStateTableOffset")?,
            commit_log_offset: header.require_int("commitLogOffset")?,
            state: TransactionState::from_wire(header.require_int("commitOrRollback")?)?,
            from_transaction_check: header.is_true("fromTransactionCheck"),
            msg_id: header.get("msgId").unwrap_or_default(),
            transaction_id: header.get("transactionId").unwrap_or_default(),
            broker_name: header.get("bname").unwrap_or_default(),
        })
    }
}

/// The fields of a CHECK_TRANSACTION_STATE request; its body is one [`super::stored_message::StoredMessage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckTransactionState<'a> {
    /// The broker's own topic of half messages.
    pub topic: &'a str,
    /// The half message's queue offset now; it moves with each check.
    pub tran_state_table_offset: i64,
    /// The half message's commit-log offset now; it moves with each check.
    pub commit_log_offset: i64,
    /// The message's unique id.
    pub msg_id: &'a str,
    /// Transaction id.
    pub transaction_id: &'a str,
    /// The broker's id of the half message.
    pub offset_msg_id: &'a str,
    /// The broker that asks.
    pub broker_name: &'a str,
}

impl<'a> CheckTransactionState<'a> {
    /// The fields of a decoded request.
    pub fn decode(header: &'a Header) -> Result<Self, CodecError> {
        Ok(CheckTransactionState {
            topic: header.get("topic").unwrap_or_default(),
            tran_state_table_offset: header.require_int("tranStateTableOffset")?,
            commit_log_offset: header.require_int("commitLogOffset")?,
            msg_id: header.get("msgId").unwrap_or_default(),
            transaction_id: header.get("transactionId").unwrap_or_default(),
            offset_msg_id: header.get("offsetMsgId").unwrap_or_default(),
            broker_name: header.get("bname").unwrap_or_default(),
        })
    }

    /// The one-way request as a header.
    pub fn to_header(&self) -> Header {
        let mut header = Header::request(request_code::CHECK_TRANSACTION_STATE)
            .with("bname", self.broker_name)
            .with("commitLogOffset", self.commit_log_offset.to_string())
            .with("topic", self.topic)
            .with("msgId", self.msg_id)
            .with("tranStateTableOffset", self.tran_state_table_offset.to_string())
            .with("offsetMsgId", self.offset_msg_id)
            .with("transactionId", self.transaction_id);
        header.flag = ONEWAY;
        header
    }

    /// The answer with `state`, by the producer group found in the half message.
    pub fn answer(&self, producer_group: &'a str, state: TransactionState) -> EndTransaction<'a> {
        EndTransaction {
            topic: self.topic,
            producer_group,
            tran_state_table_offset: self.tran_state_table_offset,
            commit_log_offset: self.commit_log_offset,
            state,
            from_transaction_check: true,
            msg_id: self.msg_id,
            transaction_id: self.transaction_id,
            broker_name: self.broker_name,
        }
    }
}
