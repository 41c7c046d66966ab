"""Certificates: the server's own, and given ones."""

import datetime
import ssl
import stat
from pathlib import Path

import pytest

from paddock.worker.certificate import given_certificate, own_certificate
from paddock.worker.errors import ConfigError

NOW = datetime.datetime.now(datetime.UTC)


def test_the_own_certificate_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "https"
    key, file = own_certificate(folder, NOW)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(file, key)
    before = file.read_bytes()
    assert own_certificate(folder, NOW + datetime.timedelta(days=28))[1].read_bytes() == before
    assert own_certificate(folder, NOW + datetime.timedelta(days=30))[1].read_bytes() != before
    assert [path.name for path in folder.iterdir()] == [file.name]


@pytest.mark.parametrize("spoil", [lambda file: file.chmod(0o644), lambda file: file.write_text("no certificate")])
def test_one_that_others_could_read_or_that_is_broken_is_made_anew(tmp_path: Path, spoil) -> None:
    file = own_certificate(tmp_path, NOW).certificate
    before = file.read_bytes()
    spoil(file)
    assert own_certificate(tmp_path, NOW).certificate.read_bytes() != before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"{tmp_path}/file/x: Not a directory"):
        own_certificate(tmp_path / "file" / "x", NOW)


def test_given_files_have_to_be_there_and_to_belong_together(tmp_path: Path) -> None:
    one, other = own_certificate(tmp_path / "a", NOW).key, own_certificate(tmp_path / "b", NOW).key
    text = tmp_path / "text"
    text.write_text("no PEM")
    assert given_certificate(one, one) == (one, one)
    for key, certificate, said in (
        (tmp_path / "gone", one, "Could not read the private key in .*gone: No such file"),
        (one, tmp_path, "Could not read the certificate in .*: Is a directory"),
        (text, one, "Expected a private key in PEM format"),
        (one, text, "Expected a certificate in PEM format"),
        (one, other, "is not that of the certificate"),
    ):
        with pytest.raises(ConfigError, match=said):
            given_certificate(key, certificate)
