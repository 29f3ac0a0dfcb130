"""``mlflow-audit snapshot`` and the narrow reading below it, on a real registry."""

from support.registry import mlflow_at

from audit.cli import main
from audit.history.state import state_of
from audit.sources.registry.readers import open_registry


def test_the_narrow_reading_gives_the_same_state_as_the_whole_one(world, server):
    for uri, reader in ((world.uri, "sql"), (server, "rest")):
        source = open_registry(uri)
        narrow, whole = source.read_models(), source.read()
        assert state_of(narrow, reader) == state_of(whole, reader)
        assert narrow.runs == ()


def test_both_readers_see_the_same_state_but_for_what_rest_cannot_see(world, server):
    by_sql = state_of(open_registry(world.uri).read_models(), "rest")
    assert state_of(open_registry(server).read_models(), "rest") == by_sql


def test_the_command_says_what_changed_in_one_line(own_world, tmp_path, capsys):
    job = tmp_path / "job.yaml"
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    job.write_text(
        f"job: {{name: test}}\nregistry: {{uri: '{own_world.uri}'}}\nledger: '{ledger}'\n"
    )

    def said():
        assert main(["snapshot", str(job)]) == 0
        return capsys.readouterr().out

    assert said().startswith("first observation: ")
    assert said().startswith("nothing changed in ")
    with mlflow_at(own_world.uri) as client:
        client.create_registered_model("made-later", {"team": "risk"})
    capsys.readouterr()
    line = said()
    assert line.startswith("2 of ")
    assert line.endswith("entries changed, in made-later\n")


def test_a_job_is_needed(capsys):
    assert main(["snapshot"]) == 2
    assert "no job file is named" in capsys.readouterr().err
