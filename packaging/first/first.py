from mqproducer import Producer

with Producer("mock://demo", group="orders") as producer:
    receipt = producer.send("Orders", b"hello", tags="new", keys="order-1")
    assert len(receipt.message_id) == 32 and receipt.queue_offset == 0, receipt
    print(receipt.message_id, receipt.queue_id, receipt.queue_offset)
