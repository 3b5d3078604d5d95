#!/usr/bin/env python3
"""Echo peer for class 2 over TCP (RFC 2126) and for class 0 with RFC 1006 expedited; loopback only.

  tp2.py server HOST PORT [options]            echoes TSDUs as TSDUs and expedited as expedited; port 0: any free one
  tp2.py client HOST PORT [options] STEP...    exit 0 only if every echo and the end were as they should be
  tp2.py many                                  runs one connection for each line of stdin, all at the same time:
                                                 NUMBER server HOST PORT [options]    NUMBER client HOST PORT [options] STEP...
                                               and prints one line of JSON for each that listens or is over
options
  --class 0 | 2 | 2,0    offered, or accepted (default 2,0)
  --xpd                  expedited: asked for, or granted when asked for
  --ack                  client: asks for an EA for each (a server grants that when asked for)
  --no-ack               server: never grants EA
  --size N               largest TPDU (2048)
  --calling HEX --called HEX --user HEX
  --strict               judge what the peer sends by the letter; every fault is printed and makes the exit code 1
  --hold-ea MS           send each EA that much later and check that no DT or ED comes before it
  --chunk N              write N octets at a time
  --timer S              seconds for the CC, for the EA of an ED, and for all of closing (3)
  --once                 server: one connection, then exit (0: all was well)
  --after N --bye HOW    server: after N TSDUs end it by: dr, disruptive, fin, rst
  --trace                every TPDU on stdout
steps
  d<N> e<N>  send a TSDU of N octets / N expedited octets and wait for the echo     D<N> E<N>  only send
  w          wait for one item       p<K>  K TSDUs of 300 octets pipelined, then their echoes
  i<N>       a TSDU of N octets with 16 expedited octets behind it in one go; both echoes
  close      non-disruptive disconnect (default at the end)    bye=HEX  the same with user data
  drop       disruptive disconnect      fin  TCP FIN without DR      rst  TCP reset      end  wait for the end by the peer
"""
import asyncio, json, socket, struct, sys, time
from tpdu2 import decode, decode_nsdu, param, Fault
from engine2 import Engine

OPTS = {"--class": "2,0", "--size": "2048", "--calling": None, "--called": None, "--user": "", "--hold-ea": "0", "--chunk": "0",
        "--after": "0", "--bye": "none", "--timer": "3"}


def parse(argv):
    o, flags, rest, i = dict(OPTS), set(), [], 0
    while i < len(argv):
        a = argv[i]
        if a in o:
            o[a] = argv[i + 1]
            i += 2
        else:
            (flags.add if a.startswith("--") else rest.append)(a)
            i += 1
    return o, flags, rest


MOST_REPLIES = 1000  # EA, DC and DR that wait for a peer that does not read


def is_reply(b):
    return b is not None and b[1] >> 4 in (0x2, 0x8, 0xC)


def pattern(n):
    return bytes((i * 7 + (i >> 8) * 13 + n) & 255 for i in range(n))


