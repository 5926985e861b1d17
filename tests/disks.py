"""Small disks, which can be full or become read-only, in a mount namespace of their own."""

import os
import subprocess
from pathlib import Path

SCRIPT = """
mount -t tmpfs -o size=$1 zoo-tests "$2" || exit 1
echo mounted
while read options; do mount -o "remount,$options" "$2"; echo "$?"; done
"""


class Disk:
    """A disk in memory that nobody else sees; it is gone when its process ends.

    Raises:
        OSError: If this machine lets nobody mount one.
    """

    def __init__(self, place: Path, size: str) -> None:
        place.mkdir()
        for flags in ("-m", "-rm"):
            command = ["unshare", flags, "sh", "-c", SCRIPT, "sh", size, str(place)]
            self.process = subprocess.Popen(
                command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True
            )
            if self._answer() == "mounted":
                break
            self.close()
        else:
            raise OSError("no mount namespace")
        self.path = Path(f"/proc/{self.process.pid}/root{place}")

    def _answer(self) -> str:
        return self.process.stdout.readline().strip()

    def remount(self, options: str) -> None:
        """Such as `size=8m` or `ro`."""
        self.process.stdin.write(f"{options}\n")
        self.process.stdin.flush()
        assert self._answer() == "0"

    def fill(self, *, leave: int = 0) -> None:
        """Write until so many bytes are free."""
        state = os.statvfs(self.path)
        (self.path / "ballast").write_bytes(bytes(state.f_bavail * state.f_frsize - leave))

    def make_room(self) -> None:
        """Take away what `fill` wrote."""
        (self.path / "ballast").unlink()

    def close(self) -> None:
        """Unmount it."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
