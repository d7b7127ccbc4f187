"""Check the package with every Python on this machine, and with the lowest and highest versions of dependencies.

    python scripts/check_versions.py --output out/versions

1. Build the source distribution, a wheel from it, and a wheel from the repository; the two wheels must be equal.
2. For each installed Python, and for the lowest and the highest versions of the ranges in setup.cfg: install the wheel
   into an empty environment, run the first example of the README in an empty folder, and run tests against the
   installed files.
3. For each Python, installed or not: look for wheels of all dependencies, on four platforms.

It writes `versions.json`, `versions.md` and the output of the tests. It needs `uv` (`pip install uv`) and a package
index. With `--torch-backend cpu`, uv takes torch from PyTorch's index of CPU builds; without it, Linux gets CUDA
libraries of several gigabytes. uv's environment variables (UV_FIND_LINKS, UV_INDEX_URL) work.
"""

from __future__ import annotations

import argparse
import datetime
import email
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

REPO = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
SETS = {"lowest": "lowest-direct", "highest": "highest"}
PLATFORMS = {
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux ARM": "aarch64-manylinux_2_28",
    "macOS ARM": "aarch64-apple-darwin",
    "Windows x86-64": "x86_64-pc-windows-msvc",
}
EXTRAS = ("report", "parquet", "ray", "distributed", "serve")
SHOWN = ("spacy", "thinc", "confection", "spacy-transformers", "transformers", "torch", "numpy")
# The tests that depend most on other packages: all stages, saving, training, and files that other libraries read.
TESTS = (
    "tests/align",
    "tests/bulk/test_sources.py",
    "tests/checkpoint",
    "tests/encoder",
    "tests/kb",
    "tests/network",
    "tests/tokenization",
    "tests/vocabulary",
    "tests/heads",
    "tests/pipeline/test_mluke.py",
    "tests/pipeline/test_ner_training.py",
    "tests/pipeline/test_relations.py",
    "tests/pipeline/test_saving.py",
    "tests/pipeline/test_training.py",
    "tests/test_load.py",
    "tests/test_readme.py",
    "tests/test_registry.py",
)
_EXAMPLE = """
import re, sys
block = re.findall(r"```python\\n(.*?)```", open(sys.argv[1], encoding="utf8").read(), flags=re.DOTALL)[0]
names = {}
exec(block, names)
assert names["doc"].ents[0]._.mluke_vector.shape == (384,)
"""


@dataclass
class Run:
    """The results in one environment."""

    python: str  # its full version
    versions: str  # "lowest", "highest"
    installed: Dict[str, str] = field(default_factory=dict)  # version of each package
    example: str = "not run"  # "passed", or the last line of the error
    tests: str = "not run"  # pytest's last line
    failed: List[str] = field(default_factory=list)  # tests


@dataclass
class Wheels:
    """Whether all dependencies, including those of the extras, have wheels."""

    python: str
    platform: str
    found: Optional[Dict[str, str]]  # newest versions with wheels; None if a dependency has no wheels
    reason: str = ""


