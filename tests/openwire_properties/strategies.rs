//! Values of the OpenWire codec.

use bytes::Bytes;
use mqproducer::protocol::openwire::wire_format::name;
use mqproducer::protocol::openwire::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Text with all that modified UTF-8 writes in its own way.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.:-]{0,20}", "\\PC{0,8}", "[\0a\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}]{0,8}"]
}

fn optional() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

fn bytes() -> impl Strategy<Value = Option<Bytes>> {
    option::of(vec(any::<u8>(), 0..40).prop_map(Bytes::from))
}

pub fn value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i8>().prop_map(Value::Byte),
        any::<u16>().prop_map(Value::Char),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        (-1e9..1e9_f64).prop_map(Value::Double),
        (-1e9..1e9_f32).prop_map(Value::Float),
        text().prop_map(|text| Value::Text(text.into())),
        (8000..9000_usize, "[aé]").prop_map(|(count, of)| Value::Text(of.repeat(count).into())),
        vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec((text(), inner.clone()), 0..4)
                .prop_map(|map| Value::Map(map.into_iter().map(|(name, value)| (name.into(), value)).collect())),
            vec(inner, 0..4).prop_map(Value::List),
        ]
    })
}

pub fn destination() -> impl Strategy<Value = Destination> {
    let kind = prop_oneof![
        Just(DestinationKind::Queue),
        Just(DestinationKind::Topic),
        Just(DestinationKind::TempQueue),
        Just(DestinationKind::TempTopic),
    ];
    (kind, text()).prop_map(|(kind, name)| Destination { kind, name })
}

fn connection_id() -> impl Strategy<Value = ConnectionId> {
    text().prop_map(|value| ConnectionId { value })
}

fn producer_id() -> impl Strategy<Value = ProducerId> {
    (text(), any::<i64>(), any::<i64>()).prop_map(|(connection_id, value, session_id)| ProducerId {
        connection_id,
        value,
        session_id,
    })
}

fn consumer_id() -> impl Strategy<Value = ConsumerId> {
    (text(), any::<i64>(), any::<i64>()).prop_map(|(connection_id, session_id, value)| ConsumerId {
        connection_id,
        session_id,
        value,
    })
}

fn brokers() -> impl Strategy<Value = Option<Vec<BrokerId>>> {
    option::of(vec(text().prop_map(|value| BrokerId { value }), 0..3))
}

fn message_id() -> impl Strategy<Value = MessageId> {
    (optional(), option::of(producer_id()), any::<i64>(), any::<i64>()).prop_map(
        |(text_view, producer_id, producer_sequence_id, broker_sequence_id)| MessageId {
            text_view,
            producer_id,
            producer_sequence_id,
            broker_sequence_id,
        },
    )
}

fn transaction_id() -> impl Strategy<Value = TransactionId> {
    prop_oneof![
        (any::<i64>(), connection_id())
            .prop_map(|(value, connection_id)| LocalTransactionId { value, connection_id }.into()),
        (any::<i32>(), bytes(), bytes()).prop_map(|(format_id, global_transaction_id, branch_qualifier)| {
            XaTransactionId { format_id, global_transaction_id, branch_qualifier }.into()
        }),
    ]
}

pub fn throwable() -> impl Strategy<Value = Throwable> {
    let frame = (optional(), optional(), optional(), any::<i32>()).prop_map(|(class, method, file, line)| StackFrame {
        class,
        method,
        file,
        line,
    });
    let plain = (optional(), optional(), vec(frame, 0..3)).prop_map(|(class, message, frames)| Throwable {
        class,
        message,
        trace: Some(Box::new(Trace { frames, cause: None })),
    });
    vec(plain, 1..4).prop_map(|chain| {
        let last = chain.into_iter().reduce(|cause, mut outer| {
            outer.trace.as_mut().unwrap().cause = Some(cause);
            outer
        });
        last.unwrap()
    })
}

/// Without a trace, as it comes when none was agreed on.
fn plain_throwable() -> impl Strategy<Value = Option<Throwable>> {
    option::of((optional(), optional()).prop_map(|(class, message)| Throwable { class, message, trace: None }))
}