class Peer:
    def __init__(self, reader, writer, role, o, flags, ref, note):
        self.note = note
        self.r, self.w, self.o, self.flags, self.role = reader, writer, o, flags, role
        hexed = lambda v: bytes.fromhex(v) if v is not None else None
        ack = False if "--no-ack" in flags else True if "--ack" in flags else None
        self.e = Engine(role, [int(c) for c in o["--class"].split(",")], "--xpd" in flags, ack, False, int(o["--size"]), ref,
                        hexed(o["--calling"]), hexed(o["--called"]), user_data=hexed(o["--user"]))
        self.items, self.faults, self.ended, self.opened, self.order = asyncio.Queue(), [], None, None, []
        self.hold, self.held_until, self.dr_seen = int(o["--hold-ea"]) / 1000, 0, False
        self.closed, self.out = asyncio.Event(), asyncio.Queue()
        self.armed, self.alarm, self.ea_armed, self.ea_alarm, self.seconds = None, None, None, None, float(o["--timer"])
        self.replies, self.broken, self.writing = 0, False, False  # broken: what is still posted is thrown away
        self.writer_task = asyncio.ensure_future(self.write_all())

    def trace(self, mark, b):
        if "--trace" in self.flags:
            try:
                t = decode(b, self.e.cls)
                what = " ".join(f"{k}={v.hex() if isinstance(v, bytes) else v}" for k, v in t.items() if k not in ("li", "end", "params", "warnings", "ignored"))
                what += "".join(f" [{c:02x}={v.hex()}]" for c, v in t["params"])
            except Fault as f:
                what = f"({f.code})"
            self.note(f"{time.strftime('%X')} {self.role} {mark} {what}")

    def fault(self, text):
        self.faults.append(text)
        self.note(f"FAULT of the peer: {text}")

    async def flush(self):
        sent, events, tcp = self.e.take()
        for b in sent:
            if self.hold and b[1] >> 4 == 2:
                self.held_until = time.monotonic() + self.hold
                asyncio.ensure_future(self.later(b))
            else:
                self.post(b)
        for ev in events:
            kind = ev["type"]
            if kind in ("tsdu", "expedited"):
                self.items.put_nowait((kind, bytes.fromhex(ev["data"])))
            elif kind == "connect":
                self.e.accept()
                await self.flush()
            elif kind == "open":
                self.opened = ev
                self.note(f"{self.role}: open {ev}")
            elif kind == "rejected":
                self.note(f"{self.role}: own call rejected {ev}")
            else:
                self.ended = ev
                self.note(f"{self.role}: {ev}")
                self.items.put_nowait((kind, b""))
        self.rearm()
        if tcp == "fin":
            self.out.put_nowait(None)
        elif tcp in ("drop", "reset"):
            self.abort(tcp == "reset")

    def post(self, b):
        self.replies += is_reply(b)
        self.out.put_nowait(b)

    def rearm(self):
        """The clock that the engine names, and the one for the EA of an ED. Neither starts anew while its name stays."""
        loop = asyncio.get_running_loop()
        if self.e.timer != self.armed:
            if self.alarm is not None:
                self.alarm.cancel()
            self.armed, self.alarm = self.e.timer, None
            if self.armed:
                self.alarm = loop.call_later(self.seconds, lambda: asyncio.ensure_future(self.rang(self.e.expired)))
        due = self.e.ed_nr if self.e.outstanding else None
        if due != self.ea_armed:
            if self.ea_alarm is not None:
                self.ea_alarm.cancel()
            self.ea_armed, self.ea_alarm = due, None
            if due is not None:
                self.ea_alarm = loop.call_later(self.seconds, lambda: asyncio.ensure_future(self.rang(self.e.ea_missing)))

    async def rang(self, what):
        self.note(f"{self.role}: timer in state {self.e.state}: {what.__name__}")
        if what == self.e.expired:
            self.armed = None
        what()
        await self.flush()

    async def later(self, b):
        await asyncio.sleep(self.hold)
        if self.e.state in ("OPEN", "RELEASING"):  # the DR is the last TPDU of a side (X.224 6.7.1.5 a)
            self.post(b)

    async def write_all(self):
        """One writer, so that TPDUs keep their order and stay whole."""
        while True:
            b = await self.out.get()
            self.replies -= is_reply(b)
            if self.broken:
                continue
            self.writing = True
            try:
                if b is None:
                    self.w.write_eof()
                    self.broken = True  # nothing can follow a FIN
                else:
                    await self.put(b)
            except OSError as x:
                self.broken = True
                self.note(f"{self.role}: write {x}")
            self.writing = False

    async def put(self, b):
        self.trace(">", b)
        raw, n = struct.pack(">BBH", 3, 0, len(b) + 4) + b, int(self.o["--chunk"])
        for i in range(0, len(raw), n or len(raw)):
            self.w.write(raw[i:i + (n or len(raw))])
            if n:
                await self.w.drain()
                await asyncio.sleep(0)
        await self.w.drain()

    def abort(self, rst):
        s = self.w.get_extra_info("socket")
        if rst and s is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.w.transport.abort()

    def judge(self, b):
        """What a peer that keeps to the letter would not send."""
        cls = self.e.cls if self.e.state in ("OPEN", "RELEASING", "CLOSING") else None
        try:
            ts = decode_nsdu(b, cls, True, xpd0=self.e.xpd, max_tpdu=self.e.max_tpdu) if cls == 2 else [decode(b, cls, True, self.e.xpd, self.e.max_tpdu if cls is not None else None)]
        except Fault as f:
            return self.fault(f"{f.code} at octet {f.octet} in {b[:40].hex()}")
        if len(ts) > 1:
            self.fault("concatenated TPDUs " + b.hex())
        t = ts[0]
        kind = t["type"]
        if kind in ("CR", "CC") and t["class"] == 2:
            if t["options"] != 1 or t["cdt"]:
                self.fault(f"octet 7 or CDT of class 2 is not 21 / 0: {b[:8].hex()}")
            if param(t, 0xC6) is None:
                self.fault(f"{kind} of class 2 without 0xC6")
        if kind == "CC" and param(t, 0xC0) is None and param(t, 0xF0) is None:
            self.fault("CC without a size")
        if cls == 2 and kind in ("DT", "ED", "EA", "DR", "DC", "ER"):
            if t["dstRef"] != self.e.ref:
                self.fault(f"{kind} with DST-REF {t['dstRef']:04x}, not {self.e.ref:04x}")
            if kind in ("DR", "DC") and t["srcRef"] != self.e.remote:
                self.fault(f"{kind} with SRC-REF {t['srcRef']:04x}, not {self.e.remote:04x}")
        if kind == "DT" and t["nr"]:
            self.fault("TPDU-NR is not 0")
        if kind in ("DT", "ED") and time.monotonic() < self.held_until:
            self.fault(f"{kind} while an EA is outstanding")
        if kind in ("DT", "ED", "EA") and self.dr_seen:
            self.fault(f"{kind} after DR")
        if kind in ("DR", "DC"):
            self.dr_seen = True

    async def run(self):
        buf = b""
        if self.role == "initiator":
            self.e.connected()
            await self.flush()
        try:
            while True:
                while self.replies > MOST_REPLIES and not self.w.transport.is_closing():
                    await asyncio.sleep(0.005)  # the peer does not read: no more of what needs an answer
                d = await self.r.read(65536)
                if not d:
                    break
                buf += d
                while len(buf) >= 4:
                    n = buf[2] << 8 | buf[3]
                    if buf[0] != 3 or n < 7:
                        self.fault(f"bad TPKT {buf[:8].hex()}")
                        self.e.bad_tpkt()
                        buf = b""
                        await self.flush()
                        break
                    if len(buf) < n:
                        break
                    if buf[1] and "--strict" in self.flags:
                        self.fault("TPKT reserved octet is not 0")
                    p, buf = buf[4:n], buf[n:]
                    self.trace("<", p)
                    if "--strict" in self.flags:
                        self.judge(p)
                    self.e.nsdu(p)
                    await self.flush()
            if buf and "--strict" in self.flags:
                self.fault(f"{len(buf)} octets of an unfinished TPKT before FIN")
            self.note(f"{self.role}: FIN in state {self.e.state}")
            self.e.fin()
            await self.flush()
        except (ConnectionError, OSError) as x:
            self.note(f"{self.role}: {type(x).__name__} in state {self.e.state}")
            self.e.lost()
            await self.flush()
        for alarm in (self.alarm, self.ea_alarm):
            if alarm is not None:
                alarm.cancel()
        self.items.put_nowait(("gone", b""))
        self.closed.set()
        while (self.writing or not self.out.empty()) and not self.w.transport.is_closing():
            await asyncio.sleep(0.005)
        self.writer_task.cancel()
        try:
            self.w.close()
        except OSError:
            pass


