//! The header of a plain send, most of which is the same for all messages of a topic to a broker: that is made once.

use bytes::BytesMut;

use super::command::{ONEWAY, request_code};
use super::frame::{PREFIX, Serializer, write_prefix};
use super::header::Identity;
use super::payload::Payload;
use super::request::Fixed;
use super::send::{FIXED_BOUND, SendHeader, Writer, header_bound, most_escapes};

/// See the module's text. It is of one producer, and of its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    topic: String,
    broker_name: String,
    begin: Vec<u8>,
    rest: Vec<u8>,
}

impl Template {
    /// Made after the first header that it is for; `None`: such headers are not made so.
    pub fn of(code: i32, serializer: Serializer, header: &SendHeader<'_>) -> Option<Self> {
        if serializer != Serializer::Json || !is_plain(code, header) {
            return None;
        }
        let mut memory = vec![0; header_bound(serializer, header, &[])];
        let mut writer = Writer { frame: &mut memory, at: 0 };
        writer.json_begin(code, header);
        let begin = writer.at;
        writer.json_rest(header);
        let end = writer.at;
        Some(Template {
            topic: header.topic.to_owned(),
            broker_name: header.broker_name.to_owned(),
            begin: memory[..begin].to_vec(),
            rest: memory[begin..end].to_vec(),
        })
    }

    /// Whether a message's header is of its form.
    #[inline]
    pub fn is_for(&self, code: i32, header: &SendHeader<'_>) -> bool {
        is_plain(code, header) && header.topic == self.topic && header.broker_name == self.broker_name
    }

    /// As [`super::send::encode_send_as`], for a header of its form.
    #[inline]
    pub fn encode(&self, out: &mut BytesMut, opaque: i32, oneway: bool, header: &SendHeader<'_>, body: Payload<'_>) {
        let flag = if oneway { ONEWAY } else { 0 };
        let fixed = Fixed { code: request_code::SEND_MESSAGE_V2, identity: Identity::OURS, opaque, flag, remark: None };
        let start = out.len();
        let properties = header.properties.len() + 5 * most_escapes(header.properties);
        let bound = PREFIX + FIXED_BOUND + self.begin.len() + self.rest.len() + properties;
        let size = body.size();
        out.reserve(bound + size);
        out.resize(start + bound, 0);
        let mut writer = Writer { frame: &mut out[start..], at: PREFIX };
        writer.put(&self.begin);
        writer.json_message(header);
        writer.put(&self.rest);
        writer.json_end(&fixed);
        let end = writer.at;
        write_prefix(writer.frame, Serializer::Json, end - PREFIX, size);
        out.truncate(start + end);
        body.put(out);
    }
}

/// What differs between messages stands between both parts; these hardly ever differ.
fn is_plain(code: i32, header: &SendHeader<'_>) -> bool {
    code == request_code::SEND_MESSAGE_V2
        && header.reconsume_times == 0
        && header.max_reconsume_times.is_none()
        && !header.batch
}

#[cfg(test)]
mod tests {
    use super::super::send::encode_send_as;
    use super::*;

    const HEADER: SendHeader<'static> = SendHeader {
        producer_group: "gro\"up",
        topic: "tänk",
        default_topic: "TBW102",
        default_topic_queue_nums: 4,
        queue_id: 3,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_000,
        flag: 0,
        properties: "KEY\x01value\x02UNIQ_KEY\x017F00\x02",
        reconsume_times: 0,
        unit_mode: false,
        max_reconsume_times: None,
        batch: false,
        broker_name: "broker-a",
    };
    const CODE: i32 = request_code::SEND_MESSAGE_V2;

    #[test]
    fn its_frames_are_those_of_the_whole_encoder() {
        let headers = [
            HEADER,
            SendHeader { queue_id: 65_535, sys_flag: 9, flag: -7, ..HEADER },
            SendHeader { born_timestamp: 0, queue_id: -1, properties: "", ..HEADER },
            SendHeader { properties: &"\x01\x02".repeat(5000), ..HEADER },
        ];
        let template = Template::of(CODE, Serializer::Json, &HEADER).unwrap();
        for header in &headers {
            for (opaque, oneway, body) in [(0, false, &b""[..]), (i32::MAX, true, &[7; 300]), (42, false, b"x")] {
                let (mut whole, mut quick) = (BytesMut::from("before"), BytesMut::from("before"));
                assert!(template.is_for(CODE, header));
                template.encode(&mut quick, opaque, oneway, header, Payload::Plain(body));
                let (ours, json) = (Identity::OURS, Serializer::Json);
                encode_send_as(&mut whole, ours, CODE, json, opaque, oneway, header, &[], Payload::Plain(body));
                assert_eq!(quick, whole);
            }
        }
    }

    #[test]
    fn other_headers_are_not_of_its_form() {
        let others = [
            SendHeader { topic: "other", ..HEADER },
            SendHeader { broker_name: "broker-b", ..HEADER },
            SendHeader { reconsume_times: 1, ..HEADER },
            SendHeader { max_reconsume_times: Some(3), ..HEADER },
            SendHeader { batch: true, ..HEADER },
        ];
        let template = Template::of(CODE, Serializer::Json, &HEADER).unwrap();
        assert!(others.iter().all(|other| !template.is_for(CODE, other)));
        assert!(others[2..].iter().all(|other| Template::of(CODE, Serializer::Json, other).is_none()));
        assert!(!template.is_for(request_code::SEND_MESSAGE, &HEADER));
        assert!(Template::of(request_code::SEND_BATCH_MESSAGE, Serializer::Json, &HEADER).is_none());
        assert!(Template::of(CODE, Serializer::Rocketmq, &HEADER).is_none());
    }
}
