"""Become another program that cannot outlive its parent.

`python -I -S launch.py PARENT SIGNAL USER CAPABLE PROGRAM ARGUMENT…` comes between fork and
exec of a child: it asks the kernel for SIGNAL when the process PARENT dies, gives up root for
USER ("-" keeps who we are), and then *is* PROGRAM, under the same process id. It imports
nothing outside of the standard library, so it costs some 20 ms.

CAPABLE is 1 where USER may pass directories that are closed to it (a checkout below /root): the one
capability CAP_DAC_OVERRIDE is then kept. PostgreSQL refuses to be root, but does not mind that. Its
initdb asks `access(2)` for the program postgres, and for anybody but root that call forgets the
capability unless SECBIT_NO_SETUID_FIXUP is set.
"""

import ctypes
import os
import pwd
import struct
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1


def main(arguments: list[str]) -> NoReturn:
    """Do what the arguments say; only returns by an exception or exit."""
    parent, death_signal, user, capable, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if user != "-":
        _become(libc, user, capable=capable == "1")
    if libc is not None:
        # After the change of user: that change clears the setting.
        _check(libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
        if os.getppid() != int(parent):
            sys.exit("the parent died before its child began")
    os.execvp(command[0], command)  # noqa: S606 - becoming the program is what this is for


def _become(libc: ctypes.CDLL | None, user: str, *, capable: bool) -> None:
    """Give up root for a user, keeping one capability where asked."""
    account = pwd.getpwnam(user)
    keep = capable and libc is not None
    if keep and libc is not None:
        _check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        # not checked: a container may forbid it, and then only a closed checkout is out of reach
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if keep and libc is not None:
        bit = 1 << CAP_DAC_OVERRIDE
        header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
        # effective, permitted, inheritable of the low 32 capabilities, then of the high ones
        _check(libc.capset(header, struct.pack("=6I", bit, bit, bit, 0, 0, 0)))
        _check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
