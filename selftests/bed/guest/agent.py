# SPDX-License-Identifier: GPL-2.0
# Guest side of the test bed: process 1 of a guest. It runs the commands that
# arrive on the virtio-serial port and streams their output and exit status
# back. Only built-in modules are imported: an emulated guest starts this in
# a fraction of the time "import subprocess" alone would take.
#
# A frame is: u32 channel, u8 type, u32 length (big endian), payload.
# Host to guest: S start, I input (empty: end of file), K kill (payload: signal)
# Guest to host: H hello, O output, E error output, X exit (payload: u32 status)
import errno
import os
import select
import sys
import time
from _struct import pack, unpack_from
import _signal as signal

HDR = 9
CHUNK = 65536
GRACE = 3.0		# seconds between the signal asked for and SIGKILL

port = os.open(sys.argv[1], os.O_RDWR)
chans = {}		# channel -> Cmd
by_pid = {}
by_fd = {}		# fd -> (Cmd, type)
poller = select.poll()


def send(chan, kind, data=b""):
    buf = memoryview(pack(">IBI", chan, kind[0], len(data)) + data)
    while buf:
        buf = buf[os.write(port, buf):]


class Cmd:
    def __init__(self, chan, payload):
        self.chan = chan
        self.kill_at = None
        self.inbuf = b""
        self.in_eof = False
        # cwd, netns, "1" with input, number of variables, variables, arguments
        f = payload.split(b"\0")
        cwd, netns, with_input, nenv = f[0], f[1], f[2] == b"1", int(f[3])
        env = dict(v.split(b"=", 1) for v in f[4:4 + nenv])
        argv = f[4 + nenv:]
        if len(argv) == 1:
            argv = [b"/bin/sh", b"-c", argv[0]]
        if netns:
            argv = [b"/sbin/ip", b"netns", b"exec", netns] + argv
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        self.stdin = None
        if with_input:
            in_r, self.stdin = os.pipe()
        else:
            in_r = os.open("/dev/null", os.O_RDONLY)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                for to, fd in ((0, in_r), (1, out_w), (2, err_w)):
                    os.dup2(fd, to)
                signal.set_wakeup_fd(-1)
                for s in (signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD):
                    signal.signal(s, signal.SIG_DFL)
                try:
                    os.chdir(cwd)
                except OSError:
                    os.chdir("/")
                os.environb.clear()
                os.environb.update(env)
                os.execvp(argv[0], argv)
            except OSError as e:
                os.write(2, b"%s: %s\n" % (argv[0], e.strerror.encode()))
                os._exit(127 if e.errno == errno.ENOENT else 126)
            finally:
                os._exit(126)
        for fd in (in_r, out_w, err_w):
            os.close(fd)
        self.fds = {out_r: b"O", err_r: b"E"}
        for fd, kind in self.fds.items():
            os.set_blocking(fd, False)
            by_fd[fd] = (self, kind)
            poller.register(fd, select.POLLIN)
        if self.stdin is not None:
            os.set_blocking(self.stdin, False)
        chans[chan] = self
        by_pid[self.pid] = self

    def close(self, fd):
        poller.unregister(fd)
        del by_fd[fd]
        os.close(fd)

    def read(self, fd):
        """Pass on what there is; False when there is no more."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if data:
            send(self.chan, self.fds[fd], data)
            return True
        del self.fds[fd]
        self.close(fd)
        return False

    def feed(self, data):
        if self.stdin is None:
            return
        if data:
            self.inbuf += data
        else:
            self.in_eof = True
        self.push()

    def push(self):
        fd = self.stdin
        if fd is None:
            return
        try:
            while self.inbuf:
                self.inbuf = self.inbuf[os.write(fd, self.inbuf):]
        except BlockingIOError:
            if fd not in by_fd:
                by_fd[fd] = (self, b"I")
                poller.register(fd, select.POLLOUT)
            return
        except OSError:		# the command does not read any more
            self.inbuf = b""
            self.in_eof = True
        if fd in by_fd:
            poller.unregister(fd)
            del by_fd[fd]
        if self.in_eof:
            os.close(fd)
            self.stdin = None

    def kill(self, sig):
        try:
            os.kill(-self.pid, sig)
        except OSError:
            pass

    def finish(self, status):
        # A child left in the background may hold the pipes open: take what
        # has been written up to now and do not wait for it.
        for fd in list(self.fds):
            n = 0
            while n < 64 and self.read(fd):
                n += 1
            if fd in self.fds:
                del self.fds[fd]
                self.close(fd)
        if self.stdin is not None:
            self.inbuf = b""
            self.in_eof = True
            self.push()
        if self.kill_at is not None:
            self.kill(signal.SIGKILL)
        del chans[self.chan]
        send(self.chan, b"X", pack(">I", status))


def reap():
    while True:
        try:
            pid, st = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        cmd = by_pid.pop(pid, None)
        if cmd:
            code = os.waitstatus_to_exitcode(st)
            cmd.finish(code if code >= 0 else 128 - code)


def frame(chan, kind, data):
    cmd = chans.get(chan)
    if kind == ord("S"):
        Cmd(chan, data)
    elif cmd is None:
        return
    elif kind == ord("I"):
        cmd.feed(data)
    elif kind == ord("K"):
        cmd.kill(int(data))
        cmd.kill_at = time.monotonic() + GRACE


def main():
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_r, False)
    os.set_blocking(wake_w, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.set_wakeup_fd(wake_w)
    poller.register(port, select.POLLIN)
    poller.register(wake_r, select.POLLIN)
    buf = b""
    send(0, b"H")
    while True:
        ends = [c.kill_at for c in chans.values() if c.kill_at is not None]
        wait = max(0, (min(ends) - time.monotonic()) * 1000) if ends else None
        for fd, ev in poller.poll(wait):
            if fd == port:
                buf += os.read(port, CHUNK)
                while len(buf) >= HDR:
                    chan, kind, n = unpack_from(">IBI", buf)
                    if len(buf) < HDR + n:
                        break
                    data, buf = buf[HDR:HDR + n], buf[HDR + n:]
                    frame(chan, kind, data)
            elif fd == wake_r:
                os.read(wake_r, 512)
            elif fd in by_fd:
                cmd, kind = by_fd[fd]
                if kind == b"I":
                    cmd.push()
                else:
                    cmd.read(fd)
        now = time.monotonic()
        for c in list(chans.values()):
            if c.kill_at is not None and c.kill_at <= now:
                c.kill(signal.SIGKILL)
                c.kill_at = now + GRACE
        reap()


main()
