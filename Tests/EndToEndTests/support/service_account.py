"""The service account of a pod, as the kubelet mounts it and as the programs in the pod see it."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

PLACE = "/var/run/secrets/kubernetes.io/serviceaccount"

# In a mount namespace of its own: what is mounted here is seen by this program and its children only.
NAMESPACE = ("unshare", "--mount", "--propagation", "private", *(() if os.geteuid() == 0 else ("--map-root-user",)))
MOUNT = f'mount -t tmpfs none /var/run && mkdir -p {PLACE} && mount --bind "$0" {PLACE} && exec "$@"'


@cache
def why_not() -> str | None:
    """Why no program can be given a service account here; None when it can."""
    run = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "none", "/var/run"], capture_output=True, text=True,
                         check=False)
    return f"no mount namespace is permitted: {run.stderr.strip()}" if run.returncode else None


class ServiceAccount:
    """A projected volume: `token`, `ca.crt` and `namespace` lead through `..data` to a folder that is replaced whole."""

    def __init__(self, folder: Path, token: str, authority: bytes, namespace: str = "default"):
        self.folder = folder
        self.files = {"token": token.encode(), "ca.crt": authority, "namespace": namespace.encode()}
        self.versions = 0
        folder.mkdir()
        self._publish()
        for name in self.files:
            (folder / name).symlink_to(f"..data/{name}")

    def rotate(self, **files: bytes | str) -> None:
        """New contents, all at one moment; `ca_crt` is the file `ca.crt`."""
        for name, text in files.items():
            self.files[name.replace("_", ".")] = text.encode() if isinstance(text, str) else text
        self._publish()

    def prefix(self, host: str, port: int) -> tuple[str, ...]:
        """The command that starts a program in a pod with this service account."""
        return (*NAMESPACE, "sh", "-c", MOUNT, str(self.folder), "env", "-u", "KUBECONFIG",
                f"KUBERNETES_SERVICE_HOST={host}", f"KUBERNETES_SERVICE_PORT={port}")

    def _publish(self) -> None:
        self.versions += 1
        version, link = self.folder / f"..version_{self.versions}", self.folder / "..data_tmp"
        version.mkdir()
        for name, data in self.files.items():
            (version / name).write_bytes(data)
        old = self.folder / "..data"
        previous = old.resolve() if old.is_symlink() else None
        link.symlink_to(version.name)
        link.rename(old)
        if previous:
            shutil.rmtree(previous)
