import socket
import threading
from pathlib import Path

import pytest

from modrobust.dataset.download import data_files, data_folder
from modrobust.errors import UserError

NAMES = ["a", "b"]


def bring(root: Path) -> None:
    (root / "set/raw").mkdir(parents=True)
    for name in NAMES:
        (root / "set/raw" / name).write_text("downloaded")


def fail(root: Path) -> None:
    (root / "set/raw").mkdir(parents=True)
    (root / "set/raw/a").write_text("half")
    raise OSError("no route\nto host")


def never(root: Path) -> None:
    raise AssertionError("nothing is missing")


def test_files_that_are_there_are_found_in_any_form(tmp_path: Path) -> None:
    (tmp_path / "set/raw/gzip").mkdir(parents=True)
    for file in ("a", "a.gz", "gzip/b.gz"):
        (tmp_path / "set/raw" / file).touch()
    paths = data_files(tmp_path, "set/raw", NAMES, never, lambda name: (name, f"{name}.gz", f"gzip/{name}.gz"))
    assert paths == [tmp_path / "set/raw/a", tmp_path / "set/raw/gzip/b.gz"]


def test_what_is_missing_is_downloaded_and_nothing_else_changes(tmp_path: Path) -> None:
    (tmp_path / "set/raw").mkdir(parents=True)
    (tmp_path / "set/raw/a").write_text("placed by hand")
    paths = data_files(tmp_path, "set/raw", NAMES, bring)
    assert [path.read_text() for path in paths] == ["placed by hand", "downloaded"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_failed_download_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        data_files(tmp_path, "set/raw", NAMES, fail, lambda name: (name, f"{name}.gz", f"gzip/{name}"))
    message = str(caught.value)
    assert f"a, b not found in {tmp_path}/set/raw, and the download failed (OSError: no route to host)" in message
    assert "put the files there by hand, as NAME or NAME.gz" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_under_other_names_is_told(tmp_path: Path) -> None:
    (tmp_path / "set/raw").mkdir(parents=True)
    (tmp_path / "set/raw/a.zip").touch()
    with pytest.raises(UserError, match=rf"a, b not found in {tmp_path}/set/raw \(which holds a\.zip\), and the down"):
        data_files(tmp_path, "set/raw", NAMES, fail)


def test_a_download_without_the_files_is_a_failed_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a, b not found in .*download failed .FileNotFoundError"):
        data_files(tmp_path, "set/raw", NAMES, lambda root: None)


def test_parallel_runs_download_once(tmp_path: Path) -> None:
    downloads = []

    def count(root: Path) -> None:
        downloads.append(root)
        bring(root)

    runs = [threading.Thread(target=data_files, args=(tmp_path, "set/raw", NAMES, count)) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(downloads) == 1


def test_sockets_time_out_during_a_download_only(tmp_path: Path) -> None:
    seen = []

    def look(root: Path) -> None:
        seen.append(socket.getdefaulttimeout())
        bring(root)

    data_files(tmp_path, "set/raw", NAMES, look)
    assert seen[0] is not None and seen[0] <= 30
    assert socket.getdefaulttimeout() is None


def test_only_the_default_folder_is_created_and_only_by_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"paths.data is {tmp_path}/dta, which does not exist"):
        data_files(Path("dta"), "set/raw", NAMES, bring)
    with pytest.raises(UserError, match=r"download failed"):
        data_files(Path("data"), "set/raw", NAMES, fail)
    assert list(tmp_path.iterdir()) == []
    assert data_files(Path("data"), "set/raw", NAMES, bring) == [
        Path("data/set/raw/a"),
        Path("data/set/raw/b"),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_file_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(UserError, match=r"data, which is not a folder: create it, or set paths.data"):
        data_folder(tmp_path / "data")
