"""Sealed bundles pin the ledger of their runs."""

from support.quarters import Quarters, quarters
from support.world import demo_world

from audit import factsfile
from audit.archive import manifest
from audit.archive.verify import verify_bundle
from audit.ledger import BUNDLE_SEALED, Ledger

__all__ = ["demo_world", "quarters"]


def test_every_bundle_carries_a_head_that_stands_in_the_ledger(quarters: Quarters) -> None:
    ledger = Ledger(f"sqlite:///{quarters.world.folder}/audit-ledger.db", make=False)
    assert ledger.guarded
    heads = []
    for bundle in (quarters.first, quarters.second):
        found = verify_bundle(bundle, quarters.trust, ledger=ledger)
        assert found.ok
        assert any("the ledger is whole" in finding.what for finding in found.findings)
        sealed = manifest.parse((bundle / "data/manifest.json").read_bytes())
        assert sealed.ledger is not None
        heads.append(sealed.ledger)
        assert ledger.events(f"quarterly/{bundle.name}", BUNDLE_SEALED)
    assert 0 < heads[0].events < heads[1].events < ledger.head()[1]
    ledger.close()


def test_a_run_says_that_its_ledger_continues_the_bundle_before(quarters: Quarters) -> None:
    facts = factsfile.loads((quarters.second / "data/facts.jsonl").read_bytes())
    assert facts.previous.ledger == "continues"
