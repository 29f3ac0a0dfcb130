"""The join by content on a real DVC repository, held against what really happened."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.dvcworld import Training, World, world
from support.gitrepo import lock, md5, tracked

from audit.config import Code
from audit.facts import ArtifactFile, CommitState, Run, StageState, Weights
from audit.gather.join import join
from audit.sources.repositories import DvcRepository, open_code


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory)


@pytest.fixture(scope="module")
def code(churn: World, tmp_path_factory: pytest.TempPathFactory) -> DvcRepository:
    return open_code(Code(path=churn.repository), tmp_path_factory.mktemp("cache"))[0]


def _state(code: DvcRepository, training: Training) -> StageState:
    (state,) = (state for state in code.states_with_out(training.weights) if state.stage)
    return state


def test_every_model_leads_to_the_data_it_was_really_made_from(
    churn: World, code: DvcRepository
) -> None:
    assert len(churn.trainings) == 9
    assert len({training.weights for training in churn.trainings}) == 9
    for training in churn.trainings:
        state = _state(code, training)
        commit = code.lock_commit(state, training.tagged)
        assert commit == training.lock
        states = code.upstream(state, commit)
        stages = [state.stage for state in states]
        assert stages == ["train", "featurize@train", "prepare", ""]
        assert [out.digest for out in states[-1].outs] == [training.raw]
    assert code.describe().problems == ()


def test_the_lock_at_the_tag_is_wrong_for_three_ways_of_working_in_four(
    churn: World, code: DvcRepository
) -> None:
    """What a reader that trusts the tag would find: the model before."""
    for training in churn.trainings:
        text = subprocess.run(
            ["git", "show", f"{training.tagged}:dvc.lock"],
            cwd=churn.repository,
            capture_output=True,
            check=False,
            text=True,
        ).stdout
        assert (training.weights in text) is (training.workflow == "rerun")


def test_the_tree_that_ran_is_compared_with_the_tag_and_with_the_lock_s_commit(
    churn: World, code: DvcRepository
) -> None:
    for training in churn.trainings:
        state = _state(code, training)
        at_lock = code.compare(state, training.lock)
        assert {item.path for item in at_lock} == {
            *("src/train.py", "src/lib", "params.yaml:train.C", "params.yaml:train.seed")
        }
        assert all(item.equal for item in at_lock)
        dirty = [item.path for item in code.compare(state, training.tagged) if not item.equal]
        clean = training.workflow in {"before", "rerun"}
        # The first training ran with the parameters that were committed, and changed code.
        first = training is churn.trainings[0]
        assert ("params.yaml:train.C" in dirty) is not (clean or first)
        assert ("src/train.py" in dirty) is (not clean and training.c in {1.0, 1.375, 1.75})


def test_raw_data_that_changed_is_seen_at_the_stage_that_read_it(
    churn: World, code: DvcRepository
) -> None:
    seen = {}
    for training in churn.trainings:
        states = code.upstream(_state(code, training), training.lock)
        prepare = next(state for state in states if state.stage == "prepare")
        (raw,) = (i for i in code.compare(prepare, training.tagged) if i.kind == "data")
        assert raw.lock_digest == training.raw
        seen[training.workflow] = seen.get(training.workflow, True) and raw.equal
    assert seen["rerun"]
    assert seen["before"]
    assert not seen["after"]
    assert not seen["branch"]


def test_commits_say_how_they_reached_the_branch(churn: World, code: DvcRepository) -> None:
    for training in churn.trainings:
        commit = code.commit(training.lock)
        assert commit is not None
        assert commit.merged_by == churn.merges.get(training.lock, "")
        experiment = training.workflow == "experiment"
        expected = CommitState.OTHER_REF if experiment else CommitState.REACHABLE
        assert commit.state is expected
    assert len(churn.merges) == 2


def test_without_the_bytes_parameters_and_metrics_still_find_the_state(
    churn: World, code: DvcRepository
) -> None:
    for training in churn.trainings:
        params = {"C": str(training.c), "seed": "42", "solver": "none"}
        found = code.infer(params, {"score": training.score})
        if round(training.score, 4) == training.score:
            assert found == "a DVC lock has the run's parameters, but no metric that tells its data"
            continue
        assert not isinstance(found, str)
        assert found[0] == _state(code, training)
        assert found[1].agrees == ("param C", "param seed", "metric score")
        assert isinstance(code.infer(params, {"score": training.score + 1}), str)
    assert isinstance(code.infer({"seed": "42"}, {}), str)


def test_loops_and_working_directories_have_paths_from_the_root(
    churn: World, code: DvcRepository
) -> None:
    training = churn.trainings[-2]
    text = hashlib.sha256(_weights(churn, training)).hexdigest()
    (state,) = code.states_with_out(md5(text))
    assert (state.file, state.stage) == ("scoring/dvc.lock", "digest")
    assert [out.path for out in state.outs] == ["scoring/digest.txt"]
    assert {dep.path for dep in state.deps} == {"model.pkl", "scoring/scripts/digest.py"}
    states = code.upstream(state, training.lock)
    assert [out.digest for out in states[-1].outs] == [training.raw]


def _weights(churn: World, training: Training) -> bytes:
    cache = churn.repository / ".dvc" / "cache" / "files" / "md5"
    return (cache / training.weights[:2] / training.weights[2:]).read_bytes()


def test_a_clone_knows_no_experiments_and_a_mirror_does(churn: World, tmp_path: Path) -> None:
    training = churn.trainings[-1]
    clone = tmp_path / "clone"
    address = f"file://{churn.repository}"
    subprocess.run(["git", "clone", "--quiet", address, clone], check=True)
    code, _ = open_code(Code(path=clone), tmp_path / "cache")
    assert code.states_with_out(training.weights) == ()
    assert code.commit(training.lock) is None
    mirror, _ = open_code(Code(url=address), tmp_path / "cache")
    assert len(mirror.states_with_out(training.weights)) == 1
    assert mirror.describe().lock_states > code.describe().lock_states


def test_a_signature_is_never_taken_for_the_weights(churn: World, code: DvcRepository) -> None:
    """It may be larger than they are, and no stage puts it out."""
    training = churn.trainings[0]
    files = (
        ArtifactFile("model.pkl", 9, "", training.weights),
        ArtifactFile("model.sig", 2000, "", md5("signature")),
        ArtifactFile("claims.jsonl", 3000, "", md5("claims")),
    )
    run = Run("r1", tags={"mlflow.source.git.commit": training.tagged})
    pipeline = join(Weights(read=True, files=files), run, [code])
    assert [match.artifact for match in pipeline.matches] == ["model.pkl"]


def test_reading_changes_nothing_in_the_repository(churn: World, tmp_path: Path) -> None:
    copy = tmp_path / "churn"
    shutil.copytree(churn.repository, copy, symlinks=True)
    before = _fingerprint(copy)
    code, data = open_code(Code(path=copy), tmp_path / "cache")
    digests = []
    for training in churn.trainings:
        state = _state(code, training)
        code.compare(state, training.tagged)
        states = code.upstream(state, training.lock)
        digests += [out.digest for found in states for out in found.outs]
    code.infer({"C": "1.0"}, {})
    data.exist(digests)
    code.close()
    assert _fingerprint(copy) == before


def _fingerprint(folder: Path) -> list[tuple[str, int, int]]:
    return sorted(
        (str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")
    )


@pytest.mark.slow
def test_a_long_history_is_joined(tmp_path: Path) -> None:
    """5,000 commits, 1,000 locks of 20 stages: all 1,000 models joined and compared."""
    repository = tmp_path / "long.git"
    commits = _long_history(repository)
    code, _ = open_code(Code(path=repository), tmp_path / "cache")
    for number in range(1000):
        (state,) = code.states_with_out(_digest("out", 19, number))
        tagged = commits[max(0, number * 5 - 1)]
        commit = code.lock_commit(state, tagged)
        assert commit == commits[number * 5]
        states = code.upstream(state, commit)
        assert len(states) == 21
        assert states[-1].outs[0].digest == _digest("raw", number // 10)
        assert len([i for s in states for i in code.compare(s, commit) if i.equal]) == 41
    found = code.infer({"s19.c": "50.0"}, {})
    assert found == "a DVC lock has the run's parameters, but no metric that tells its data"


def _digest(*key: object) -> str:
    return md5(repr(key))


def _long_history(repository: Path) -> list[str]:
    """Make 5,000 commits of which every fifth trains, and return them, the oldest first."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", repository],
        env=environment,
        check=True,
    )
    stream = []
    for number in range(5000):
        files = {"n.txt": str(number)}
        version = number // 5
        if number == 0:
            files |= {f"s{stage}.py": f"code {stage}" for stage in range(20)}
        if number % 5 == 0:
            files["dvc.lock"] = _long_lock(version)
            files["params.yaml"] = "".join(f"s{s}: {{c: {version / 10}}}\n" for s in range(20))
        if number % 50 == 0:
            files["raw.dvc"] = tracked("raw", _digest("raw", version // 10))
        stream.append(
            f"commit refs/heads/main\ncommitter a <a@b> {1_700_000_000 + number} +0000\ndata 1\nc\n"
        )
        for name, text in files.items():
            stream.append(f"M 100644 inline {name}\ndata {len(text)}\n{text}\n")
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=repository,
        env=environment,
        input="".join(stream).encode(),
        check=True,
    )
    listed = subprocess.run(
        ["git", "rev-list", "--reverse", "main"], cwd=repository, capture_output=True, check=True
    )
    return listed.stdout.decode().split()


def _long_lock(version: int) -> str:
    stages = {}
    before = ("raw", _digest("raw", version // 10))
    for stage in range(20):
        out = (f"o{stage}.bin", _digest("out", stage, version))
        stages[f"s{stage}"] = (dict([before, (f"s{stage}.py", md5(f"code {stage}"))]), dict([out]))
        before = out
    return lock(stages, {f"s{stage}": {f"s{stage}.c": version / 10} for stage in range(20)})
