"""`card` writes a model card, and `push` lists and uploads the files of a pipeline."""

from __future__ import annotations

from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.publishing import push as push_module
from tests.publishing.pipelines import save


def run(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_card_is_written_once_and_replaced_with_force(tmp_path):
    save(tmp_path)
    result = run("card", tmp_path, "--lang", "de")
    assert result.exit_code == 0 and "does not say: description, license, author" in result.output
    assert (tmp_path / "README.md").read_text(encoding="utf8").startswith("---\nlanguage:\n- de\n")
    assert "ML405" in run("card", tmp_path).output
    assert run("card", tmp_path, "--force").exit_code == 0
    assert run("card", tmp_path, "--output", tmp_path / "other.md").exit_code == 0


def test_a_dry_run_lists_files_and_sizes_and_uploads_nothing(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("uploaded")

    monkeypatch.setattr(push_module, "push", refuse)
    save(tmp_path)
    assert "ML407" in run("push", tmp_path, "me/places", "--dry-run").output
    (tmp_path / "README.md").write_text("x" * 1234)
    result = run("push", tmp_path, "me/places", "--dry-run")
    assert result.exit_code == 0 and "README.md" in result.output and "1,234" in result.output
    assert "Nothing was uploaded" in " ".join(result.output.split())


def test_an_upload_has_name_and_version_as_its_message(tmp_path, monkeypatch):
    found = []

    def upload(files, repo, **options):
        found.append((len(files) > 3, repo, options))
        return "https://example.com/1"

    monkeypatch.setattr(push_module, "push", upload)
    save(tmp_path)
    (tmp_path / "README.md").write_text("card")
    assert "https://example.com/1" in run("push", tmp_path, "me/places", "--private").output
    assert found == [(True, "me/places", {"message": "de_places 1.2.3", "private": True, "revision": None})]


def test_wrong_input_has_coded_errors(tmp_path):
    save(tmp_path)
    assert "ML406" in run("card", tmp_path / "missing").output
    assert "ML408" in run("push", tmp_path, "no owner", "--dry-run").output
