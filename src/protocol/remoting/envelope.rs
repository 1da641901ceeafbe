//! What every request carries besides its own fields: the namespace and the signature.
//!
//! The one place where requests are sealed: whoever makes a frame of a request makes it here.

use std::fmt;
use std::sync::OnceLock;

use bytes::BytesMut;

use super::acl::{ACCESS_KEY, SECURITY_TOKEN, SIGNATURE, signature_of};
use super::frame::Serializer;
use super::header::Identity;
use super::payload::Payload;
use super::request::encode_request;
use super::send::{NumberText, SendHeader, encode_send_as};
use super::template::Template;
use super::transaction::{EndTransaction, EndTransactionText};

/// Field: the namespace of version 2.
pub const NAMESPACE: &str = "ns";
/// Field: whether [`NAMESPACE`] counts.
pub const NAMESPACED: &str = "nsd";

/// Who signs, and with what. Its debug output shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key: String,
    secret_key: String,
    security_token: Option<String>,
}

impl Credentials {
    /// Keys, and the token that belongs to temporary ones.
    pub fn new(access_key: &str, secret_key: &str, security_token: Option<&str>) -> Self {
        Credentials {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            security_token: security_token.map(str::to_owned),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// See the module's text. The default adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    namespace: Option<String>,
    credentials: Option<Credentials>,
}

impl Envelope {
    /// An envelope with a namespace of version 2, credentials, both or neither.
    pub fn new(namespace: Option<&str>, credentials: Option<Credentials>) -> Self {
        Envelope { namespace: namespace.map(str::to_owned), credentials }
    }

    /// Appends a request of few fields as a whole frame.
    #[allow(clippy::too_many_arguments)]
    pub fn encode_request(
        &self,
        out: &mut BytesMut,
        code: i32,
        serializer: Serializer,
        opaque: i32,
        flag: i32,
        fields: &[(&str, &str)],
        body: &[u8],
    ) {
        if self.is_empty() {
            return encode_request(out, code, serializer, opaque, flag, fields, body);
        }
        let mut all = fields.to_vec();
        all.extend(self.unsigned());
        let signed = self.sign(&all, body.into());
        all.extend(signed.as_deref().map(|signature| (SIGNATURE, signature)));
        encode_request(out, code, serializer, opaque, flag, &all, body);
    }

    /// Appends a send request as a whole frame.
    #[allow(clippy::too_many_arguments)]
    pub fn encode_send(
        &self,
        out: &mut BytesMut,
        code: i32,
        serializer: Serializer,
        opaque: i32,
        oneway: bool,
        header: &SendHeader<'_>,
        body: Payload<'_>,
    ) {
        if self.is_empty() {
            return encode_send_as(out, Identity::OURS, code, serializer, opaque, oneway, header, &[], body);
        }
        let mut extra: Vec<(&str, &str)> = self.unsigned().collect();
        let mut signed = None;
        if self.credentials.is_some() {
            let mut text = NumberText::default();
            let mut all: Vec<(&str, &str)> = header.fields(code, &mut text);
            all.extend(&extra);
            signed = self.sign(&all, body);
        }
        extra.extend(signed.as_deref().map(|signature| (SIGNATURE, signature)));
        encode_send_as(out, Identity::OURS, code, serializer, opaque, oneway, header, &extra, body);
    }

    /// The same by a template, which the first such send makes: where nothing is added.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    pub fn encode_send_by(
        &self,
        template: &OnceLock<Template>,
        out: &mut BytesMut,
        code: i32,
        serializer: Serializer,
        opaque: i32,
        oneway: bool,
        header: &SendHeader<'_>,
        body: Payload<'_>,
    ) {
        let first = || {
            let made = Template::of(code, serializer, header)?;
            Some(template.get_or_init(|| made))
        };
        if self.is_empty()
            && let Some(template) = template.get().or_else(first)
            && template.is_for(code, header)
        {
            return template.encode(out, opaque, oneway, header, body);
        }
        self.encode_send(out, code, serializer, opaque, oneway, header, body);
    }

    /// Appends the end of a transaction as a whole frame.
    pub fn encode_end_transaction(
        &self,
        out: &mut BytesMut,
        serializer: Serializer,
        opaque: i32,
        end: &EndTransaction<'_>,
        remark: Option<&str>,
    ) {
        let mut extra: Vec<(&str, &str)> = self.unsigned().collect();
        let mut text = EndTransactionText::default();
        let mut all: Vec<(&str, &str)> = end.fields(&mut text);
        all.extend(&extra);
        let signed = self.sign(&all, Payload::Plain(b""));
        extra.extend(signed.as_deref().map(|signature| (SIGNATURE, signature)));
        end.encode(out, serializer, opaque, remark, &extra);
    }

    fn is_empty(&self) -> bool {
        self.namespace.is_none() && self.credentials.is_none()
    }

    /// The added fields but the signature, which is made over them too.
    fn unsigned(&self) -> impl Iterator<Item = (&str, &str)> {
        let namespace = self.namespace.iter().flat_map(|name| [(NAMESPACED, "true"), (NAMESPACE, name.as_str())]);
        let credentials = self.credentials.iter().flat_map(|credentials| {
            let token = credentials.security_token.as_deref().map(|token| (SECURITY_TOKEN, token));
            std::iter::once((ACCESS_KEY, credentials.access_key.as_str())).chain(token)
        });
        namespace.chain(credentials)
    }

    fn sign(&self, fields: &[(&str, &str)], body: Payload<'_>) -> Option<String> {
        self.credentials.as_ref().map(|credentials| signature_of(&credentials.secret_key, fields, body))
    }
}

#[cfg(test)]
mod tests {
    use super::super::acl::signature;
    use super::super::batch::BatchMessage;
    use super::super::command::request_code::{RECALL_MESSAGE, SEND_MESSAGE, SEND_MESSAGE_V2};
    use super::super::send::encode_send;
    use super::super::transaction::TransactionState;
    use super::super::{Header, split};
    use super::*;