def main() -> None:
    """Read the command line, run the checks, and write the files."""
    given = _parse()
    if shutil.which("uv") is None:
        sys.exit("This script needs uv: pip install uv")
    work = given.output.resolve()
    work.mkdir(parents=True, exist_ok=True)
    sdist, wheel, size = build(work / "dist")
    requirements = read_requirements(wheel)
    runs = []
    for python, path in find_pythons(given.python).items():
        for versions in given.sets:
            print(f"Python {python}, {versions} versions", flush=True)
            folder = work / f"{python}-{versions}"
            runs.append(check(path, versions, folder, sdist, wheel, requirements, given))
            if not given.keep:
                shutil.rmtree(folder, ignore_errors=True)
    wheels = [] if given.no_wheels else [find_wheels(v, p, work, requirements) for v in PYTHONS for p in PLATFORMS]
    date = datetime.date.today().isoformat()
    report = {
        "date": date,
        "machine": f"{platform.system()} {platform.machine()}",
        "wheel_bytes": size,
        "runs": [asdict(run) for run in runs],
        "wheels": [asdict(one) for one in wheels],
    }
    (work / "versions.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
    text = render(date, runs, wheels)
    (work / "versions.md").write_text(text, encoding="utf8")
    print(text)
    if any(run.example != "passed" or run.failed or " passed" not in run.tests for run in runs):
        sys.exit(1)


def build(target: Path) -> Tuple[Path, Path, int]:
    """Build the source distribution and the wheel.

    target (Path): Folder for the files; its content is deleted first.
    RETURNS (Tuple[Path, Path, int]): The source distribution, the wheel, its size in bytes.
    RAISES (SystemExit): If the wheels of the source distribution and of the repository differ.
    """
    shutil.rmtree(target, ignore_errors=True)
    # Without options, uv builds the wheel from the source distribution.
    _uv("build", "--quiet", "--out-dir", str(target), str(REPO))
    _uv("build", "--quiet", "--wheel", "--out-dir", str(target / "direct"), str(REPO))
    (sdist,), (wheel,), (direct,) = target.glob("*.tar.gz"), target.glob("*.whl"), target.glob("direct/*.whl")
    if differing := compare_wheels(wheel, direct):
        sys.exit(f"The wheel of the source distribution differs from that of the repository in: {', '.join(differing)}")
    return sdist, wheel, wheel.stat().st_size


def compare_wheels(first: Path, second: Path) -> List[str]:
    """Compare the content of two wheels, without timestamps.

    first (Path): A wheel.
    second (Path): Another.
    RETURNS (List[str]): Names of files that are in only one wheel, or that differ.
    """
    sums = []
    for path in (first, second):
        with zipfile.ZipFile(path) as archive:
            sums.append({name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()})
    return sorted({name for name, _ in set(sums[0].items()) ^ set(sums[1].items())})


def read_requirements(wheel: Path, extras: Sequence[str] = ()) -> List[str]:
    """Read the requirements of a wheel.

    wheel (Path): The wheel.
    extras (Sequence[str]): Extras to include.
    RETURNS (List[str]): Lines of a requirements file.
    """
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []
    found = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"""extra == ["'](\w+)["']""", marker)
        if extra is None or extra[1] in extras:
            found.append(requirement.strip())
    return sorted(set(found))


def find_pythons(wanted: Sequence[str]) -> Dict[str, Path]:
    """Find interpreters on the path, of pyenv, and of uv.

    wanted (Sequence[str]): Versions, such as "3.12".
    RETURNS (Dict[str, Path]): The interpreter of each installed version.
    """
    return {version: path for version in wanted for path in list(_candidates(version))[:1]}


def _candidates(version: str) -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [Path(found) for found in [shutil.which(f"python{version}")] if found]
    places += sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
    found = subprocess.run(
        ["uv", "python", "find", "--no-python-downloads", version], capture_output=True, text=True, check=False
    )
    places += [Path(found.stdout.strip())] if found.returncode == 0 else []
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    for place in places:
        # pyenv has shims on the path also for versions that are not selected.
        result = subprocess.run([place, "-c", code], capture_output=True, text=True, check=False)
        if result.stdout.strip() == version:
            yield place


def check(
    python: Path,
    versions: str,
    folder: Path,
    sdist: Path,
    wheel: Path,
    requirements: List[str],
    given: argparse.Namespace,
) -> Run:
    """Install the wheel, run the first example of the README, then tests.

    python (Path): The interpreter.
    versions (str): "lowest" or "highest".
    folder (Path): Folder for the environment; its content is deleted first.
    sdist (Path): The source distribution, which has the tests.
    wheel (Path): The wheel.
    requirements (List[str]): Requirements of the wheel.
    given (argparse.Namespace): The command line.
    RETURNS (Run): The results.
    """
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--quiet", "--seed", "--python", str(python), str(folder / "env"))  # pip: a test installs with it
    inside = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run = Run(_output([inside, "-c", "import platform; print(platform.python_version())"]), versions)
    (folder / "requirements.in").write_text("\n".join([*requirements, *given.pin]) + "\n")
    options = ["--python", str(inside), *(["--torch-backend", given.torch_backend] if given.torch_backend else [])]
    pins = folder / "requirements.txt"
    resolution = ["--quiet", "--only-binary", ":all:", "--resolution", SETS[versions]]
    _uv("pip", "compile", *resolution, *options, "--output-file", str(pins), str(folder / "requirements.in"))
    _uv("pip", "install", "--quiet", *options, "--requirement", str(pins), str(wheel))
    run.example = _example(inside, folder)
    if given.tests:
        extra = [line for line in read_requirements(wheel, ["test"]) if line not in requirements]
        unused = ("ruff", "mypy", "build", "check-manifest", *(() if given.ray else ("ray",)))
        extra = [line for line in extra if not line.startswith(unused)]
        resolved = [line.split()[0] for line in pins.read_text().splitlines() if "==" in line]
        (folder / "pins.txt").write_text("\n".join(resolved) + "\n")
        _uv("pip", "install", *resolution, *options, "--constraint", str(folder / "pins.txt"), *extra)
        run.tests, run.failed = _tests(inside, folder, sdist, given.tests)
    run.installed = dict(line.split("==") for line in _uv("pip", "freeze", *options[:2]).splitlines() if "==" in line)
    return run


