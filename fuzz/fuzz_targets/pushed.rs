//! What a broker asks of a client: checks and pushed replies, as header and as body. The first byte chooses the form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::recall::RecallMessage;
use mqproducer::protocol::remoting::reply::PushReply;
use mqproducer::protocol::remoting::transaction::{CheckTransactionState, EndTransaction};
use mqproducer::protocol::remoting::{Frame, Header, SendHeader, Serializer};

fuzz_target!(|bytes: &[u8]| {
    let Some((form, header)) = bytes.split_first() else { return };
    let serializer = if form & 1 == 0 { Serializer::Json } else { Serializer::Rocketmq };
    let Ok(header) = Header::decode(&Frame { serializer, header, body: b"" }) else { return };
    if let Ok(check) = CheckTransactionState::decode(&header) {
        let again = check.to_header();
        assert_eq!(CheckTransactionState::decode(&again), Ok(check));
    }
    if let Ok(reply) = PushReply::decode(&header) {
        let again = reply.to_header();
        assert_eq!(PushReply::decode(&again), Ok(reply));
    }
    let _ = EndTransaction::decode(&header);
    let _ = RecallMessage::decode(&header);
    let _ = SendHeader::decode(&header);
});