pub fn message() -> BoxedStrategy<Message> {
    let kind = prop_oneof![
        Just(MessageKind::Plain),
        Just(MessageKind::Bytes),
        Just(MessageKind::Object),
        Just(MessageKind::Blob)
    ];
    let ids = (
        option::of(producer_id()),
        option::of(destination()),
        option::of(transaction_id()),
        option::of(message_id()),
        option::of(destination()),
        option::of(consumer_id()),
    );
    let texts = (optional(), optional(), optional(), optional(), optional());
    let numbers = (any::<i32>(), any::<i64>(), any::<u8>(), any::<i64>(), any::<i64>(), any::<bool>(), any::<bool>());
    let told = option::of(message_id().prop_map(Structure::MessageId));
    (kind, ids, texts, numbers, (bytes(), bytes(), brokers(), told))
        .prop_map(|(kind, ids, texts, numbers, (content, marshalled_properties, broker_path, data_structure))| {
            Message {
                kind,
                producer_id: ids.0,
                destination: ids.1.clone(),
                original_destination: ids.1,
                transaction_id: ids.2.clone(),
                original_transaction_id: ids.2,
                message_id: ids.3,
                reply_to: ids.4,
                target_consumer_id: ids.5,
                group_id: texts.0,
                correlation_id: texts.1,
                message_type: texts.2,
                user_id: texts.3,
                blob: if kind == MessageKind::Blob {
                    message::Blob { remote_url: texts.4, mime_type: None, deleted_by_broker: numbers.5 }
                } else {
                    message::Blob::default()
                },
                group_sequence: numbers.0,
                redelivery_counter: numbers.0,
                expiration: numbers.1,
                priority: numbers.2,
                timestamp: numbers.3,
                arrival: numbers.4,
                broker_in_time: numbers.1,
                broker_out_time: numbers.3,
                persistent: numbers.5,
                compressed: numbers.6,
                droppable: numbers.5,
                received_by_df_bridge: numbers.6,
                jmsx_group_first_for_consumer: numbers.5,
                content,
                marshalled_properties,
                cluster: broker_path.clone(),
                broker_path,
                data_structure,
            }
        })
        .boxed()
}

fn wire_format_info() -> impl Strategy<Value = WireFormatInfo> {
    let name = prop_oneof![Just(name::CACHE), Just(name::MAX_FRAME_SIZE), Just(name::HOST), Just("Unknown")];
    let setting = prop_oneof![
        any::<bool>().prop_map(Setting::Bool),
        any::<i32>().prop_map(Setting::Int),
        any::<i64>().prop_map(Setting::Long),
        text().prop_map(Setting::Text),
    ];
    (any::<i32>(), vec((name.prop_map(str::to_owned), setting), 0..6))
        .prop_map(|(version, properties)| WireFormatInfo { version, properties })
}