async def serve(o, flags, host, port, note, listening):
    done, result, count = asyncio.Event(), [0], [0]

    async def on(reader, writer):
        count[0] += 1
        p = Peer(reader, writer, "responder", o, flags, 0x7000 + count[0], note)
        task = asyncio.ensure_future(p.run())
        tsdus = xpds = 0
        while True:
            kind, data = await p.items.get()
            if kind == "tsdu":
                tsdus += 1
                p.e.write(data)
            elif kind == "expedited":
                xpds += 1
                p.e.write_expedited(data)
            elif kind == "gone":
                break
            await p.flush()
            if int(o["--after"]) and tsdus == int(o["--after"]) and kind == "tsdu":
                await bye(p, o["--bye"])
        await task
        note(f"responder: {tsdus} TSDUs, {xpds} expedited, {len(p.faults)} faults, ended {p.ended}")
        result[0] = 1 if p.faults or p.opened is None else 0
        if "--once" in flags:
            done.set()

    s = await asyncio.start_server(on, host, port)
    listening(s.sockets[0].getsockname()[1])
    await done.wait()
    s.close()
    return result[0]


async def bye(p, how, data=b""):
    if how in ("dr", "close"):
        p.e.disconnect(user_data=data)
    elif how in ("disruptive", "drop"):
        p.e.disconnect(user_data=data, disruptive=True)
    elif how == "fin":
        p.out.put_nowait(None)
    elif how == "rst":
        p.abort(True)
    await p.flush()


