"""Seeds for the corpora out of the captured frames and kept files of tests/vectors: python3 fuzz/seeds.py"""

import hashlib
import json
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent


def put(target: str, seed: bytes) -> None:
    if 0 < len(seed) <= 2048:
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


for path in sorted((ROOT / "tests/vectors/rocketmq").glob("*/*.json")):
    for captured in json.loads(path.read_text())["frames"]:
        frame = bytes.fromhex(captured["frame_hex"])
        form, size = frame[4], int.from_bytes(frame[5:8], "big")
        header, body = frame[8 : 8 + size], frame[8 + size :]
        put("frame", frame)
        put("header_binary" if form else "header_json", header)
        for target in ("response", "pushed"):
            put(target, bytes([form]) + header)
        if b'"queueDatas"' in body:
            put("route", body)
        fields = captured["header"].get("extFields") or {}
        for name in ("i", "properties"):
            put("properties", fields.get(name, "").encode())
        if captured["header"].get("code") == 320:
            put("batch", body)
        elif body[4:8] == bytes.fromhex("daa320a7"):
            put("stored", body)
        for name in ("msgId", "recallHandle"):
            put("stored", fields.get(name, "").encode())
        for number, magic in enumerate((b"\x78", bytes.fromhex("04224d18"), bytes.fromhex("28b52ffd"))):
            if body.startswith(magic):
                put("compressed", bytes([number]) + body)

for path in sorted((ROOT / "tests/vectors/openwire").glob("*.json")):
    for captured in json.loads(path.read_text())["frames"]:
        # The first byte says whether exceptions come with their stack.
        put("openwire", b"\0" + bytes.fromhex(captured["hex"]))

options = (ROOT / "docs/CONFIGURATION.md").read_text().splitlines()
keys = [line.split("`")[1] for line in options if line.startswith("| `")]
for key in keys:
    for value in ("1", "true", "a:1,b:2", "none"):
        put("configuration", f"{key}={value}".encode())
put("configuration", b"\n".join(f"{key}=1".encode() for key in keys))
for url in ("rocketmq://a:1;b:2", "mock://x?brokers=2&queues=3", "rocketmq://[::1]:9876", "activemq://a:61616", "failover:(tcp://a:1,tcp://b:2)"):
    put("configuration", f"{url}\nproducer_group=g\nmax_message_size=10".encode())


def record(kind: int, sequence: int, content: bytes) -> bytes:
    """One of the spool, as src/protocol/spool has it."""
    head = b"\xf5MQR" + struct.pack("<IQII", kind, sequence, len(content), zlib.crc32(content))
    return head + struct.pack("<I", zlib.crc32(head)) + content


def spooled(target: bytes) -> bytes:
    """A message with the encoded form of where it goes."""
    numbers = struct.pack("<iiiii", 310, 1, 0, 0, 0) + b"\x01" + struct.pack("<iqq", 16, 1, 2)
    texts = [b"T", b"id", b"UNIQ_KEY\x01id\x02", b"body"]
    return b"\x01\x00" + numbers + target + b"".join(struct.pack("<I", len(text)) + text for text in texts)


TARGETS = (b"\x00", b"\x01", b"\x02\x03\0\0\0\x01\0\0\0b", b"\x03\x01\0\0\0\x01\0\0\0k", b"\x05\x01\0\0\0\x01\0\0\0r")
messages = [spooled(target) for target in TARGETS]
files = [b"MQPSPL\0\x01" + b"".join(record(0, number, message) for number, message in enumerate(messages))]
files[0] += record(1, 2, b"")
# As producers wrote them.
for path in sorted((ROOT / "tests/vectors/spool").glob("*.spool")):
    files.append(path.read_bytes())
for whole in files:
    for seed in (whole, whole[:-5], whole[:40] + b"\0" + whole[41:]):
        put("spool", seed)
    at = 8
    while at < len(whole):
        length = int.from_bytes(whole[at + 16 : at + 20], "little")
        put("spool", whole[at + 28 : at + 28 + length])
        at += 28 + length
put("spool", b"MQPSPL\0\x01")
