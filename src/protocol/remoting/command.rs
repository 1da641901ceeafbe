//! Request codes, response codes and the header's fixed numbers.

/// Flag bit: the frame answers a request.
pub const RESPONSE: i32 = 1;
/// Flag bit: no answer is expected.
pub const ONEWAY: i32 = 2;
/// The code of the language this client is written in.
pub const LANGUAGE_RUST: u8 = 12;
/// The protocol version this client speaks: the ordinal of RocketMQ 5.5.0.
pub const VERSION: i32 = 513;

macro_rules! codes {
    ($(#[$outer:meta])* $module:ident { $($(#[$doc:meta])* $name:ident = $value:literal;)* }) => {
        $(#[$outer])*
        pub mod $module {
            $($(#[$doc])* pub const $name: i32 = $value;)*

            /// The code's name as RocketMQ writes it; `"UNKNOWN"` for any other.
            pub const fn name(code: i32) -> &'static str {
                match code { $($value => stringify!($name),)* _ => "UNKNOWN" }
            }

            /// Every code known here, with its name.
            pub const ALL: &[(i32, &str)] = &[$(($value, stringify!($name)),)*];
        }
    };
}

codes! {
    /// What a request asks for.
    request_code {
        /// Send, with the long field names.
        SEND_MESSAGE = 10;
        /// Read messages of a queue.
        PULL_MESSAGE = 11;
        /// Find messages by key.
        QUERY_MESSAGE = 12;
        /// Create or change a topic.
        UPDATE_AND_CREATE_TOPIC = 17;
        /// Change a broker's settings.
        UPDATE_BROKER_CONFIG = 25;
        /// Read a broker's settings.
        GET_BROKER_CONFIG = 26;
        /// The queue offset of a time.
        SEARCH_OFFSET_BY_TIMESTAMP = 29;
        /// A queue's largest offset.
        GET_MAX_OFFSET = 30;
        /// A queue's smallest offset.
        GET_MIN_OFFSET = 31;
        /// When a queue's first message was stored.
        GET_EARLIEST_MSG_STORETIME = 32;
        /// Read one message by its offset id.
        VIEW_MESSAGE_BY_ID = 33;
        /// Tell a broker which groups this client has.
        HEART_BEAT = 34;
        /// Take a group off a broker.
        UNREGISTER_CLIENT = 35;
        /// A consumer gives a message back.
        CONSUMER_SEND_MSG_BACK = 36;
        /// Commit or roll back a half message.
        END_TRANSACTION = 37;
        /// The members of a consumer group.
        GET_CONSUMER_LIST_BY_GROUP = 38;
        /// A broker asks what became of a half message.
        CHECK_TRANSACTION_STATE = 39;
        /// A broker tells that a group's members changed.
        NOTIFY_CONSUMER_IDS_CHANGED = 40;
        /// A name server's stored setting.
        GET_KV_CONFIG = 101;
        /// A topic's route.
        GET_ROUTEINFO_BY_TOPIC = 105;
        /// Every broker of a cluster.
        GET_BROKER_CLUSTER_INFO = 106;
        /// Remove a topic from a broker.
        DELETE_TOPIC_IN_BROKER = 215;
        /// Remove a topic from a name server.
        DELETE_TOPIC_IN_NAMESRV = 216;
        /// Move a consumer's offset.
        RESET_CONSUMER_CLIENT_OFFSET = 220;
        /// Where a consumer stands.
        GET_CONSUMER_STATUS_FROM_CLIENT = 221;
        /// How a consumer runs.
        GET_CONSUMER_RUNNING_INFO = 307;
        /// Consume one message now.
        CONSUME_MESSAGE_DIRECTLY = 309;
        /// Send, with one-letter field names.
        SEND_MESSAGE_V2 = 310;
        /// Send several messages in one body.
        SEND_BATCH_MESSAGE = 320;
        /// Send a reply, with the long field names.
        SEND_REPLY_MESSAGE = 324;
        /// Send a reply, with one-letter field names.
        SEND_REPLY_MESSAGE_V2 = 325;
        /// A broker hands a reply to the client that asked.
        PUSH_REPLY_MESSAGE_TO_CLIENT = 326;
        /// Take back a timer message before its time.
        RECALL_MESSAGE = 370;
    }
}

codes! {
    /// What a response says.
    response_code {
        /// Done.
        SUCCESS = 0;
        /// The server failed inside.
        SYSTEM_ERROR = 1;
        /// The server is overloaded.
        SYSTEM_BUSY = 2;
        /// The server does not know the request.
        REQUEST_CODE_NOT_SUPPORTED = 3;
        /// The transaction failed.
        TRANSACTION_FAILED = 4;
        /// Stored, but not flushed in time.
        FLUSH_DISK_TIMEOUT = 10;
        /// Stored, but there is no replica.
        SLAVE_NOT_AVAILABLE = 11;
        /// Stored, but not replicated in time.
        FLUSH_SLAVE_TIMEOUT = 12;
        /// The message breaks a rule of the broker.
        MESSAGE_ILLEGAL = 13;
        /// The broker is closing or its store is not writable.
        SERVICE_NOT_AVAILABLE = 14;
        /// The client's version is not served.
        VERSION_NOT_SUPPORTED = 15;
        /// Refused: permission, or a feature switched off.
        NO_PERMISSION = 16;
        /// The topic is unknown.
        TOPIC_NOT_EXIST = 17;
        /// A pull found nothing.
        PULL_NOT_FOUND = 19;
        /// What was asked for is not there.
        QUERY_NOT_FOUND = 22;
        /// A parameter is out of its range.
        INVALID_PARAMETER = 29;
        /// The transaction must be committed.
        TRANSACTION_SHOULD_COMMIT = 200;
        /// The transaction must be rolled back.
        TRANSACTION_SHOULD_ROLLBACK = 201;
        /// The transaction's state is unknown.
        TRANSACTION_STATE_UNKNOW = 202;
        /// The group does not fit the transaction.
        TRANSACTION_STATE_GROUP_WRONG = 203;
        /// The buyer is not known.
        NO_BUYER_ID = 204;
        /// The request belongs to another unit.
        NOT_IN_CURRENT_UNIT = 205;
        /// A static topic's queue moved.
        NOT_LEADER_FOR_QUEUE = 501;
        /// A transaction was ended after its check time.
        ILLEGAL_OPERATION = 604;
        /// The server asks for a new connection.
        GO_AWAY = 1500;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(request_code::name(310), "SEND_MESSAGE_V2");
        assert_eq!(response_code::name(17), "TOPIC_NOT_EXIST");
        assert_eq!(response_code::name(9999), "UNKNOWN");
    }
}
