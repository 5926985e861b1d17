"""Known vulnerabilities of what zoo installs: `python .ci/audit.py ENVIRONMENT WHEEL`.

Run by a Python that has pip-audit, which asks pypi.org; where that cannot be reached the audit is
skipped and says so.
"""

import json
import subprocess
import sys
from pathlib import Path

SECONDS = 45


def audited(environment: Path) -> list[dict[str, object]] | str:
    """The packages of an environment with their vulnerabilities, or why they are not known."""
    (packages,) = environment.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip_audit", "--path", str(packages), "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"pypi.org did not answer for all packages within {SECONDS} seconds"
    try:
        found = list(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines() or ["pip-audit said nothing"]
        return lines[-1][:200]
    # A mirror of pypi.org knows no vulnerabilities, and pip-audit passes over what is not found.
    known = [package for package in found if "vulns" in package]
    if len(known) < len(found) / 2:
        return f"only {len(known)} of {len(found)} packages were found at pypi.org"
    return found


def can_be_mended(environment: Path, wheel: str, name: str, fixes: list[str]) -> bool:
    """Whether pip finds a version with the mend beside all that zoo asks for."""
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--dry-run", "--quiet"]
    return any(
        subprocess.run([*pip, wheel, f"{name}=={fix}"], capture_output=True).returncode == 0
        for fix in fixes
    )


def main(environment: str, wheel: str) -> None:
    """Print what is known; fail on a vulnerability that another version would end."""
    found = audited(Path(environment))
    if isinstance(found, str):
        print(f"skipped: {found}")
        return
    failed = False
    for package in found:
        for fault in package.get("vulns", []):
            # One without a mend within our ranges is told, for nothing can be done here; one with
            # a mend fails, for the ranges or what they depend on must be raised.
            name, fixes = package["name"], fault["fix_versions"]
            mended = can_be_mended(Path(environment), wheel, name, fixes)
            failed |= mended
            ends = f"ended by {', '.join(fixes)}" if mended else "no mend within our ranges"
            print(f"{name} {package['version']}: {fault['id']}: {ends}")
    known = sum("vulns" in package for package in found)
    print(f"{known} of {len(found)} packages were looked up")
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
