"""Runs a command on a pseudo-terminal, types at it, and checks that the terminal is left as it was."""
import fcntl, os, pty, select, signal, struct, sys, termios, time

ENTER, LEAVE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


def played(keys, resized=False, sent=None, code=0):
    """The bytes drawn, the exit code, and the terminal's modes before and after."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for stream in (0, 1, 2):
            os.dup2(slave, stream)
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
        os.execv(sys.argv[1], sys.argv[1:])
    seen, deadline = b"", time.monotonic() + 60

    def until(words):
        nonlocal seen
        while words not in seen:
            assert time.monotonic() < deadline, (words, seen[-2000:])
            if select.select([master], [], [], 1)[0]:
                seen += os.read(master, 65536)

    until(ENTER)
    # The first run is over: its round trip is drawn.
    until(b"round trip")
    if resized:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        # The foot is drawn again with all else; a key that is typed beside the signal may wait for the next one.
        seen = b""
        until(b"q quit")
        seen = ENTER
    for key, words in keys:
        os.write(master, key)
        if words:
            # Ctrl-L draws everything, and not only what is new.
            seen = ENTER
            os.write(master, b"\x0c")
            until(words)
    if sent:
        os.kill(pid, sent)
    until(LEAVE)
    status = None
    while status is None:
        assert time.monotonic() < deadline, "it never ended"
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
        ended, how = os.waitpid(pid, os.WNOHANG)
        status = os.waitstatus_to_exitcode(how) if ended else None
    after = termios.tcgetattr(slave)
    assert seen.rindex(LEAVE) > seen.rindex(ENTER), "the first screen is back"
    assert SHOW in seen[seen.rindex(ENTER):], "the cursor is back"
    assert before == after, (before, after)
    assert b"panicked" not in seen, seen
    assert status == code, (status, seen[-2000:])


shows = os.environ.get("SHOWS", "").encode()
if shows:
    # What is drawn in a moment by itself; the last report is not sent, which the exit code says.
    played([(b"", shows), (b"q", None)], code=2)
    sys.exit()
played([(b"?", b"signs"), (b"\r", b"explain"), (b" ", b"PAUSED"), (b"q", None)], resized=True)
played([(b"\x03", None)])
played([], sent=signal.SIGTERM)