async def client(o, flags, host, port, steps, note):
    reader, writer = await asyncio.open_connection(host, port)
    p = Peer(reader, writer, "initiator", o, flags, 0x1200 + (port & 255), note)
    task, bad, ended = asyncio.ensure_future(p.run()), [], False

    async def item(want=None):
        kind, data = await asyncio.wait_for(p.items.get(), 20)
        if kind not in ("tsdu", "expedited"):
            raise SystemExit(f"initiator: FAIL, the connection ended: {p.ended}")
        note(f"initiator: {kind} of {len(data)}")
        if want is not None and (kind, data) != want:
            bad.append(f"{kind} of {len(data)} is not {want[0]} of {len(want[1])}")
        return kind, data

    while p.opened is None:
        await asyncio.sleep(0.01)
        if p.opened is None and (p.ended or p.closed.is_set()):
            await task
            note(f"initiator: not opened: {p.ended}")
            return 1
    for step in steps or ["d1", "d100", "d2043", "d2044", "d10000", "close"]:
        k, n = step[0], step[1:]
        if step in ("close", "drop", "fin", "rst") or step.startswith("bye="):
            ended = True
            await bye(p, step.split("=")[0].replace("bye", "close"), bytes.fromhex(step[4:]) if step.startswith("bye=") else b"")
        elif step == "end":
            ended = True
            while p.ended is None and not p.closed.is_set():
                await asyncio.sleep(0.01)
        elif step == "w":
            await item()
        elif k in "dD":
            p.e.write(pattern(int(n)))
            await p.flush()
            if k == "d":
                await item(("tsdu", pattern(int(n))))
        elif k in "eE":
            p.e.write_expedited(pattern(int(n)))
            await p.flush()
            if k == "e":
                await item(("expedited", pattern(int(n))))
        elif k == "i":
            p.e.write(pattern(int(n)))
            p.e.write_expedited(pattern(16))
            await p.flush()
            got = sorted([await item(), await item()])
            if got != sorted([("tsdu", pattern(int(n))), ("expedited", pattern(16))]):
                bad.append("interleaved echoes differ")
        elif k == "p":
            for _ in range(int(n)):
                p.e.write(pattern(300))
            await p.flush()
            for _ in range(int(n)):
                await item(("tsdu", pattern(300)))
    if not ended:
        await bye(p, "close")
    t0 = time.monotonic()
    try:
        await asyncio.wait_for(p.closed.wait(), 10)
    except asyncio.TimeoutError:
        bad.append(f"TCP has not ended after 10 s, state {p.e.state}")
    note(f"initiator: ended in state {p.e.state} after {(time.monotonic() - t0) * 1000:.0f} ms")
    await asyncio.wait([task], timeout=10)  # what was begun is still written
    task.cancel()
    p.writer_task.cancel()
    ok = not bad and not p.faults
    note(f"initiator: {'PASS' if ok else 'FAIL ' + '; '.join(bad + p.faults)}")
    return 0 if ok else 1


async def many():
    """Connections by the lines of stdin. Each ends within the limits of its own clocks."""
    loop, lines = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    running = set()

    async def one(number, role, host, port, o, flags, steps):
        notes, code = [], 1
        answer = lambda **k: print(json.dumps({"number": number, **k}), flush=True)
        try:
            if role == "server":
                code = await serve(o, flags | {"--once"}, host, port, notes.append, lambda port: answer(port=port))
            else:
                code = await client(o, flags, host, port, steps, notes.append)
        except (Exception, SystemExit) as x:
            notes.append(f"{type(x).__name__}: {x}")
        answer(code=code, notes=notes)

    while line := await lines.readline():
        number, role, *words = line.decode().split()
        o, flags, rest = parse(words)
        task = asyncio.ensure_future(one(int(number), role, rest[0], int(rest[1]), o, flags, rest[2:]))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return 0


async def main(argv):
    if argv == ["many"]:
        return await many()
    o, flags, rest = parse(argv)
    if len(rest) < 3 or rest[0] not in ("server", "client"):
        raise SystemExit(__doc__)
    note = lambda text: print(text, flush=True)
    role, host, port = rest[0], rest[1], int(rest[2])
    if role == "server":
        return await serve(o, flags, host, port, note, lambda port: note(f"listening on port {port}"))
    return await client(o, flags, host, port, rest[3:], note)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
