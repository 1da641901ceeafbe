//! The end of a transaction as hooks of C see it.

#![allow(unsafe_code, non_camel_case_types)]

use super::text::Texts;
use super::transaction::{MQP_TRANSACTION_COMMIT, MQP_TRANSACTION_ROLLBACK, MQP_TRANSACTION_UNKNOWN};
use super::types::mqp_str;
use crate::hook::EndTransactionContext;
use crate::protocol::remoting::transaction::TransactionState;

/// The end of a transaction. Everything in it is *borrowed* for the duration of the hook that it is passed to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_end_transaction_context {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// What the broker was told: MQP_TRANSACTION_COMMIT or another of MQP_TRANSACTION_....
    pub state: u32,
    /// 1: the broker had asked, in a transaction check.
    pub from_check: u32,
    /// Always 0.
    pub reserved: u32,
    /// The producer's group.
    pub producer_group: mqp_str,
    /// The producer's namespace; empty: none.
    pub namespace_name: mqp_str,
    /// The half message's topic.
    pub topic: mqp_str,
    /// The unique id that its producer gave it.
    pub message_id: mqp_str,
    /// The transaction's id.
    pub transaction_id: mqp_str,
    /// The half message's tag; empty: none.
    pub tags: mqp_str,
    /// Its index keys, separated by spaces; empty: none.
    pub keys: mqp_str,
    /// The region of its broker; empty when that told none.
    pub region_id: mqp_str,
    /// The broker that holds it.
    pub broker_name: mqp_str,
    /// Its `host:port`.
    pub broker_address: mqp_str,
}

/// The context for C, with the buffer that its texts are in.
pub(crate) struct EndShown {
    pub(super) context: mqp_end_transaction_context,
    _texts: Texts<10>,
}

impl EndShown {
    pub(super) fn new(context: &EndTransactionContext<'_>) -> Self {
        let texts = Texts::new([
            context.producer_group,
            context.namespace,
            context.topic,
            context.message_id,
            context.transaction_id,
            context.tags,
            context.keys,
            context.region_id,
            context.broker_name,
            context.broker_address,
        ]);
        let context = mqp_end_transaction_context {
            struct_size: size_of::<mqp_end_transaction_context>() as u32,
            state: match context.state {
                TransactionState::Unknown => MQP_TRANSACTION_UNKNOWN,
                TransactionState::Commit => MQP_TRANSACTION_COMMIT,
                TransactionState::Rollback => MQP_TRANSACTION_ROLLBACK,
            },
            from_check: u32::from(context.from_check),
            reserved: 0,
            producer_group: texts.get(0),
            namespace_name: texts.get(1),
            topic: texts.get(2),
            message_id: texts.get(3),
            transaction_id: texts.get(4),
            tags: texts.get(5),
            keys: texts.get(6),
            region_id: texts.get(7),
            broker_name: texts.get(8),
            broker_address: texts.get(9),
        };
        EndShown { context, _texts: texts }
    }
}