def _example(python: Path, folder: Path) -> str:
    empty = folder / "empty"
    empty.mkdir()
    command = [str(python), "-W", "ignore", "-c", _EXAMPLE, str(REPO / "README.md")]
    done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    return "passed" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no message"])[-1]


def _tests(python: Path, folder: Path, sdist: Path, tests: Sequence[str]) -> Tuple[str, List[str]]:
    """Run tests of the source distribution against the files that the wheel installed."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.glob("spacy_mluke-*")
    shutil.rmtree(source / "spacy_mluke")
    code = "import importlib.util; print(importlib.util.find_spec('spacy_mluke').submodule_search_locations[0])"
    (source / "spacy_mluke").symlink_to(_output([python, "-c", code]), target_is_directory=True)
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", *tests]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    (folder.parent / f"{folder.name}.log").write_text(done.stdout + done.stderr, encoding="utf8")
    lines = done.stdout.strip().splitlines() or ["no output"]
    failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    summary = [line.strip("= ") for line in lines if re.search(r"\d+ (passed|failed|error)", line)]
    return (summary or lines)[-1], failed


def find_wheels(python: str, platform_name: str, work: Path, requirements: List[str]) -> Wheels:
    """Ask the package index whether all dependencies have wheels; only metadata is downloaded.

    python (str): The version.
    platform_name (str): A key of PLATFORMS.
    work (Path): Folder for a file.
    requirements (List[str]): Requirements of the wheel.
    RETURNS (Wheels): The newest versions with wheels.
    """
    (work / "wheels.in").write_text("\n".join(requirements) + "\n")
    options = ["--only-binary", ":all:", "--python-version", python, "--python-platform", PLATFORMS[platform_name]]
    command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", *options, str(work / "wheels.in")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return Wheels(python, platform_name, None, done.stderr.strip())
    found = dict(line.split(";")[0].strip().split("==") for line in done.stdout.splitlines() if "==" in line)
    return Wheels(python, platform_name, found)


def render(date: str, runs: List[Run], wheels: List[Wheels]) -> str:
    """Write the tables in Markdown.

    date (str): The date.
    runs (List[Run]): Results of environments.
    wheels (List[Wheels]): Results for wheels.
    RETURNS (str): Two tables.
    """
    rows = [["Python", "versions", *SHOWN, "first example", "tests"], ["---"] * (len(SHOWN) + 4)]
    for run in runs:
        rows.append(
            [run.python, run.versions, *(run.installed.get(name, "") for name in SHOWN), run.example, run.tests]
        )
    text = [f"Checked on {date}.", "", *(f"| {' | '.join(row)} |" for row in rows), ""]
    text += [f"- {run.python}, {run.versions}: `{test}` failed" for run in runs for test in run.failed]
    rows = [["Python", *PLATFORMS], ["---"] * (len(PLATFORMS) + 1)]
    for python in sorted({one.python for one in wheels}, key=PYTHONS.index):
        cells = [
            "no: " + one.reason.splitlines()[0] if one.found is None else f"torch {one.found['torch']}"
            for one in wheels
            if one.python == python
        ]
        rows.append([python, *cells])
    text += ["", "Wheels of all dependencies:", "", *(f"| {' | '.join(row)} |" for row in rows), ""]
    return "\n".join(text)


def _uv(*arguments: str) -> str:
    done = subprocess.run(["uv", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def _output(command: List) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Check the package with all supported versions of Python and dependencies."
    )
    parser.add_argument("--output", type=Path, default=REPO / "out" / "versions", help="folder for the results")
    parser.add_argument(
        "--python", nargs="+", default=list(PYTHONS), choices=PYTHONS, help="default: all installed ones"
    )
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS, help="default: both")
    parser.add_argument("--tests", nargs="*", default=list(TESTS), help="files and folders; none after it: no tests")
    parser.add_argument("--pin", nargs="*", default=[], help="more requirements, such as torch==2.13.0")
    parser.add_argument("--torch-backend", help="of uv: cpu, cu126, ...")
    parser.add_argument("--ray", action="store_true", help="also install Ray, for tests/bulk/test_cluster.py")
    parser.add_argument("--no-wheels", action="store_true", help="do not look for wheels on other platforms")
    parser.add_argument("--keep", action="store_true", help="keep the environments: gigabytes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
