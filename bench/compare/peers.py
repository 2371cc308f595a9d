"""The allocators to compare: ours, the system's, and those that Debian has, named by their versions."""

import glob
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Where a peer's library lies, by Debian's customs; the pattern of the machine's folder is `*`.
DEBIAN = {
    "mimalloc": "/usr/lib/*/libmimalloc.so.?",
    "jemalloc": "/usr/lib/*/libjemalloc.so.2",
    "tcmalloc": "/usr/lib/*/libtcmalloc_minimal.so.4",
    "tbbmalloc": "/usr/lib/*/libtbbmalloc_proxy.so.2",
    "scudo": "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-x86_64.so",
}


class Missing(Exception):
    """An allocator that was asked for cannot be had. The message says which, and why."""


@dataclass(frozen=True)
class Peer:
    name: str
    library: Path = None  # to be preloaded; none: the system's own
    version: str = ""
    small_kitchen: bool = False  # slow by design: it gets little time, and no target counts it
    hardened: bool = False       # ours with more checks: no target counts it either
    options: tuple = ()          # NAME=VALUE, of its environment

    def environment(self, task=None):
        """A program linked to another allocator has to be told if it is to use the system's; any other is left alone."""
        if self.library is None and not (task and task.links_an_allocator):
            return {}
        return {"LD_PRELOAD": str(self.library or "libc.so.6"), **dict(option.split("=", 1) for option in self.options)}

    def wrapped(self, argv, folder):
        """Returns: the words of a command as they are run on it."""
        return argv

    @property
    def rival(self):
        """Whether it counts when the best of a row is looked for."""
        return not self.small_kitchen and not self.hardened

    @property
    def title(self):
        return f"{self.name} {self.version}".strip()


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def package_version(path):
    """Returns: the upstream version of the Debian package that `path` belongs to, or nothing."""
    owner = said("dpkg", "-S", os.path.realpath(path)).split(":")[0]
    return said("dpkg-query", "-W", "-f", "${Version}", owner).split(":")[-1].split("-")[0].split("+")[0] if owner else ""


def works(peer):
    done = subprocess.run(["/bin/true"], env={**os.environ, **peer.environment()}, capture_output=True, check=False)
    return done.returncode == 0 and not done.stderr


def named(wish):
    """Returns: the peer of `--allocator name=path[,option=value]...`."""
    name, equals, rest = wish.partition("=")
    path, *options = rest.split(",")
    if not (name and equals and path and all("=" in option for option in options)):
        raise Missing(f"--allocator wants name=path, and option=value with commas between them if it has options; it got {wish}")
    peer = Peer(name, Path(path).resolve(), options=tuple(options))
    if not peer.library.is_file():
        raise Missing(f"there is no {path}")
    if not works(peer):
        raise Missing(f"{path} cannot be preloaded into /bin/true")
    return peer


def built(peer):
    """What cannot be preloaded the loader leaves out, and the program runs on the system's allocator."""
    if not works(peer):
        raise Missing(f"{peer.library} cannot be preloaded into /bin/true")
    return peer


def all_peers(libraries, small_kitchen, wishes):
    """Returns: ours first, then the system's, then what else is there, then what was wished for."""
    here = said("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")
    libc = said("getconf", "GNU_LIBC_VERSION").split()[-1:] or [""]
    peers = [built(Peer("basalt", libraries / "libbasalt.so", here)), Peer("glibc", None, libc[0])]
    peers.append(built(Peer("hardened", libraries / "libbasalt-hardened.so", here, hardened=True)))
    if small_kitchen:
        peers.append(built(Peer("small kitchen", libraries / "libbasalt-basic.so", here, small_kitchen=True)))
    for name, pattern in DEBIAN.items():
        for path in sorted(glob.glob(pattern))[-1:]:
            peer = Peer(name, Path(path), package_version(path))
            if works(peer):
                peers.append(peer)
    return peers + [named(wish) for wish in wishes]


def only(peers, names):
    """Returns: ours and those of these names."""
    for name in names:
        if name not in [peer.name for peer in peers]:
            raise Missing(f"there is no allocator {name}; there are {', '.join(peer.name for peer in peers)}")
    return peers[:1] + [peer for peer in peers[1:] if peer.name in names]