    fn sealed() -> Envelope {
        Envelope::new(Some("space"), Some(Credentials::new("AK", "SK", Some("TOKEN"))))
    }

    fn header() -> SendHeader<'static> {
        SendHeader {
            producer_group: "G",
            topic: "T",
            default_topic: "TBW102",
            default_topic_queue_nums: 4,
            queue_id: 3,
            sys_flag: 0,
            born_timestamp: 1_700_000_000_000,
            flag: -7,
            properties: "a\u{1}b\u{2}",
            reconsume_times: 0,
            unit_mode: false,
            max_reconsume_times: None,
            batch: false,
            broker_name: "broker-a",
        }
    }

    /// The frame as a server reads it: all fields, and whether the signature is right for what arrived.
    fn checked(frame: &[u8]) -> Header {
        let (frame, _) = split(frame).unwrap().unwrap();
        let header = Header::decode(&frame).unwrap();
        let arrived: Vec<(&str, &str)> = header.ext.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(header.get(SIGNATURE), Some(&*signature("SK", &arrived, frame.body)), "{header:?}");
        assert_eq!(header.get(ACCESS_KEY), Some("AK"));
        assert_eq!(header.get(SECURITY_TOKEN), Some("TOKEN"));
        assert_eq!((header.get(NAMESPACE), header.get(NAMESPACED)), (Some("space"), Some("true")));
        header
    }

    /// Rows: HK-08 NS-02.
    #[test]
    fn every_kind_of_request_is_signed_over_all_that_arrives() {
        for serializer in [Serializer::Json, Serializer::Rocketmq] {
            for code in [SEND_MESSAGE_V2, SEND_MESSAGE] {
                let mut out = BytesMut::new();
                sealed().encode_send(&mut out, code, serializer, 1, false, &header(), Payload::Plain(b"body"));
                checked(&out);
                let message = BatchMessage { flag: 1, body: b"body", properties: "a\u{1}b\u{2}" };
                let batch = [message, BatchMessage { flag: 2, ..message }];
                let mut out = BytesMut::new();
                sealed().encode_send(&mut out, code, serializer, 1, false, &header(), Payload::Batch(&batch));
                checked(&out);
            }
            let mut out = BytesMut::new();
            sealed().encode_request(&mut out, RECALL_MESSAGE, serializer, 2, 0, &[("topic", "T")], b"x");
            assert_eq!(checked(&out).get("topic"), Some("T"));
            let end = EndTransaction {
                topic: "T",
                producer_group: "G",
                tran_state_table_offset: 1,
                commit_log_offset: 2,
                state: TransactionState::Commit,
                from_transaction_check: true,
                msg_id: "id",
                transaction_id: "tx",
                broker_name: "broker-a",
            };
            let mut out = BytesMut::new();
            sealed().encode_end_transaction(&mut out, serializer, 3, &end, Some("why"));
            let arrived = checked(&out);
            assert_eq!((EndTransaction::decode(&arrived).unwrap(), arrived.remark.as_deref()), (end, Some("why")));
        }
    }

    #[test]
    fn an_empty_envelope_changes_no_byte() {
        let (mut plain, mut enveloped) = (BytesMut::new(), BytesMut::new());
        encode_send(&mut plain, SEND_MESSAGE_V2, Serializer::Json, 1, false, &header(), &[], b"body");
        let empty = Envelope::default();
        empty.encode_send(
            &mut enveloped,
            SEND_MESSAGE_V2,
            Serializer::Json,
            1,
            false,
            &header(),
            Payload::Plain(b"body"),
        );
        assert_eq!(plain, enveloped);
    }

    #[test]
    fn debug_output_shows_no_key() {
        let shown = format!("{:?}", sealed());
        assert!(!shown.contains("AK") && !shown.contains("SK") && !shown.contains("TOKEN"), "{shown}");
    }
}
