"""What separates a function instance from everything else on the machine. Runs in the spawner and its forks.

Three modes, the first that this machine allows:

namespaces   the instance sees a file system of its own: system folders read-only, its code at /var/task, its layers
             under /opt, a private /tmp of limited size, nothing of the server's data or of other functions. It has
             its own process tree, so that killing its first process kills all of them. Works as root, and without
             root where the kernel lets users make namespaces. This is what bubblewrap does, without needing it.
uid          as root without that right: an unused user id of its own for each instance, so that it reads only what
             everybody may and its own folders.
none         neither: limits only. `mrak doctor` says so.

In all modes: process group, resource limits, no new privileges, first to go when memory runs out, and dead as soon
as the spawner is. Limits and /proc are not Firecracker's: deviation("LAMBDA-011").

Python 3.8 or later, no imports of mrak.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/run/systemd/resolve")
DEVICES = ("null", "zero", "full", "random", "urandom")

# Unused by any distribution's ranges; containers that map only 16 bits of user ids get the second.
UID_BASES = (1_600_000_000, 62_000)
UID_SLOTS = 3_000
PROCESSES = 1_024  # AWS: Lambda quotas, execution processes/threads
OPEN_FILES = 1_024  # AWS: Lambda quotas, file descriptors
LOCKED_BYTES = 64 * 1024  # recorded: test_runtime_ulimits

mode = "none"
_uid_base = UID_BASES[0]
_own_pid_namespace = -1
_is_root = os.getuid() == 0


def prepare(wanted="auto"):
    """Finds the strongest mode that works here and gets this process ready for it."""
    global mode, _uid_base, _own_pid_namespace
    for candidate in ("namespaces", "uid") if wanted == "auto" else (wanted,):
        for base in UID_BASES if _is_root else (0,):
            _uid_base = base
            if candidate != "none" and _works(candidate):
                mode = candidate
                if mode == "namespaces":
                    _own_pid_namespace = _get_ready_for_namespaces()
                return mode
    mode = "none"
    return mode


def _works(candidate):
    """Tries a mode in a forked child, so that a failure changes nothing here."""
    global mode
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        os.waitpid(pid, 0)
        said = os.read(read, 2)
        os.close(read)
        return said == b"ok"
    try:
        mode = candidate
        if candidate == "namespaces":
            _get_ready_for_namespaces()
        order = {"id": 1, "cwd": "/", "binds": [], "tmp_mb": 1, "memory_mb": 128}
        before_fork(order)
        if os.fork() == 0:
            enter(order)
            if mode == "uid":
                os.listdir(os.path.dirname(os.__file__))  # who cannot read Python's library cannot run Python
            os.write(write, b"ok")
            os._exit(0)
        os.wait()
    except OSError:
        pass  # the parent reads no "ok": this mode does not work here
    finally:
        os._exit(0)


def _get_ready_for_namespaces():
    if not _is_root:
        _become_root_of_own_user_namespace()
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def _become_root_of_own_user_namespace():
    uid, gid = os.getuid(), os.getgid()
    _call(_libc.unshare, CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def before_fork(order):
    """The next fork starts a process tree of its own."""
    if mode == "namespaces":
        _call(_libc.unshare, CLONE_NEWPID)


def after_fork(order):
    if mode == "namespaces":
        _call(_libc.setns, _own_pid_namespace, CLONE_NEWPID)


def enter(order):
    """Turns the forked child into a confined one."""
    os.setsid()
    os.umask(0o022)
    _set_oom_score()
    if mode == "namespaces":
        _call(_libc.unshare, CLONE_NEWNS | CLONE_NEWIPC)
        _build_root(order)
    if _is_root and mode != "none":
        _become_nobody(order)
    elif mode == "namespaces":
        # An own user namespace counts its processes apart: a fork bomb meets the limit alone.
        _become_root_of_own_user_namespace()
        _drop_capabilities()
    _limit(order)
    _call(_libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call(_libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after setuid, which would clear it
    os.chdir(order["cwd"])


def uid_of(number):
    return _uid_base + number % UID_SLOTS


def _become_nobody(order):
    uid = uid_of(order["id"])
    for folder in order.get("own", ()):
        os.chown(folder, uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _drop_capabilities():
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _call(_libc.capset, header, nothing)


def _set_oom_score():
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return  # no such kernel interface here: the limits below still hold


def _limit(order):
    # The exact memory limit is watched from outside, as AWS counts resident memory; this one only keeps a sudden
    # allocation from hurting the machine before the watch sees it.
    data = (order["memory_mb"] * 2 + 1024) << 20
    _set_limit(resource.RLIMIT_DATA, data)
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_MEMLOCK, LOCKED_BYTES)
    _set_limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    if mode != "none":
        _set_limit(resource.RLIMIT_NPROC, PROCESSES)
    if mode != "namespaces":
        _set_limit(resource.RLIMIT_FSIZE, order["tmp_mb"] << 20)


def _set_limit(which, value):
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


# --- the file system of an instance


def _build_root(order):
    """A new root on a small tmpfs; the old one is in reach at /old until everything is bound, then gone."""
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    os.mkdir("/tmp/old")
    _pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    for folder in SYSTEM_FOLDERS:
        _bind_system(folder)
    _name_user(uid_of(order["id"]) if _is_root else os.getuid())
    _make_devices()
    os.mkdir("/tmp")
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={order['tmp_mb']}m")
    # After /tmp, since mrak itself may live below the machine's /tmp.
    for source, target in order["binds"]:
        _bind(source, target)
    _mount_proc()
    for folder in ("/var/task", "/opt"):
        os.makedirs(folder, exist_ok=True)
    _call(_libc.umount2, b"/old", MNT_DETACH)
    os.rmdir("/old")
    _mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _bind_system(folder):
    old = "/old" + folder
    if os.path.islink(old):
        os.symlink(os.readlink(old), folder)
    elif os.path.isdir(old):
        _bind(folder, folder)


def _bind(source, target):
    old = "/old" + source
    if os.path.exists(target):
        return  # already there through a wider bind
    if os.path.isdir(old):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_CLOEXEC, 0o644))
    _mount(old, target, None, MS_BIND | MS_REC)
    kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept)


def _name_user(uid):
    """The user that a function is has a name and a home, as on AWS: SDKs ask for them."""
    if not os.path.exists("/etc/passwd"):
        return
    with open("/.passwd", "w") as file:
        file.write("root:x:0:0:root:/root:/bin/bash\n")
        if uid:
            file.write(f"sbx_user1051:x:{uid}:{uid}::/home/sbx_user1051:/sbin/nologin\n")
    os.chmod("/.passwd", 0o644)
    _mount("/.passwd", "/etc/passwd", None, MS_BIND)
    _mount(None, "/etc/passwd", None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _make_devices():
    os.mkdir("/dev")
    for name in DEVICES:
        if os.path.exists("/old/dev/" + name):
            os.close(os.open("/dev/" + name, os.O_CREAT | os.O_CLOEXEC, 0o666))
            _mount("/old/dev/" + name, "/dev/" + name, None, MS_BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink("/proc/self/" + target, "/dev/" + name)


def _mount_proc():
    """Our own processes only. Some containers forbid it: then there is no /proc, rather than the machine's."""
    os.mkdir("/proc")
    try:
        _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        return


def _pivot_root(new, old):
    number = SYS_PIVOT_ROOT[os.uname().machine]
    _call(_libc.syscall, number, new.encode(), old.encode())


def _mount(source, target, kind, flags, data=None):
    words = [part.encode() if part is not None else None for part in (source, target, kind)]
    _call(_libc.mount, *words, ctypes.c_ulong(flags), data.encode() if data else None)


def _call(function, *arguments):
    if function(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")


# --- the end of an instance


def kill_all(pid, order):
    """Ends the instance; called only for a child that was not reaped yet, so that the pid is still its own."""
    os.kill(pid, signal.SIGKILL)
    if mode != "namespaces":
        _kill_group(pid)


def clean_up(pid, order):
    """After the first process of an instance was reaped: what it left behind ends too."""
    if mode == "namespaces":
        return  # the kernel killed the rest of its process tree
    _kill_group(pid)
    if mode == "uid":
        _kill_user(uid_of(order["id"]))


def _kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left


def _kill_user(uid):
    """Becomes the user, who may kill all that is his and nothing else."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        except OSError:
            pass  # nobody is left
        finally:
            os._exit(0)
    os.waitpid(child, 0)