pub fn command() -> BoxedStrategy<Command> {
    let of_connections = prop_oneof![
        wire_format_info().prop_map(Command::from),
        (connection_id(), optional(), optional(), optional(), brokers(), any::<[bool; 5]>()).prop_map(
            |(connection_id, client_id, password, user_name, broker_path, flags)| {
                ConnectionInfo {
                    connection_id,
                    client_ip: client_id.clone(),
                    client_id,
                    password,
                    user_name,
                    broker_path,
                    broker_master_connector: flags[0],
                    manageable: flags[1],
                    client_master: flags[2],
                    fault_tolerant: flags[3],
                    failover_reconnect: flags[4],
                }
                .into()
            }
        ),
        (option::of(text()), optional(), any::<i64>(), any::<bool>()).prop_map(
            |(id, broker_url, connection_id, slave_broker)| {
                let broker_id = id.map(|value| BrokerId { value });
                let peer = BrokerInfo { broker_id: broker_id.clone(), connection_id, ..BrokerInfo::default() };
                let peer_broker_infos =
                    Some(vec![Packet { command_id: 1, response_required: slave_broker, command: peer }]);
                BrokerInfo {
                    broker_id,
                    broker_url,
                    connection_id,
                    slave_broker,
                    peer_broker_infos,
                    ..BrokerInfo::default()
                }
                .into()
            }
        ),
        Just(KeepAliveInfo {}.into()),
        Just(ShutdownInfo {}.into()),
        (any::<[bool; 3]>(), optional(), bytes()).prop_map(|(flags, reconnect_to, token)| {
            ConnectionControl {
                close: flags[0],
                fault_tolerant: flags[1],
                rebalance_connection: flags[2],
                reconnect_to,
                token,
                ..ConnectionControl::default()
            }
            .into()
        }),
    ];
    let of_sessions = prop_oneof![
        (text(), any::<i64>()).prop_map(|(connection_id, value)| {
            SessionInfo { session_id: SessionId { connection_id, value } }.into()
        }),
        (producer_id(), option::of(destination()), any::<i32>()).prop_map(|(producer_id, destination, window_size)| {
            ProducerInfo { producer_id, destination, window_size, ..ProducerInfo::default() }.into()
        }),
        (consumer_id(), option::of(destination()), optional(), any::<i8>()).prop_map(
            |(consumer_id, destination, selector, priority)| {
                let network_consumer_path = Some(vec![consumer_id.clone()]);
                let additional_predicate = Some(NetworkBridgeFilter { message_ttl: 3, ..Default::default() });
                ConsumerInfo {
                    consumer_id,
                    destination,
                    selector,
                    priority,
                    network_consumer_path,
                    additional_predicate,
                    ..ConsumerInfo::default()
                }
                .into()
            }
        ),
        (connection_id(), option::of(transaction_id()), any::<u8>()).prop_map(
            |(connection_id, transaction_id, operation)| {
                TransactionInfo { connection_id, transaction_id, operation }.into()
            }
        ),
        (connection_id(), option::of(destination()), any::<u8>(), any::<i64>()).prop_map(
            |(connection_id, destination, operation, timeout)| {
                DestinationInfo { connection_id, destination, operation, timeout, broker_path: None }.into()
            }
        ),
        (producer_id(), any::<i64>()).prop_map(|(id, last_delivered_sequence_id)| {
            RemoveInfo { object_id: id.into(), last_delivered_sequence_id }.into()
        }),
    ];
    let of_messages = prop_oneof![
        message().prop_map(Command::from),
        (option::of(producer_id()), any::<i32>())
            .prop_map(|(producer_id, size)| ProducerAck { producer_id, size }.into()),
        (option::of(consumer_id()), option::of(message()), any::<i32>()).prop_map(
            |(consumer_id, message, redelivery_counter)| {
                let message = message.map(|message| Packet {
                    command_id: 3,
                    response_required: false,
                    command: Box::new(message),
                });
                MessageDispatch { consumer_id, destination: None, message, redelivery_counter }.into()
            }
        ),
        (option::of(message_id()), any::<u8>(), plain_throwable()).prop_map(|(id, ack_type, poison_cause)| {
            MessageAck { last_message_id: id, ack_type, poison_cause, ..MessageAck::default() }.into()
        }),
        (option::of(message_id()), any::<i64>())
            .prop_map(|(message_id, timeout)| { MessagePull { message_id, timeout, ..MessagePull::default() }.into() }),
    ];
    let answers = prop_oneof![
        any::<i32>().prop_map(|correlation_id| Response { correlation_id }.into()),
        (any::<i32>(), plain_throwable()).prop_map(|(correlation_id, exception)| ExceptionResponse {
            correlation_id,
            exception
        }
        .into()),
        (plain_throwable(), option::of(connection_id())).prop_map(|(exception, connection_id)| ConnectionError {
            exception,
            connection_id
        }
        .into()),
        (any::<i32>(), any::<i32>())
            .prop_map(|(correlation_id, result)| IntegerResponse { correlation_id, result }.into()),
        (any::<i32>(), destination()).prop_map(|(correlation_id, to)| {
            let data = vec![Structure::Destination(to)];
            DataArrayResponse { correlation_id, data: Some(data) }.into()
        }),
    ];
    // Boxed, since a debug build keeps many copies of large values on its stack.
    prop_oneof![of_connections.boxed(), of_sessions.boxed(), of_messages.boxed(), answers.boxed()].boxed()
}
