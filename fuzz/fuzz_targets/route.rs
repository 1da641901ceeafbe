//! A name server's route: what can be read is written and read again as the same, with keys quoted and bare.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::route::{IntKeys, TopicRouteData};

fuzz_target!(|body: &[u8]| {
    let Ok(route) = TopicRouteData::decode(body) else { return };
    for keys in [IntKeys::Quoted, IntKeys::Bare] {
        let mut out = BytesMut::new();
        route.encode(keys, &mut out);
        assert_eq!(TopicRouteData::decode(&out).as_ref(), Ok(&route));
    }
});
