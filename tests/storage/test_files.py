"""Files read from bytes that need not be trusted."""

from pathlib import Path

import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st
from spacy.kb import InMemoryLookupKB

from spacy_mluke.encoder.access import encoder_from_bytes
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.kb.candidate_sources import KBCandidates
from spacy_mluke.kb.spacy_kb import StoreKB
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.storage.files import pack_files, unpack_files, write_files
from spacy_mluke.tokenization.byte_level import ByteLevelPieces

HOSTILE = {
    "two_slashes": "//tmp/x", "absolute": "/tmp/x", "up": "../x", "up_within": "a/../../x", "here": "./x", "dot": ".",
    "empty": "", "empty_part": "a//b", "folder": "a/", "backslash": "..\\x", "drive": "C:x", "stream": "x:y",
    "nul": "a\0b", "newline": "a\nb", "surrogate": "\ud800", "device": "NUL.txt", "device_2": "a/com1",
    "dots_and_space": ".. /x", "ends_in_dot": "x.", "long": "a" * 300, "bytes": b"x", "number": 1, "none": None,
}  # fmt: skip


def everything(folder: Path):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_outside_the_folder_is_a_coded_error_and_nothing_is_written(tmp_path, name):
    with pytest.raises(ValueError, match="ML330"):
        write_files(tmp_path / "in" / "it", {"fine": b"1", name: b"2"})
    assert everything(tmp_path) == []


@given(st.text(max_size=12) | st.lists(st.sampled_from([*"/\\.:~ a\0", "..", "C:", "//"]), max_size=8).map("".join))
def test_nothing_is_written_outside_the_folder_for_any_name(tmp_path_factory, name):
    root = tmp_path_factory.mktemp("root")
    inside = root / "a" / "b"
    inside.mkdir(parents=True)
    try:
        write_files(inside, {name: b"x"})
    except ValueError as err:
        assert "ML330" in str(err)
        assert everything(inside) == []
    else:
        assert (inside / name).read_bytes() == b"x"
    assert [path for path in everything(root) if not path.startswith("a/b")] == ["a"]


def test_links_are_not_followed(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "kept").write_bytes(b"kept")
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "kept")
    with pytest.raises(ValueError, match="ML330"):
        write_files(folder, {"link/x": b"x"})
    write_files(folder, {"file": b"new"})
    assert (folder / "file").read_bytes() == b"new"
    assert everything(outside) == ["kept"] and (outside / "kept").read_bytes() == b"kept"


def test_a_name_that_is_a_file_and_a_folder_is_a_coded_error(tmp_path):
    with pytest.raises(ValueError, match="ML330"):
        write_files(tmp_path, {"a": b"1", "a/b": b"2"})
    with pytest.raises(ValueError, match="ML330"):
        write_files(tmp_path, {"c/b": b"1", "c": b"2"})


@pytest.mark.parametrize("data", [b"", b"\xc1", srsly.msgpack_dumps([1]), srsly.msgpack_dumps({"a": "text"}), None])
def test_bytes_without_files_are_a_coded_error(tmp_path, data):
    with pytest.raises(ValueError, match="ML331"):
        unpack_files(data, tmp_path)


def test_files_survive_bytes(tmp_path):
    files = {"a": b"1", "kb/contents": b"2", "kb/名/strings.json": b""}
    write_files(tmp_path / "one", files)
    unpack_files(pack_files(tmp_path / "one"), tmp_path / "two")
    assert {name: (tmp_path / "two" / name).read_bytes() for name in files} == files
    assert len([path for path in (tmp_path / "two").rglob("*") if path.is_file()]) == len(files)


@pytest.mark.parametrize("name", ["//{}/x", "/{}/x", "../../../../../../../../{}/x"])
def test_bytes_of_components_write_nothing_outside_their_folder(tmp_path, name):
    data = srsly.msgpack_dumps({name.format(str(tmp_path).lstrip("/")): b"x"})
    with pytest.raises(ValueError, match="ML330"):
        KBCandidates().from_bytes(data)
    with pytest.raises(ValueError, match="ML330"):
        encoder_from_bytes(build_encoder_v1("none"), data)
    nlp = spacy.blank("en")
    nlp.add_pipe("mluke_mentions", config={"candidates": {"@misc": "spacy-mluke.kb_candidates.v1"}})
    saved = srsly.msgpack_loads(nlp.to_bytes())
    own = srsly.msgpack_loads(saved["mluke_mentions"])
    own["candidates"] = data
    saved["mluke_mentions"] = srsly.msgpack_dumps(own)
    with pytest.raises(ValueError, match="ML330"):
        nlp.from_bytes(srsly.msgpack_dumps(saved))
    with pytest.raises(ValueError, match="ML330"):
        ByteLevelPieces(srsly.msgpack_loads(data)).to_dir(tmp_path / "in")
    assert everything(tmp_path) == []


@pytest.mark.parametrize("data", [b"no store", "text", 5])
def test_a_store_of_other_bytes_is_a_coded_error(data):
    with pytest.raises(ValueError, match=r"ML230|ML331"):
        EntityStore.from_bytes(data)


@pytest.mark.parametrize("damage", ["missing", "folder", "cut", "garbage", "other"])
def test_a_damaged_knowledge_base_is_a_coded_error(tmp_path, damage):
    vocab = spacy.blank("en").vocab
    kb = InMemoryLookupKB(vocab, 3)
    kb.add_entity("Q1", 1.0, [0, 0, 0])
    kb.add_alias("A", ["Q1"], [1.0])
    contents = tmp_path / "kb" / "contents"
    kb.to_disk(contents.parent)
    content = contents.read_bytes()
    if damage in ("cut", "garbage"):
        contents.write_bytes(content[:20] if damage == "cut" else content[:8] + b"\xff" * 72)
    else:
        contents.unlink()
    if damage == "folder":
        contents.mkdir()
    elif damage == "other":
        (tmp_path / "kb" / "entities.json").write_text("{}")
    candidates = KBCandidates()
    candidates.bind(vocab)
    with pytest.raises(ValueError, match="ML333"):
        candidates.from_disk(tmp_path)


def test_a_store_used_as_a_knowledge_base_loads_without_options(tmp_path):
    vocab = spacy.blank("en").vocab
    store = build_store([StoreRow("Q1", "en", "Tokyo")], tmp_path / "store.sqlite")
    saved = KBCandidates(lambda vocab: StoreKB(vocab, 1, store))
    saved.bind(vocab)
    loaded = KBCandidates()
    loaded.bind(vocab)
    loaded.from_bytes(saved.to_bytes())
    assert [entity.id for entity in loaded.entities()] == ["Q1"]


@pytest.mark.parametrize(
    ("factory", "part"), [("mluke", "encoder"), ("mluke_ner", "head.safetensors"), ("mluke_linker", "component"),
                          ("mluke_mentions", "candidates")],
)  # fmt: skip
def test_bytes_that_are_not_a_component_are_a_coded_error(factory, part):
    pipe = spacy.blank("xx").add_pipe(factory)
    whole = srsly.msgpack_dumps({part: b"x"})
    for data in (b"", b"\xc1", whole[:-1], whole + b"x", srsly.msgpack_dumps([]), srsly.msgpack_dumps({part: 1.5})):
        with pytest.raises(ValueError, match="ML331"):
            pipe.from_bytes(data)
