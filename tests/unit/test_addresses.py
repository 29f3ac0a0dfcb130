"""Which addresses are local, and how they are shown."""

from pathlib import Path

import pytest

from audit.sources.addresses import is_url, local_path, redacted


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///srv/a%20b.git", Path("/srv/a b.git")),
        ("../churn", Path("../churn")),
        ("https://example.org/churn.git", None),
        ("git@example.org:team/churn.git", None),
        ("file://elsewhere/srv/churn.git", None),
    ],
)
def test_local_addresses_are_told_from_others(address: str, path: Path | None) -> None:
    assert local_path(address) == path


def test_only_addresses_are_redacted() -> None:
    assert is_url("s3://bucket/data")
    assert not is_url("data/raw.csv")
    assert "t0ken" not in redacted("https://bob:t0ken@example.org/a")
    assert redacted("data/a;key=b") == "data/a;key=b"
