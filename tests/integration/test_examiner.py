"""What an examiner has: sh, sha256sum, openssl and a PDF tool; nothing of ours but the script."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from support import bundles, seals
from support.services import tool

SH = shutil.which("dash") or "sh"


def run(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def verify_sh(bundle, *options):
    """Run the script of an untouched bundle on another one, as VERIFY.md advises."""
    script = bundles.pristine() / "2024-Q4" / "verify.sh"
    return run(SH, script, "-d", bundle, *options)


@pytest.fixture
def later(tmp_path):
    return bundles.copy(tmp_path)


def test_a_whole_bundle_from_any_folder(later, tmp_path):
    done = run(SH, later / "verify.sh", seals.keys() / "ca.pem", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "OK: 11 files as listed, 5 signatures verified, nothing added, nothing missing\n"
    )
    shutil.copy(seals.keys() / "ca.pem", later.parent / "my ca.pem")
    done = run(SH, "verify.sh", "../my ca.pem", cwd=later)
    assert done.returncode == 0


def test_without_a_trusted_certificate_the_note_is_loud(later):
    done = run(SH, later / "verify.sh")
    assert done.returncode == 0
    assert "*** The root certificate is taken from the bundle itself" in done.stdout
    assert done.stdout.count("\n***") == 3
    assert seals.sealer().root.fingerprint(seals.hashes.SHA256()).hex(":").upper() in done.stdout


# The script cannot make bag-info.txt from the manifest, as mlflow-audit verify does.
CASES = [case for case in bundles.TAMPERINGS if case.names != "bag-info.txt"]


@pytest.mark.parametrize("case", CASES, ids=bundles.case_name)
def test_tampering_is_named_by_the_script(later, case):
    careful = case.careful
    bundles.apply(case, careful, later)
    done = verify_sh(later, seals.keys() / "ca.pem")
    assert done.returncode == 4, done.stdout
    assert done.stderr == ""
    assert case.names in done.stdout


def test_a_foreign_key_is_called_so(later):
    done = verify_sh(later, seals.keys("foreign") / "ca.pem")
    assert done.returncode == 4
    assert done.stdout.count("a foreign key") == 5


def test_a_second_root_in_the_files_of_the_bundle_is_not_believed(later):
    genuine = (later / "evidence/ca.pem").read_bytes()
    crl = (later / "evidence/crl.pem").read_bytes()
    stranger = next(case for case in bundles.TAMPERINGS if case.name == "sealed by a stranger")
    stranger.do(later)
    foreign = (seals.keys("foreign") / "ca.pem").read_bytes()
    (later / "evidence/ca.pem").write_bytes(genuine + foreign)
    (later / "evidence/crl.pem").write_bytes(b"# BEGIN X509 CRL\n" + foreign + crl)
    bundles.relist(later)
    assert "a foreign key" in verify_sh(later).stdout
    assert "a foreign key" in verify_sh(later, seals.keys() / "ca.pem").stdout


def test_a_list_is_not_followed_out_of_the_bundle(later):
    with (later / "manifest-sha256.txt").open("a") as stream:
        stream.write(f"{'0' * 64}  /dev/zero\n{'0' * 64}  data/../../../dev/zero\n")
    done = verify_sh(later, seals.keys() / "ca.pem")
    assert done.returncode == 4
    assert "out of form" in done.stdout


def test_after_the_certificate_has_expired(tmp_path):
    """Judged by today it fails and says what to do; judged at the sealing it is good."""
    made = bundles.write(tmp_path)
    late = str(seals.NOW // 1000 + 4000 * 86_400)
    done = verify_sh(made.path, "-t", late, seals.keys() / "ca.pem")
    assert done.returncode == 4
    assert "has expired; see -t in VERIFY.md" in done.stdout
    then = str(bundles.WHEN // 1000)
    assert verify_sh(made.path, "-t", then, seals.keys() / "ca.pem").returncode == 0


@pytest.mark.parametrize("options", [["-x"], ["-t", "today"], ["a", "b"], ["none.pem"]])
def test_wrong_usage(later, options):
    done = verify_sh(later, *options)
    assert done.returncode == 2
    assert done.stderr


def test_a_bundle_without_a_seal(tmp_path):
    made = bundles.write(tmp_path, None)
    done = run(SH, made.path / "verify.sh")
    assert done.returncode == 4
    assert "not sealed" in done.stdout


def test_a_revoked_seal(tmp_path, later):
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    own = seals.sealer()
    key = load_pem_private_key((seals.keys() / "ca.key").read_bytes(), None)
    crl = seals.revocations((own.root, key), own.certificate.serial_number, bundles.WHEN)
    (later / "evidence/crl.pem").write_bytes(crl.public_bytes(Encoding.PEM))
    at = str(bundles.WHEN // 1000 + 86_400)
    done = verify_sh(later, "-t", at, seals.keys() / "ca.pem")
    assert "certificate revoked" in done.stdout


# --- openssl and pdfsig by hand, as in VERIFY.md --------------------------------------------


def openssl(bundle, name, *options):
    return run(
        "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any",
        "-in", f"data/{name}.p7s", "-content", f"data/{name}",
        "-CAfile", "evidence/trust-and-crl.pem", "-crl_check", "-out", "/dev/null",
        *options, cwd=bundle,
    )  # fmt: skip


def test_openssl_verifies_each_signature(later):
    names = [p.relative_to(later / "data").as_posix() for p in later.rglob("*.p7s")]
    assert len(names) == 5
    for name in names:
        done = openssl(later, name.removesuffix(".p7s"), "-cades")
        assert "CAdES Verification successful" in done.stderr
    (later / "data/index.html").write_text("changed")
    assert openssl(later, "index.html").returncode != 0


def test_the_commands_of_the_guide_work_as_printed(later):
    text = (later / "VERIFY.md").read_text().replace("\\\n", "")
    printed = re.findall(r"^(?:    |       )((?:openssl|sh|sha256sum) .*)$", text, re.MULTILINE)
    assert len(printed) == 7
    for command in printed:
        done = run(SH, "-c", command, cwd=later)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_sha256sum_checks_the_bag(later):
    done = run("sha256sum", "-c", "manifest-sha256.txt", "tagmanifest-sha256.txt", cwd=later)
    assert done.returncode == 0
    assert done.stdout.count(": OK") == 21


def test_openssl_reads_what_keys_new_wrote():
    folder = seals.keys()
    done = run("openssl", "verify", "-CAfile", "ca.pem", "-CRLfile", "ca.crl.pem", "-crl_check",
               "-x509_strict", "seal.pem", cwd=folder)  # fmt: skip
    assert done.stdout.strip() == "seal.pem: OK", done.stderr
    done = run("openssl", "rsa", "-in", "seal.key", "-check", "-noout", cwd=folder)
    assert "RSA key ok" in done.stdout


def test_pdfsig_reads_the_seal(later):
    pdfsig = tool("pdfsig", "poppler-utils")
    done = run(pdfsig, "-nocert", later / "data/report.pdf")
    assert "Signature is Valid" in done.stdout
    assert "Total document signed" in done.stdout
    assert "ETSI.CAdES.detached" in done.stdout
    bundles.apply(
        next(case for case in bundles.TAMPERINGS if case.name == "changed data/report.pdf"),
        False,
        later,
    )
    data = (later / "data/report.pdf").read_bytes()
    (later / "data/report.pdf").write_bytes(data.replace(b"/Lang (en)", b"/Lang (de)"))
    assert "Digest Mismatch" in run(pdfsig, "-nocert", later / "data/report.pdf").stdout
