"""The weights beside other versions' weights, and the signature that came with them."""

from __future__ import annotations

from audit.controls.checks.common import counted, naming
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import Tie
from audit.verdicts import Verdict


@check("weights-unique")
def weights_unique(subject: VersionSubject) -> Outcome:
    """No other version that is not a copy came to the same weights by another run.

    The same training repeated may well end in the same bytes; so does a file that was
    handed from one run to another. Only versions that this report covers are compared.
    """
    facts = subject.facts
    if not facts.weights.read:
        reason = facts.weights.reason or "the storage location could not be read"
        return unknown(f"the weights were not read: {reason}")
    other = [key for key in facts.twins if facts.twin_ties.get(key) is Tie.OTHER_RUN]
    own = f"version {facts.version.key} weights sha256:{facts.weights.sha256}"
    if other:
        reason = f"the same weights were registered from another run as {naming(other)}"
        return failed(reason, own, *(f"version {key}" for key in other))
    if facts.twins:
        told = f"{counted(len(facts.twins), 'other version')} with the same weights"
        return passed(f"{told}, each a copy or from the same run: {naming(facts.twins)}", own)
    return passed("no other version that was read has the same weights", own)


@check("model-signature")
def model_signature(subject: VersionSubject, *, require: bool = False) -> Outcome:
    """The OpenSSF model signature beside the weights, if there is one, is valid.

    ``require`` makes its absence a failure. Without it a version that carries no signature
    is not concerned.
    """
    facts = subject.facts
    found = facts.model_signature
    location = f"location {facts.weights.location}"
    if found is None:
        if not facts.weights.read:
            reason = facts.weights.reason or "the storage location could not be read"
            return unknown(f"the weights were not read: {reason}", location)
        reason = "there is no model signature beside the weights"
        return failed(reason, location) if require else Outcome(Verdict.NOT_APPLICABLE, reason)
    evidence = (location, f"{found.file} {found.signer}".strip())
    match found.state:
        case "valid":
            left = f", {len(found.uncovered)} left out by the signer" if found.uncovered else ""
            files = counted(found.covered or 0, "file")
            return passed(f"{found.file} holds for {files}{left}: {found.signer}", *evidence)
        case "invalid":
            return failed(f"{found.file}: {found.reason}", *evidence, *found.uncovered)
        case _:
            return unknown(f"{found.file} was not checked: {found.reason}", *evidence)
